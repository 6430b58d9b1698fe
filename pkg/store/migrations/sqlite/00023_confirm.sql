-- +goose Up
-- What Till was last asked to confirm a payment with, the number that makes the call's
-- Stripe key, when it was first made, and how far it got: asked, unknown, or nothing
-- where its outcome is known.
ALTER TABLE payments ADD COLUMN confirm text;
ALTER TABLE payments ADD COLUMN confirm_at datetime;
ALTER TABLE payments ADD COLUMN confirm_number integer NOT NULL DEFAULT 0 CHECK (confirm_number >= 0);
ALTER TABLE payments ADD COLUMN confirm_stage text NOT NULL DEFAULT ''
    CHECK (confirm_stage = '' OR confirm_stage IN ('asked', 'unknown') AND confirm_number > 0 AND confirm IS NOT NULL AND confirm_at IS NOT NULL AND intent_id IS NOT NULL);

-- +goose Down
ALTER TABLE payments DROP COLUMN confirm_stage;
ALTER TABLE payments DROP COLUMN confirm_number;
ALTER TABLE payments DROP COLUMN confirm_at;
ALTER TABLE payments DROP COLUMN confirm;
