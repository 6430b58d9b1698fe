-- +goose Up
-- What staff look orders and payments up by. A payment changes its order's row once,
-- and with room in the page no index is touched for it as long as none is about what
-- changes then: so there is none about an order's status. Text is looked up by its
-- beginning, by the bytes, with A to Z folded.
CREATE INDEX orders_created ON orders (created_at);
CREATE INDEX orders_paid ON orders USING brin (paid_at timestamptz_minmax_multi_ops) WITH (autosummarize = on);
CREATE INDEX orders_canceled ON orders (id) WHERE canceled_at IS NOT NULL;
CREATE INDEX orders_refunded ON orders (id) WHERE refunded > 0;
CREATE INDEX orders_pending ON orders (id) WHERE authorized > 0 OR processing > 0 OR amount_mismatch;
CREATE INDEX orders_reference_text ON orders (lower(reference COLLATE "C")) WHERE reference IS NOT NULL;
CREATE INDEX orders_description_text ON orders (left(lower(description COLLATE "C"), 100)) WHERE description <> '';
CREATE INDEX orders_receipt_email ON orders (lower(receipt_email COLLATE "C")) WHERE receipt_email <> '';
CREATE INDEX orders_account_email ON orders (lower(account_email COLLATE "C")) WHERE account_email <> '';
CREATE INDEX orders_billing_email ON orders (lower(billing_email COLLATE "C")) WHERE billing_email <> '';

CREATE INDEX payments_created ON payments (created_at);
CREATE INDEX payments_rare ON payments (status, id) WHERE status IN ('requires_confirmation', 'requires_action', 'processing', 'requires_capture', 'canceled');
CREATE INDEX payments_customer ON payments (stripe_customer_id, id) WHERE stripe_customer_id <> '';

-- What is about an order and none of its payments, such as a note.
CREATE INDEX timeline_order ON timeline (order_id, id) WHERE payment_id IS NULL;

-- +goose Down
DROP INDEX timeline_order;
DROP INDEX payments_customer, payments_rare, payments_created;
DROP INDEX orders_billing_email, orders_account_email, orders_receipt_email, orders_description_text, orders_reference_text;
DROP INDEX orders_pending, orders_refunded, orders_canceled, orders_paid, orders_created;
