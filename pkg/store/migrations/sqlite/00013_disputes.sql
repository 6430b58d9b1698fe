-- +goose Up
-- What payers have banks take back, and what issuers warn of. A dispute is a flag
-- beside an order's status: disputed is what is withdrawn now, minor units of the
-- payment's currency, and with what was refunded and is held for refunds never more than was captured.
-- disputes and warnings count the rows in the tables below, so that these are read
-- only where there are any.
ALTER TABLE payments ADD COLUMN disputed integer NOT NULL DEFAULT 0 CHECK (disputed >= 0 AND refunded + reserved + disputed <= captured);
ALTER TABLE payments ADD COLUMN disputes integer NOT NULL DEFAULT 0 CHECK (disputes >= 0);
ALTER TABLE payments ADD COLUMN warnings integer NOT NULL DEFAULT 0 CHECK (warnings >= 0);
ALTER TABLE orders ADD COLUMN amount_disputed integer NOT NULL DEFAULT 0 CHECK (amount_disputed >= 0);
ALTER TABLE orders ADD COLUMN disputed boolean NOT NULL DEFAULT false;
ALTER TABLE orders ADD COLUMN fraud_warning boolean NOT NULL DEFAULT false;

CREATE TABLE disputes (
    id             text PRIMARY KEY,
    order_id       text NOT NULL REFERENCES orders (id),
    payment_id     text NOT NULL REFERENCES payments (id),
    account        text NOT NULL DEFAULT '',
    livemode       boolean NOT NULL,
    intent_id      text NOT NULL,
    charge_id      text NOT NULL,
    stripe_id      text NOT NULL,
    status         text NOT NULL,
    reason         text NOT NULL DEFAULT '',
    currency       text NOT NULL,
    amount         integer NOT NULL CHECK (amount >= 0),
    withdrawn      integer NOT NULL DEFAULT 0 CHECK (withdrawn >= 0),
    reinstated     integer NOT NULL DEFAULT 0 CHECK (reinstated >= 0 AND reinstated <= withdrawn),
    refundable     boolean NOT NULL,
    due_by         datetime,
    has_evidence   boolean NOT NULL DEFAULT false,
    past_due       boolean NOT NULL DEFAULT false,
    submissions    integer NOT NULL DEFAULT 0,
    revision       integer NOT NULL DEFAULT 0,
    stage          text NOT NULL DEFAULT '' CHECK (stage IN ('', 'creating', 'sent', 'attached', 'abandoned')),
    call           text,
    refusal        text NOT NULL DEFAULT '',
    called_at      datetime,
    observed_at    datetime,
    next_check_at  datetime,
    looks          integer NOT NULL DEFAULT 0,
    created_at     datetime NOT NULL,
    updated_at     datetime NOT NULL,
    closed_at      datetime,
    CHECK ((stage IN ('creating', 'sent')) = (call IS NOT NULL))
);
CREATE UNIQUE INDEX disputes_stripe ON disputes (account, livemode, stripe_id);
CREATE INDEX disputes_order ON disputes (order_id, id);
CREATE INDEX disputes_payment ON disputes (payment_id, id);
CREATE INDEX disputes_status ON disputes (status, id);
CREATE INDEX disputes_check ON disputes (next_check_at) WHERE next_check_at IS NOT NULL;

-- Files that Stripe has for a dispute's evidence. The content is not kept: the same
-- content again is the same file.
CREATE TABLE dispute_files (
    id             text PRIMARY KEY,
    dispute_id     text NOT NULL REFERENCES disputes (id),
    sha256         text NOT NULL,
    name           text NOT NULL,
    type           text NOT NULL,
    size           integer NOT NULL CHECK (size > 0),
    stripe_id      text,
    added_by       text NOT NULL,
    created_at     datetime NOT NULL
);
CREATE UNIQUE INDEX dispute_files_content ON dispute_files (dispute_id, sha256);

CREATE TABLE fraud_warnings (
    id             text PRIMARY KEY,
    order_id       text NOT NULL REFERENCES orders (id),
    payment_id     text NOT NULL REFERENCES payments (id),
    account        text NOT NULL DEFAULT '',
    livemode       boolean NOT NULL,
    stripe_id      text NOT NULL,
    charge_id      text NOT NULL,
    type           text NOT NULL DEFAULT '',
    actionable     boolean NOT NULL,
    outcome        text NOT NULL CHECK (outcome IN ('recorded', 'flagged', 'waiting', 'refunded')),
    refund_id      text REFERENCES refunds (id),
    observed_at    datetime,
    created_at     datetime NOT NULL,
    updated_at     datetime NOT NULL,
    CHECK ((outcome = 'refunded') = (refund_id IS NOT NULL))
);
CREATE UNIQUE INDEX fraud_warnings_stripe ON fraud_warnings (account, livemode, stripe_id);
CREATE UNIQUE INDEX fraud_warnings_refund ON fraud_warnings (refund_id) WHERE refund_id IS NOT NULL;
CREATE INDEX fraud_warnings_payment ON fraud_warnings (payment_id, id);

-- Up to which second the account's disputes and warnings have been listed.
INSERT INTO till_settings VALUES ('disputes_listed', strftime('%s', 'now')), ('warnings_listed', strftime('%s', 'now'));

-- +goose Down
DELETE FROM till_settings WHERE name IN ('disputes_listed', 'warnings_listed');
DROP TABLE fraud_warnings;
DROP TABLE dispute_files;
DROP TABLE disputes;
ALTER TABLE orders DROP COLUMN fraud_warning;
ALTER TABLE orders DROP COLUMN disputed;
ALTER TABLE orders DROP COLUMN amount_disputed;
ALTER TABLE payments DROP COLUMN warnings;
ALTER TABLE payments DROP COLUMN disputes;
ALTER TABLE payments DROP COLUMN disputed;
