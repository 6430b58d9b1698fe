-- +goose Up
-- What of a payment has gone back, and what is held for refunds that Stripe has not
-- confirmed yet, as far as there is room: together never more than was captured.
-- refunds counts its rows in the table below, so that it is read only where there
-- are any.
ALTER TABLE payments ADD COLUMN refunded integer NOT NULL DEFAULT 0 CHECK (refunded >= 0);
ALTER TABLE payments ADD COLUMN reserved integer NOT NULL DEFAULT 0 CHECK (reserved >= 0 AND refunded + reserved <= captured);
ALTER TABLE payments ADD COLUMN refunds integer NOT NULL DEFAULT 0 CHECK (refunds >= 0);

CREATE TABLE refunds (
    id             text PRIMARY KEY,
    order_id       text NOT NULL REFERENCES orders (id),
    payment_id     text NOT NULL REFERENCES payments (id),
    account        text NOT NULL DEFAULT '',
    livemode       boolean NOT NULL,
    intent_id      text NOT NULL,
    stripe_id      text,
    stripe_key     text,
    stage          text NOT NULL CHECK (stage IN ('creating', 'sent', 'attached', 'abandoned')),
    status         text NOT NULL,
    currency       text NOT NULL,
    amount         integer NOT NULL CHECK (amount > 0),
    lines          text NOT NULL,
    reason         text NOT NULL DEFAULT '',
    note           text NOT NULL DEFAULT '',
    failure        text NOT NULL DEFAULT '',
    requested_by   text NOT NULL DEFAULT '',
    called_at      datetime NOT NULL,
    observed_at    datetime,
    next_check_at  datetime,
    looks          integer NOT NULL DEFAULT 0,
    created_at     datetime NOT NULL,
    updated_at     datetime NOT NULL,
    CHECK ((stage = 'attached') = (stripe_id IS NOT NULL)),
    CHECK ((stage IN ('creating', 'sent')) = (status = 'unknown'))
);
CREATE UNIQUE INDEX refunds_stripe ON refunds (account, livemode, stripe_id) WHERE stripe_id IS NOT NULL;
CREATE UNIQUE INDEX refunds_stripe_key ON refunds (stripe_key) WHERE stripe_key IS NOT NULL;
CREATE INDEX refunds_order ON refunds (order_id, id);
CREATE INDEX refunds_payment ON refunds (payment_id, id);
CREATE INDEX refunds_check ON refunds (next_check_at) WHERE next_check_at IS NOT NULL;

-- Who asked for a change, where somebody did beside the customer.
ALTER TABLE timeline ADD COLUMN actor text NOT NULL DEFAULT '';

-- Up to which second the account's refunds have been listed.
INSERT INTO till_settings VALUES ('refunds_listed', strftime('%s', 'now'));

-- +goose Down
DELETE FROM till_settings WHERE name = 'refunds_listed';
ALTER TABLE timeline DROP COLUMN actor;
DROP TABLE refunds;
ALTER TABLE payments DROP COLUMN refunds;
ALTER TABLE payments DROP COLUMN reserved;
ALTER TABLE payments DROP COLUMN refunded;
