-- +goose Up
CREATE TABLE till_settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);
-- Tells this Till's Stripe objects from those of another one on the same account.
INSERT INTO till_settings VALUES ('instance', lower(hex(randomblob(16))));

-- The oldest schema version whose binaries may still serve on this schema.
INSERT INTO till_settings VALUES ('compatible_from', '1');

CREATE TABLE orders (
    id              text PRIMARY KEY,
    owner           text        NOT NULL,
    reference       text,
    status          text        NOT NULL,
    currency        text        NOT NULL,
    total           integer      NOT NULL CHECK (total >= 0),
    processing      integer      NOT NULL DEFAULT 0 CHECK (processing >= 0),
    authorized      integer      NOT NULL DEFAULT 0 CHECK (authorized >= 0),
    captured        integer      NOT NULL DEFAULT 0 CHECK (captured >= 0),
    released        integer      NOT NULL DEFAULT 0 CHECK (released >= 0),
    refunded        integer      NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    amount_mismatch boolean     NOT NULL DEFAULT false,
    description     text        NOT NULL DEFAULT '',
    metadata        text       NOT NULL DEFAULT '{}',
    receipt         text        NOT NULL DEFAULT '',
    receipt_email   text        NOT NULL DEFAULT '',
    account_email   text        NOT NULL DEFAULT '',
    billing_email   text        NOT NULL DEFAULT '',
    placed_at       datetime,
    paid_at         datetime,
    canceled_at     datetime,
    created_at      datetime NOT NULL,
    updated_at      datetime NOT NULL,
    CHECK (refunded <= captured)
);
CREATE UNIQUE INDEX orders_reference ON orders (owner, reference) WHERE reference IS NOT NULL AND canceled_at IS NULL;
CREATE INDEX orders_owner ON orders (owner, id);

CREATE TABLE order_items (
    order_id    text   NOT NULL REFERENCES orders (id),
    position    integer NOT NULL,
    price_id    text   NOT NULL DEFAULT '',
    product_id  text   NOT NULL DEFAULT '',
    name        text   NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    unit_amount integer NOT NULL CHECK (unit_amount >= 0),
    amount      integer NOT NULL CHECK (amount >= 0),
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
    amount         integer      NOT NULL CHECK (amount >= 0),
    authorized     integer      NOT NULL DEFAULT 0 CHECK (authorized >= 0),
    captured       integer      NOT NULL DEFAULT 0 CHECK (captured >= 0),
    failure        text,
    version        integer      NOT NULL,
    revision       integer      NOT NULL,
    call           text       NOT NULL,
    called_at      datetime NOT NULL,
    observed_at    datetime,
    read_at        datetime,
    next_check_at  datetime,
    looks          integer      NOT NULL DEFAULT 0,
    created_at     datetime NOT NULL,
    updated_at     datetime NOT NULL,
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
    version    integer      NOT NULL DEFAULT 0,
    cause_kind text        NOT NULL,
    cause_id   text        NOT NULL DEFAULT '',
    at         datetime NOT NULL,
    stripe_at  datetime
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
    created_at  datetime NOT NULL,
    received_at datetime NOT NULL,
    state       text        NOT NULL,
    reason      text        NOT NULL DEFAULT '',
    attempts    integer      NOT NULL DEFAULT 0,
    next_try_at datetime,
    settled_at  datetime,
    body        blob       NOT NULL,
    PRIMARY KEY (account, livemode, event_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_try_at) WHERE next_try_at IS NOT NULL;

CREATE TABLE effects (
    id         text PRIMARY KEY,
    subject    text        NOT NULL,
    effect     text        NOT NULL,
    channel    text        NOT NULL,
    payload    text       NOT NULL,
    state      text        NOT NULL,
    error      text        NOT NULL DEFAULT '',
    attempts   integer      NOT NULL DEFAULT 0,
    created_at datetime NOT NULL,
    done_at    datetime
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
    status_code integer      NOT NULL DEFAULT 0,
    claimed_at  datetime NOT NULL,
    finished_at datetime,
    PRIMARY KEY (caller, method, route, key)
);

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE effects;
DROP TABLE webhook_deliveries;
DROP TABLE timeline;
DROP TABLE payments;
DROP TABLE order_items;
DROP TABLE orders;
DROP TABLE till_settings;
