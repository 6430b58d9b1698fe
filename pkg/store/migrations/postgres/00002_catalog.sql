-- +goose Up
-- news_at is the second at which Stripe said what the row holds; older news
-- changes nothing.
CREATE TABLE products (
    account     text        NOT NULL DEFAULT '',
    livemode    boolean     NOT NULL,
    id          text        NOT NULL,
    name        text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    images      jsonb       NOT NULL DEFAULT '[]',
    metadata    jsonb       NOT NULL DEFAULT '{}',
    active      boolean     NOT NULL,
    deleted     boolean     NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL,
    news_at     timestamptz NOT NULL,
    PRIMARY KEY (account, livemode, id)
);
CREATE INDEX products_newest ON products (account, livemode, created_at, id);

-- A price may arrive before its product, so there is no foreign key. Nor is
-- lookup_key unique: when a key moves to another price, the news of the one that
-- got it can arrive before the news of the one that lost it.
CREATE TABLE prices (
    account     text        NOT NULL DEFAULT '',
    livemode    boolean     NOT NULL,
    id          text        NOT NULL,
    product_id  text        NOT NULL,
    lookup_key  text        NOT NULL DEFAULT '',
    currency    text        NOT NULL,
    unit_amount bigint      NOT NULL DEFAULT 0,
    has_unit    boolean     NOT NULL,
    recurring   boolean     NOT NULL,
    active      boolean     NOT NULL,
    deleted     boolean     NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL,
    news_at     timestamptz NOT NULL,
    PRIMARY KEY (account, livemode, id)
);
CREATE INDEX prices_product ON prices (account, livemode, product_id);
CREATE INDEX prices_lookup_key ON prices (account, livemode, lookup_key) WHERE lookup_key <> '';

-- +goose Down
DROP TABLE prices;
DROP TABLE products;
