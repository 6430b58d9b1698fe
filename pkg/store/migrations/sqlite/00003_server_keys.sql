-- +goose Up
-- The part of an id behind key_ is the public prefix of the key's token,
-- and hash is the token's SHA-256: nobody keeps the token itself.
CREATE TABLE server_keys (
    id           text PRIMARY KEY,
    name         text        NOT NULL,
    hash         blob        NOT NULL,
    scopes       text        NOT NULL,
    created_at   datetime NOT NULL,
    revoked_at   datetime,
    last_used_at datetime
);

-- The server key that set an order's lines; empty where the customer's own request did.
ALTER TABLE orders ADD COLUMN set_by text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE orders DROP COLUMN set_by;
DROP TABLE server_keys;
