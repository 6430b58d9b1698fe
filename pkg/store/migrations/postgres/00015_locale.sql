-- +goose Up
-- The locale of mails to an order's customer.
ALTER TABLE orders ADD COLUMN locale text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE orders DROP COLUMN locale;
