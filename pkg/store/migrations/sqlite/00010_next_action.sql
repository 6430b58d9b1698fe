-- +goose Up
-- What Stripe waits for from the payer, while the payment requires an action.
ALTER TABLE payments ADD COLUMN next_action text;

-- +goose Down
ALTER TABLE payments DROP COLUMN next_action;
