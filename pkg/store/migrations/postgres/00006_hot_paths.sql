-- +goose Up
-- Nobody asks for an order's timeline but by its payments.
DROP INDEX timeline_order;
-- Rows that are written once more soon after they are made: with room left in their
-- page, none of their indexes is touched for it.
ALTER TABLE orders SET (fillfactor = 75);
ALTER TABLE idempotency_keys SET (fillfactor = 80);

-- +goose Down
ALTER TABLE idempotency_keys RESET (fillfactor);
ALTER TABLE orders RESET (fillfactor);
CREATE INDEX timeline_order ON timeline (order_id, id);
