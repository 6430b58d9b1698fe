-- +goose Up
-- Orders whose money is held first and taken later, and when a hold lapses.
ALTER TABLE orders ADD COLUMN capture_method text NOT NULL DEFAULT 'automatic' CHECK (capture_method IN ('automatic', 'manual'));
ALTER TABLE payments ADD COLUMN capture_before datetime;

-- +goose Down
ALTER TABLE payments DROP COLUMN capture_before;
ALTER TABLE orders DROP COLUMN capture_method;
