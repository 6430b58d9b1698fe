-- +goose Up
-- Cards as they were tried, one row for each charge (or, where Stripe made none, for
-- each event), so that news of one that comes twice counts once. What could tell who
-- it was is hashed; second is Unix time.
CREATE TABLE card_tries (
    id          text PRIMARY KEY,
    owner       text    NOT NULL,
    network     text    NOT NULL,
    subject     text    NOT NULL,
    payment     text    NOT NULL,
    fingerprint text    NOT NULL,
    declined    boolean NOT NULL,
    small       boolean NOT NULL,
    second      bigint  NOT NULL
);
CREATE INDEX card_tries_owner ON card_tries (owner, second);
CREATE INDEX card_tries_network ON card_tries (network, second);
CREATE INDEX card_tries_subject ON card_tries (subject, second) WHERE declined;
CREATE INDEX card_tries_fingerprint ON card_tries (fingerprint, second) WHERE declined;
CREATE INDEX card_tries_second ON card_tries (second);

-- Bursts that staff was told of, one in each window.
CREATE TABLE card_alerts (
    span     bigint PRIMARY KEY,
    tries    bigint NOT NULL
);

-- Where a payment was started from (hashed), how often a card of it was declined, which
-- decline was counted last, whether payers are still told why, and the reason for which
-- Till ends it.
ALTER TABLE payments ADD COLUMN network text NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN declines bigint NOT NULL DEFAULT 0;
ALTER TABLE payments ADD COLUMN tried text NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN withheld boolean NOT NULL DEFAULT false;
ALTER TABLE payments ADD COLUMN stop_for text NOT NULL DEFAULT '';
ALTER TABLE setup_intents ADD COLUMN network text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE setup_intents DROP COLUMN network;
ALTER TABLE payments DROP COLUMN stop_for;
ALTER TABLE payments DROP COLUMN withheld;
ALTER TABLE payments DROP COLUMN tried;
ALTER TABLE payments DROP COLUMN declines;
ALTER TABLE payments DROP COLUMN network;
DROP TABLE card_alerts;
DROP TABLE card_tries;
