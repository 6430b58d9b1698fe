-- +goose Up
-- unread counts the events since the price was last read from Stripe: events do not
-- hold its further currencies. Prices that were here before are to be read as well.
ALTER TABLE prices
    ADD COLUMN divide_by        bigint NOT NULL DEFAULT 0 CHECK (divide_by >= 0),
    ADD COLUMN round_up         boolean NOT NULL DEFAULT false,
    ADD COLUMN currency_options jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN unread           bigint NOT NULL DEFAULT 1;
CREATE INDEX prices_unread ON prices (id) WHERE unread > 0;

-- The size of a package, where the unit amount is for one; 0: it is for a piece.
ALTER TABLE order_items
    ADD COLUMN divide_by bigint NOT NULL DEFAULT 0 CHECK (divide_by >= 0),
    ADD COLUMN round_up  boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE order_items
    DROP COLUMN round_up,
    DROP COLUMN divide_by;
DROP INDEX prices_unread;
ALTER TABLE prices
    DROP COLUMN unread,
    DROP COLUMN currency_options,
    DROP COLUMN round_up,
    DROP COLUMN divide_by;
