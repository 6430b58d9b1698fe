-- +goose Up
-- What moved the balance at Stripe for a payment, in the currency that the account
-- is settled in: rows are written once and never changed. exchange_rate is a decimal
-- number as Stripe tells it, empty where nothing was exchanged.
CREATE TABLE balance_transactions (
    account        text NOT NULL DEFAULT '',
    livemode       boolean NOT NULL,
    stripe_id      text NOT NULL,
    payment_id     text NOT NULL REFERENCES payments (id),
    type           text NOT NULL,
    category       text NOT NULL,
    source         text NOT NULL,
    currency       text NOT NULL,
    amount         bigint NOT NULL,
    fee            bigint NOT NULL,
    net            bigint NOT NULL CHECK (net = amount - fee),
    exchange_rate  text NOT NULL DEFAULT '',
    available_at   timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (account, livemode, stripe_id)
);
CREATE INDEX balance_transactions_payment ON balance_transactions (payment_id, created_at, stripe_id);

-- How far the account's movements have been listed. Up to listed_until all are seen.
-- While a list is under way, since the second list_began, it reads back to list_from
-- and goes on after the movement that was read last. One process at a time holds the
-- cursor, and writes only while version is as it took it.
CREATE TABLE balance_cursor (
    name           text PRIMARY KEY CHECK (name = 'account'),
    listed_until   bigint NOT NULL,
    list_from      bigint NOT NULL DEFAULT 0,
    list_began     bigint NOT NULL DEFAULT 0,
    after          text NOT NULL DEFAULT '',
    version        bigint NOT NULL DEFAULT 0,
    due_at         timestamptz NOT NULL
);
INSERT INTO balance_cursor (name, listed_until, due_at)
VALUES ('account', (SELECT extract(epoch FROM coalesce(min(created_at), now()))::bigint FROM payments), now() + interval '10 minutes');

-- +goose Down
DROP TABLE balance_cursor;
DROP TABLE balance_transactions;
