-- +goose Up
-- Where the app's backend is told what happens. A secret is kept as it is:
-- whoever signs needs it.
CREATE TABLE webhook_endpoints (
    id               text PRIMARY KEY,
    url              text        NOT NULL,
    description      text        NOT NULL DEFAULT '',
    events           jsonb       NOT NULL,
    enabled          boolean     NOT NULL,
    disabled_reason  text        NOT NULL DEFAULT '',
    secret           text        NOT NULL CHECK (secret LIKE 'whsec_%'),
    old_secret       text        NOT NULL DEFAULT '',
    old_secret_until timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    removed_at       timestamptz -- it goes once its deliveries have gone
);

-- One row for each event and endpoint, written with the event's cause.
CREATE TABLE outbound_deliveries (
    endpoint_id  text        NOT NULL,
    event_id     text        NOT NULL,
    type         text        NOT NULL,
    subject      text        NOT NULL,
    occasion     text        NOT NULL,
    body         text        NOT NULL,
    state        text        NOT NULL,
    tries        bigint      NOT NULL DEFAULT 0,
    attempts     jsonb       NOT NULL,
    replay_by    text        NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    next_try_at  timestamptz,
    leased_until timestamptz,
    settled_at   timestamptz,
    PRIMARY KEY (endpoint_id, event_id),
    CHECK ((next_try_at IS NULL) = (settled_at IS NOT NULL))
);
-- An endpoint is told of one occasion once.
CREATE UNIQUE INDEX outbound_deliveries_once ON outbound_deliveries (endpoint_id, subject, type, occasion);
CREATE INDEX outbound_deliveries_due ON outbound_deliveries (endpoint_id, next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX outbound_deliveries_leased ON outbound_deliveries (endpoint_id) WHERE leased_until IS NOT NULL;
-- A delivery that goes well never enters it.
CREATE INDEX outbound_deliveries_trouble ON outbound_deliveries (endpoint_id, state, event_id) WHERE state IN ('failed', 'dead');

-- +goose Down
DROP TABLE outbound_deliveries;
DROP TABLE webhook_endpoints;
