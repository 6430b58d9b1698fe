-- +goose Up
ALTER TABLE webhook_deliveries
    ADD COLUMN headers   text NOT NULL DEFAULT '{}',
    ADD COLUMN replay_by text;
-- The event's id leads, because people look deliveries up by it alone.
ALTER TABLE webhook_deliveries
    DROP CONSTRAINT webhook_deliveries_pkey,
    ADD PRIMARY KEY (event_id, account, livemode);
CREATE INDEX webhook_deliveries_received ON webhook_deliveries (received_at, event_id);
CREATE INDEX webhook_deliveries_object ON webhook_deliveries (object_id);
-- A delivery that goes well never enters it.
CREATE INDEX webhook_deliveries_trouble ON webhook_deliveries (state, received_at, event_id) WHERE state IN ('failed', 'dead');

-- Written from the second attempt on: a delivery that went well at once has none.
CREATE TABLE webhook_attempts (
    id       text PRIMARY KEY,
    event_id text        NOT NULL,
    account  text        NOT NULL,
    livemode boolean     NOT NULL,
    cause    text        NOT NULL,
    actor    text        NOT NULL DEFAULT '',
    state    text        NOT NULL,
    reason   text        NOT NULL DEFAULT '',
    at       timestamptz NOT NULL
);
CREATE INDEX webhook_attempts_delivery ON webhook_attempts (event_id, id);

CREATE INDEX timeline_webhook ON timeline (cause_id) WHERE cause_kind = 'webhook';

-- +goose Down
DROP INDEX timeline_webhook;
DROP TABLE webhook_attempts;
DROP INDEX webhook_deliveries_trouble;
DROP INDEX webhook_deliveries_object;
DROP INDEX webhook_deliveries_received;
ALTER TABLE webhook_deliveries
    DROP CONSTRAINT webhook_deliveries_pkey,
    ADD PRIMARY KEY (account, livemode, event_id);
ALTER TABLE webhook_deliveries DROP COLUMN replay_by, DROP COLUMN headers;
