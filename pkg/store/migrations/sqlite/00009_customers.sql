-- +goose Up
-- Whom a user is at Stripe. A row is written before Stripe is asked, and made only
-- where something has to be saved: who just pays has none.
CREATE TABLE customers (
    id          text PRIMARY KEY,
    owner       text        NOT NULL,
    account     text        NOT NULL DEFAULT '',
    livemode    boolean     NOT NULL,
    customer_id text,
    stage       text        NOT NULL,
    revision    bigint      NOT NULL,
    email       text        NOT NULL DEFAULT '',
    token_email text        NOT NULL DEFAULT '',
    called_at   datetime NOT NULL,
    created_at  datetime NOT NULL,
    updated_at  datetime NOT NULL,
    CHECK ((stage = 'attached') = (customer_id IS NOT NULL))
);
-- One customer for each user and mode.
CREATE UNIQUE INDEX customers_owner ON customers (owner, livemode);
CREATE UNIQUE INDEX customers_stripe ON customers (account, livemode, customer_id) WHERE customer_id IS NOT NULL;

CREATE TABLE setup_intents (
    id                 text PRIMARY KEY,
    customer           text        NOT NULL REFERENCES customers (id),
    account            text        NOT NULL DEFAULT '',
    livemode           boolean     NOT NULL,
    stripe_customer_id text        NOT NULL,
    intent_id          text,
    usage              text        NOT NULL,
    stage              text        NOT NULL,
    called_at          datetime NOT NULL,
    created_at         datetime NOT NULL
);
CREATE UNIQUE INDEX setup_intents_intent ON setup_intents (account, livemode, intent_id) WHERE intent_id IS NOT NULL;

-- What a user has had taken off, so that the same call again is answered as the first.
CREATE TABLE removed_methods (
    customer   text        NOT NULL REFERENCES customers (id),
    method_id  text        NOT NULL,
    removed_at datetime NOT NULL,
    PRIMARY KEY (customer, method_id)
);

-- Whose Stripe customer an attempt is, and what the payer agreed to have the way to
-- pay kept for; the timeline says when.
ALTER TABLE payments ADD COLUMN stripe_customer_id text NOT NULL DEFAULT '';
ALTER TABLE payments ADD COLUMN future_usage text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE payments DROP COLUMN future_usage;
ALTER TABLE payments DROP COLUMN stripe_customer_id;
DROP TABLE removed_methods;
DROP TABLE setup_intents;
DROP TABLE customers;
