-- +goose Up
-- The page of Stripe's at which an attempt is paid, where it is one.
ALTER TABLE payments ADD COLUMN session_id text;
ALTER TABLE payments ADD COLUMN checkout text;
CREATE UNIQUE INDEX payments_session ON payments (account, livemode, session_id) WHERE session_id IS NOT NULL;

-- +goose Down
DROP INDEX payments_session;
ALTER TABLE payments DROP COLUMN checkout;
ALTER TABLE payments DROP COLUMN session_id;
