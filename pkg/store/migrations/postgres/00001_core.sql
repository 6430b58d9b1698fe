-- +goose Up
CREATE TABLE till_settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);
-- Tells this Till's Stripe objects from those of another one on the same account.
INSERT INTO till_settings VALUES ('instance', replace(gen_random_uuid()::text, '-', ''));

-- The oldest schema version whose binaries may still serve on this schema.
INSERT INTO till_settings VALUES ('compatible_from', '1');

CREATE TABLE orders (
    id              text PRIMARY KEY,
    owner           text        NOT NULL,
    reference       text,
    status          text        NOT NULL,
    currency        text        NOT NULL,
    total           bigint      NOT NULL CHECK (total >= 0),
    processing      bigint      NOT NULL DEFAULT 0 CHECK (processing >= 0),
    authorized      bigint      NOT NULL DEFAULT 0 CHECK (authorized >= 0),
    captured        bigint      NOT NULL DEFAULT 0 CHECK (captured >= 0),
    released        bigint      NOT NULL DEFAULT 0 CHECK (released >= 0),
    refunded        bigint      NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    amount_mismatch boolean     NOT NULL DEFAULT false,
    description     text        NOT NULL DEFAULT '',
    metadata        jsonb       NOT NULL DEFAULT '{}',
    receipt         text        NOT NULL DEFAULT '',
    receipt_email   text        NOT NULL DEFAULT '',
    account_email   text        NOT NULL DEFAULT '',
    billing_email   text        NOT NULL DEFAULT '',
    placed_at       timestamptz,
    paid_at         timestamptz,
    canceled_at     timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CHECK (refunded <= captured)
);
CREATE UNIQUE INDEX orders_reference ON orders (owner, reference) WHERE reference IS NOT NULL AND canceled_at IS NULL;
CREATE INDEX orders_owner ON orders (owner, id);

CREATE TABLE order_items (
    order_id    text   NOT NULL REFERENCES orders (id),
    position    bigint NOT NULL,
    price_id    text   NOT NULL DEFAULT '',
    product_id  text   NOT NULL DEFAULT '',
    name        text   NOT NULL,
    quantity    bigint NOT NULL CHECK (quantity > 0),
    unit_amount bigint NOT NULL CHECK (unit_amount >= 0),
    amount      bigint NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (order_id, position)
);

CREATE TABLE payments (
    id             text PRIMARY KEY,
    order_id       text REFERENCES orders (id),
    invoice_id     text,
    account        text        NOT NULL DEFAULT '',
    livemode       boolean     NOT NULL,
    intent_id      text,
    client_secret  text        NOT NULL DEFAULT '',
    stage          text        NOT NULL,
    status         text        NOT NULL,
    currency       text        NOT NULL,
    amount         bigint      NOT NULL CHECK (amount >= 0),
    authorized     bigint      NOT NULL DEFAULT 0 CHECK (authorized >= 0),
    captured       bigint      NOT NULL DEFAULT 0 CHECK (captured >= 0),
    failure        jsonb,
    version        bigint      NOT NULL,
    revision       bigint      NOT NULL,
    call           jsonb       NOT NULL,
    called_at      timestamptz NOT NULL,
    observed_at    timestamptz,
    read_at        timestamptz,
    next_check_at  timestamptz,
    looks          bigint      NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CHECK ((order_id IS NULL) <> (invoice_id IS NULL))
);
-- One live attempt per order.
CREATE UNIQUE INDEX payments_live ON payments (order_id) WHERE stage <> 'abandoned' AND status NOT IN ('succeeded', 'canceled');
CREATE UNIQUE INDEX payments_intent ON payments (account, livemode, intent_id) WHERE intent_id IS NOT NULL;
CREATE INDEX payments_order ON payments (order_id, id);
CREATE INDEX payments_check ON payments (next_check_at) WHERE next_check_at IS NOT NULL;

CREATE TABLE timeline (
    id         text PRIMARY KEY,
    order_id   text        NOT NULL,
    payment_id text,
    kind       text        NOT NULL,
    from_state text        NOT NULL DEFAULT '',
    to_state   text        NOT NULL DEFAULT '',
    message    text        NOT NULL DEFAULT '',
    version    bigint      NOT NULL DEFAULT 0,
    cause_kind text        NOT NULL,
    cause_id   text        NOT NULL DEFAULT '',
    at         timestamptz NOT NULL,
    stripe_at  timestamptz
);
CREATE INDEX timeline_payment ON timeline (payment_id, id);
CREATE INDEX timeline_order ON timeline (order_id, id);

CREATE TABLE webhook_deliveries (
    account     text        NOT NULL DEFAULT '',
    livemode    boolean     NOT NULL,
    event_id    text        NOT NULL,
    type        text        NOT NULL,
    object_id   text        NOT NULL DEFAULT '',
    api_version text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    state       text        NOT NULL,
    reason      text        NOT NULL DEFAULT '',
    attempts    bigint      NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    settled_at  timestamptz,
    body        bytea       NOT NULL,
    PRIMARY KEY (account, livemode, event_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_try_at) WHERE next_try_at IS NOT NULL;

CREATE TABLE effects (
    id         text PRIMARY KEY,
    subject    text        NOT NULL,
    effect     text        NOT NULL,
    channel    text        NOT NULL,
    payload    jsonb       NOT NULL,
    state      text        NOT NULL,
    error      text        NOT NULL DEFAULT '',
    attempts   bigint      NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    done_at    timestamptz
);
CREATE UNIQUE INDEX effects_once ON effects (subject, effect);
CREATE INDEX effects_pending ON effects (created_at) WHERE state = 'pending';

CREATE TABLE idempotency_keys (
    caller      text        NOT NULL,
    method      text        NOT NULL,
    route       text        NOT NULL,
    key         text        NOT NULL,
    body_hash   text        NOT NULL,
    resource_id text        NOT NULL,
    status_code bigint      NOT NULL DEFAULT 0,
    claimed_at  timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (caller, method, route, key)
);

-- +goose Down
DROP TABLE idempotency_keys, effects, webhook_deliveries, timeline, payments, order_items, orders, till_settings;
