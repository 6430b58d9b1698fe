-- +goose Up
-- The last number of each series. Who issues holds these rows until it has committed:
-- numbers are given one after the other, and a rollback gives its own back.
CREATE TABLE invoice_series (
    name text PRIMARY KEY CHECK (name IN ('credit_note', 'invoice')),
    last bigint NOT NULL CHECK (last >= 0)
);
INSERT INTO invoice_series VALUES ('credit_note', 0), ('invoice', 0);

-- What stands on an invoice, as it was when it got its number; it is never changed.
-- No foreign keys: they would have numbering wait for webhooks that hold the order.
CREATE TABLE invoices (
    order_id  text PRIMARY KEY,
    sequence  bigint NOT NULL CHECK (sequence > 0),
    number    text NOT NULL,
    total     bigint NOT NULL CHECK (total >= 0),
    document  jsonb NOT NULL,
    issued_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX invoices_sequence ON invoices (sequence);
CREATE UNIQUE INDEX invoices_number ON invoices (number);

-- What takes an invoice back in part or in full after a refund, and what takes that
-- back again where the refund failed after all.
CREATE TABLE credit_notes (
    refund_id text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('credit_note', 'reversal')),
    order_id  text NOT NULL REFERENCES invoices (order_id),
    sequence  bigint NOT NULL CHECK (sequence > 0),
    number    text NOT NULL,
    total     bigint NOT NULL CHECK (total > 0),
    document  jsonb NOT NULL,
    issued_at timestamptz NOT NULL,
    PRIMARY KEY (refund_id, kind)
);
CREATE UNIQUE INDEX credit_notes_sequence ON credit_notes (sequence);
CREATE UNIQUE INDEX credit_notes_number ON credit_notes (number);
CREATE INDEX credit_notes_order ON credit_notes (order_id, sequence);

-- The logos that stand on them, by the SHA-256 of the picture.
CREATE TABLE invoice_logos (
    sha256  text PRIMARY KEY,
    picture bytea NOT NULL
);

-- Orders to look at, in this order: once when they are paid, and at each end of a
-- refund. An index of the orders without an invoice would be written to, and all the
-- others with it, whenever an order changes; this holds what is left to do alone. The
-- triggers also see what a Till of the version before writes while this one comes up.
CREATE TABLE invoices_due (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id text NOT NULL
);
-- +goose StatementBegin
CREATE FUNCTION invoice_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO invoices_due (order_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION credit_note_of_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO invoices_due (order_id) VALUES (NEW.order_id);
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER orders_invoice AFTER UPDATE OF paid_at ON orders
    FOR EACH ROW WHEN (OLD.paid_at IS NULL AND NEW.paid_at IS NOT NULL) EXECUTE FUNCTION invoice_of_order();
CREATE TRIGGER refunds_credit_new AFTER INSERT ON refunds
    FOR EACH ROW WHEN (NEW.status = 'succeeded') EXECUTE FUNCTION credit_note_of_refund();
CREATE TRIGGER refunds_credit AFTER UPDATE OF status ON refunds
    FOR EACH ROW WHEN (OLD.status <> NEW.status AND NEW.status IN ('succeeded', 'failed', 'canceled')) EXECUTE FUNCTION credit_note_of_refund();

-- Orders that were paid before, the oldest first.
INSERT INTO invoices_due (order_id) SELECT id FROM orders WHERE paid_at IS NOT NULL ORDER BY paid_at, id;

-- +goose Down
DROP TRIGGER refunds_credit ON refunds;
DROP TRIGGER refunds_credit_new ON refunds;
DROP TRIGGER orders_invoice ON orders;
DROP FUNCTION credit_note_of_refund(), invoice_of_order();
DROP TABLE invoices_due, invoice_logos, credit_notes, invoices, invoice_series;
