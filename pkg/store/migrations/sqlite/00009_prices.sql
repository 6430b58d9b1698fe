-- +goose Up
-- unread counts the events since the price was last read from Stripe: events do not
-- hold its further currencies. Prices that were here before are to be read as well.
ALTER TABLE prices ADD COLUMN divide_by        integer NOT NULL DEFAULT 0 CHECK (divide_by >= 0);
ALTER TABLE prices ADD COLUMN round_up         boolean NOT NULL DEFAULT false;
ALTER TABLE prices ADD COLUMN currency_options text NOT NULL DEFAULT '{}';
ALTER TABLE prices ADD COLUMN unread           integer NOT NULL DEFAULT 1;
CREATE INDEX prices_unread ON prices (id) WHERE unread > 0;

-- The size of a package, where the unit amount is for one; 0: it is for a piece.
ALTER TABLE order_items ADD COLUMN divide_by integer NOT NULL DEFAULT 0 CHECK (divide_by >= 0);
ALTER TABLE order_items ADD COLUMN round_up  boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE order_items DROP COLUMN round_up;
ALTER TABLE order_items DROP COLUMN divide_by;
DROP INDEX prices_unread;
ALTER TABLE prices DROP COLUMN unread;
ALTER TABLE prices DROP COLUMN currency_options;
ALTER TABLE prices DROP COLUMN round_up;
ALTER TABLE prices DROP COLUMN divide_by;
