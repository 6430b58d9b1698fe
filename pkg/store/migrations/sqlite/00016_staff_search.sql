-- +goose Up
-- What staff look orders and payments up by. Text is looked up by its beginning, with
-- A to Z folded.
CREATE INDEX orders_created ON orders (created_at);
CREATE INDEX orders_paid ON orders (paid_at) WHERE paid_at IS NOT NULL;
CREATE INDEX orders_canceled ON orders (id) WHERE canceled_at IS NOT NULL;
CREATE INDEX orders_refunded ON orders (id) WHERE refunded > 0;
CREATE INDEX orders_pending ON orders (id) WHERE authorized > 0 OR processing > 0 OR amount_mismatch;
CREATE INDEX orders_reference_text ON orders (lower(reference)) WHERE reference IS NOT NULL;
CREATE INDEX orders_description_text ON orders (substr(lower(description), 1, 100)) WHERE description <> '';
CREATE INDEX orders_receipt_email ON orders (lower(receipt_email)) WHERE receipt_email <> '';
CREATE INDEX orders_account_email ON orders (lower(account_email)) WHERE account_email <> '';
CREATE INDEX orders_billing_email ON orders (lower(billing_email)) WHERE billing_email <> '';

CREATE INDEX payments_created ON payments (created_at);
CREATE INDEX payments_rare ON payments (status, id) WHERE status IN ('requires_confirmation', 'requires_action', 'processing', 'requires_capture', 'canceled');
CREATE INDEX payments_customer ON payments (stripe_customer_id, id) WHERE stripe_customer_id <> '';

-- What is about an order and none of its payments, such as a note.
CREATE INDEX timeline_order ON timeline (order_id, id) WHERE payment_id IS NULL;

-- +goose Down
DROP INDEX timeline_order;
DROP INDEX payments_customer;
DROP INDEX payments_rare;
DROP INDEX payments_created;
DROP INDEX orders_billing_email;
DROP INDEX orders_account_email;
DROP INDEX orders_receipt_email;
DROP INDEX orders_description_text;
DROP INDEX orders_reference_text;
DROP INDEX orders_pending;
DROP INDEX orders_refunded;
DROP INDEX orders_canceled;
DROP INDEX orders_paid;
DROP INDEX orders_created;
