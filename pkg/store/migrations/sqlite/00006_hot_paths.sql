-- +goose Up
-- Nobody asks for an order's timeline but by its payments.
DROP INDEX timeline_order;

-- +goose Down
CREATE INDEX timeline_order ON timeline (order_id, id);
