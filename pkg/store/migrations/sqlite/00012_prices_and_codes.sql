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

-- whole is false until the object was once read from Stripe: events do not hold
-- which products a coupon is good for, nor its further currencies.
CREATE TABLE coupons (
    account         text NOT NULL DEFAULT '',
    livemode        boolean NOT NULL,
    id              text NOT NULL,
    percent_off     integer NOT NULL CHECK (percent_off BETWEEN 0 AND 1000000),
    amount_off      text NOT NULL DEFAULT '{}',
    products        text NOT NULL DEFAULT '[]',
    redeem_by       datetime,
    max_redemptions integer NOT NULL DEFAULT 0,
    times_redeemed  integer NOT NULL DEFAULT 0,
    active          boolean NOT NULL,
    deleted         boolean NOT NULL DEFAULT false,
    created_at      datetime NOT NULL,
    news_at         datetime NOT NULL,
    unread          integer NOT NULL,
    whole           boolean NOT NULL,
    PRIMARY KEY (account, livemode, id)
);
CREATE INDEX coupons_unread ON coupons (id) WHERE unread > 0;

-- folded is the code in lower case, as customers may write it in any. It is not
-- unique: a code that has ended may be given again.
CREATE TABLE promotion_codes (
    account         text NOT NULL DEFAULT '',
    livemode        boolean NOT NULL,
    id              text NOT NULL,
    code            text NOT NULL,
    folded          text NOT NULL,
    coupon_id       text NOT NULL,
    restricted      boolean NOT NULL,
    first_time      boolean NOT NULL,
    minimums        text NOT NULL DEFAULT '{}',
    expires_at      datetime,
    max_redemptions integer NOT NULL DEFAULT 0,
    times_redeemed  integer NOT NULL DEFAULT 0,
    active          boolean NOT NULL,
    deleted         boolean NOT NULL DEFAULT false,
    created_at      datetime NOT NULL,
    news_at         datetime NOT NULL,
    unread          integer NOT NULL,
    whole           boolean NOT NULL,
    PRIMARY KEY (account, livemode, id)
);
CREATE INDEX promotion_codes_unread ON promotion_codes (id) WHERE unread > 0;
CREATE INDEX promotion_codes_folded ON promotion_codes (account, livemode, folded);
CREATE INDEX promotion_codes_coupon ON promotion_codes (account, livemode, coupon_id);

-- What orders of Till's have of each code; Stripe does not count these. An order has
-- one, and beside it one pending while Stripe is asked for the amount that goes with
-- another code.
CREATE TABLE redemptions (
    order_id     text NOT NULL,
    pending      boolean NOT NULL,
    livemode     boolean NOT NULL,
    promotion_id text NOT NULL,
    claimed_at   datetime NOT NULL,
    PRIMARY KEY (order_id, pending)
);
CREATE INDEX redemptions_promotion ON redemptions (promotion_id);

-- An order's total is what is left of its lines after the discount.
ALTER TABLE orders ADD COLUMN discount       integer NOT NULL DEFAULT 0 CHECK (discount >= 0);
ALTER TABLE orders ADD COLUMN promotion_id   text NOT NULL DEFAULT '';
ALTER TABLE orders ADD COLUMN promotion_code text NOT NULL DEFAULT '';
ALTER TABLE order_items ADD COLUMN discount integer NOT NULL DEFAULT 0 CHECK (discount >= 0 AND discount <= amount);

-- Wrong promotion codes of each hour.
CREATE TABLE limit_tries (
    hour  integer NOT NULL,
    key   text NOT NULL,
    tries integer NOT NULL CHECK (tries >= 0),
    PRIMARY KEY (hour, key)
);

-- +goose Down
DROP TABLE limit_tries;
ALTER TABLE order_items DROP COLUMN discount;
ALTER TABLE orders DROP COLUMN promotion_code;
ALTER TABLE orders DROP COLUMN promotion_id;
ALTER TABLE orders DROP COLUMN discount;
DROP TABLE redemptions;
DROP TABLE promotion_codes;
DROP TABLE coupons;
ALTER TABLE order_items DROP COLUMN round_up;
ALTER TABLE order_items DROP COLUMN divide_by;
DROP INDEX prices_unread;
ALTER TABLE prices DROP COLUMN unread;
ALTER TABLE prices DROP COLUMN currency_options;
ALTER TABLE prices DROP COLUMN round_up;
ALTER TABLE prices DROP COLUMN divide_by;
