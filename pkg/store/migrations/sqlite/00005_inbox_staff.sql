-- +goose Up
-- The event's id leads the key, because people look deliveries up by it alone.
-- SQLite changes no key in place.
CREATE TABLE webhook_deliveries_new (
    account     text NOT NULL DEFAULT '',
    livemode    boolean NOT NULL,
    event_id    text NOT NULL,
    type        text NOT NULL,
    object_id   text NOT NULL DEFAULT '',
    api_version text NOT NULL DEFAULT '',
    created_at  datetime NOT NULL,
    received_at datetime NOT NULL,
    state       text NOT NULL,
    reason      text NOT NULL DEFAULT '',
    attempts    integer NOT NULL DEFAULT 0,
    next_try_at datetime,
    settled_at  datetime,
    body        blob NOT NULL,
    headers     text NOT NULL DEFAULT '{}',
    replay_by   text,
    PRIMARY KEY (event_id, account, livemode)
);
INSERT INTO webhook_deliveries_new (account, livemode, event_id, type, object_id, api_version, created_at, received_at, state, reason, attempts, next_try_at, settled_at, body)
    SELECT account, livemode, event_id, type, object_id, api_version, created_at, received_at, state, reason, attempts, next_try_at, settled_at, body FROM webhook_deliveries;
DROP TABLE webhook_deliveries;
ALTER TABLE webhook_deliveries_new RENAME TO webhook_deliveries;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX webhook_deliveries_received ON webhook_deliveries (received_at, event_id);
CREATE INDEX webhook_deliveries_object ON webhook_deliveries (object_id);
-- A delivery that goes well never enters it.
CREATE INDEX webhook_deliveries_trouble ON webhook_deliveries (state, received_at, event_id) WHERE state IN ('failed', 'dead');

-- Written from the second attempt on: a delivery that went well at once has none.
CREATE TABLE webhook_attempts (
    id       text PRIMARY KEY,
    event_id text NOT NULL,
    account  text NOT NULL,
    livemode boolean NOT NULL,
    cause    text NOT NULL,
    actor    text NOT NULL DEFAULT '',
    state    text NOT NULL,
    reason   text NOT NULL DEFAULT '',
    at       datetime NOT NULL
);
CREATE INDEX webhook_attempts_delivery ON webhook_attempts (event_id, id);

CREATE INDEX timeline_webhook ON timeline (cause_id) WHERE cause_kind = 'webhook';

-- +goose Down
DROP INDEX timeline_webhook;
DROP TABLE webhook_attempts;
CREATE TABLE webhook_deliveries_old (
    account     text NOT NULL DEFAULT '',
    livemode    boolean NOT NULL,
    event_id    text NOT NULL,
    type        text NOT NULL,
    object_id   text NOT NULL DEFAULT '',
    api_version text NOT NULL DEFAULT '',
    created_at  datetime NOT NULL,
    received_at datetime NOT NULL,
    state       text NOT NULL,
    reason      text NOT NULL DEFAULT '',
    attempts    integer NOT NULL DEFAULT 0,
    next_try_at datetime,
    settled_at  datetime,
    body        blob NOT NULL,
    PRIMARY KEY (account, livemode, event_id)
);
INSERT INTO webhook_deliveries_old SELECT account, livemode, event_id, type, object_id, api_version, created_at, received_at, state, reason, attempts, next_try_at, settled_at, body FROM webhook_deliveries;
DROP TABLE webhook_deliveries;
ALTER TABLE webhook_deliveries_old RENAME TO webhook_deliveries;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_try_at) WHERE next_try_at IS NOT NULL;
