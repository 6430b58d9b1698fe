-- +goose Up
-- Which account has claimed a guest: one, for good. And what it got, with the
-- reference that an order lost because the account had another one under it.
CREATE TABLE guest_claims (
    guest      text PRIMARY KEY,
    owner      text     NOT NULL,
    claimed_at datetime NOT NULL
);
CREATE INDEX guest_claims_owner ON guest_claims (owner);
CREATE TABLE claimed_orders (
    order_id   text PRIMARY KEY REFERENCES orders (id),
    guest      text     NOT NULL,
    reference  text     NOT NULL DEFAULT '',
    claimed_at datetime NOT NULL
);
CREATE INDEX claimed_orders_guest ON claimed_orders (guest, order_id);

-- Whose data was erased: what is left of them is a pseudonym that nobody can lead
-- back. next_check_at is set until all that follows is done.
CREATE TABLE erasures (
    id            text PRIMARY KEY,
    owner         text     NOT NULL,
    created_at    datetime NOT NULL,
    next_check_at datetime,
    looks         bigint   NOT NULL DEFAULT 0,
    done_at       datetime,
    CHECK ((next_check_at IS NULL) = (done_at IS NOT NULL))
);
CREATE INDEX erasures_check ON erasures (next_check_at) WHERE next_check_at IS NOT NULL;

-- Stripe's objects about them, so that later news does not bring the data back.
-- to_delete is a customer that Stripe is still to delete.
CREATE TABLE erased_objects (
    id         text PRIMARY KEY,
    erasure_id text    NOT NULL REFERENCES erasures (id),
    to_delete  boolean NOT NULL
);
CREATE INDEX erased_objects_erasure ON erased_objects (erasure_id, id);

-- What an event's object belongs to, a payment intent or else a customer, where it is
-- neither itself.
ALTER TABLE webhook_deliveries ADD COLUMN about text NOT NULL DEFAULT '';
UPDATE webhook_deliveries SET about = coalesce(
    CASE WHEN json_type(CAST(body AS text), '$.data.object.payment_intent') = 'text' THEN json_extract(CAST(body AS text), '$.data.object.payment_intent') END,
    CASE WHEN json_type(CAST(body AS text), '$.data.object.customer') = 'text' THEN json_extract(CAST(body AS text), '$.data.object.customer') END, '')
    WHERE json_valid(CAST(body AS text));
CREATE INDEX webhook_deliveries_about ON webhook_deliveries (about) WHERE about <> '';

-- +goose Down
DROP INDEX webhook_deliveries_about;
ALTER TABLE webhook_deliveries DROP COLUMN about;
DROP TABLE erased_objects;
DROP TABLE erasures;
DROP TABLE claimed_orders;
DROP TABLE guest_claims;
