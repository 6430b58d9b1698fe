-- +goose Up
-- The last number of each series. Who issues holds these rows until it has committed:
-- numbers are given one after the other, and a rollback gives its own back.
CREATE TABLE invoice_series (
    name text PRIMARY KEY CHECK (name IN ('credit_note', 'invoice')),
    last integer NOT NULL CHECK (last >= 0)
);
INSERT INTO invoice_series VALUES ('credit_note', 0), ('invoice', 0);

-- What stands on an invoice, as it was when it got its number; it is never changed.
CREATE TABLE invoices (
    order_id  text PRIMARY KEY,
    sequence  integer NOT NULL CHECK (sequence > 0),
    number    text NOT NULL,
    total     integer NOT NULL CHECK (total >= 0),
    document  text NOT NULL,
    issued_at datetime NOT NULL
);
CREATE UNIQUE INDEX invoices_sequence ON invoices (sequence);
CREATE UNIQUE INDEX invoices_number ON invoices (number);

-- What takes an invoice back in part or in full after a refund, and what takes that
-- back again where the refund failed after all.
CREATE TABLE credit_notes (
    refund_id text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('credit_note', 'reversal')),
    order_id  text NOT NULL REFERENCES invoices (order_id),
    sequence  integer NOT NULL CHECK (sequence > 0),
    number    text NOT NULL,
    total     integer NOT NULL CHECK (total > 0),
    document  text NOT NULL,
    issued_at datetime NOT NULL,
    PRIMARY KEY (refund_id, kind)
);
CREATE UNIQUE INDEX credit_notes_sequence ON credit_notes (sequence);
CREATE UNIQUE INDEX credit_notes_number ON credit_notes (number);
CREATE INDEX credit_notes_order ON credit_notes (order_id, sequence);

-- The logos that stand on them, by the SHA-256 of the picture.
CREATE TABLE invoice_logos (
    sha256  text PRIMARY KEY,
    picture blob NOT NULL
);

-- Orders to look at, in this order: once when they are paid, and at each end of a
-- refund.
CREATE TABLE invoices_due (
    id       integer PRIMARY KEY,
    order_id text NOT NULL
);
-- +goose StatementBegin
CREATE TRIGGER orders_invoice AFTER UPDATE OF paid_at ON orders
WHEN OLD.paid_at IS NULL AND NEW.paid_at IS NOT NULL
BEGIN
    INSERT INTO invoices_due (order_id) VALUES (NEW.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER refunds_credit_new AFTER INSERT ON refunds
WHEN NEW.status = 'succeeded'
BEGIN
    INSERT INTO invoices_due (order_id) VALUES (NEW.order_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER refunds_credit AFTER UPDATE OF status ON refunds
WHEN OLD.status <> NEW.status AND NEW.status IN ('succeeded', 'failed', 'canceled')
BEGIN
    INSERT INTO invoices_due (order_id) VALUES (NEW.order_id);
END;
-- +goose StatementEnd

-- Orders that were paid before, the oldest first.
INSERT INTO invoices_due (order_id) SELECT id FROM orders WHERE paid_at IS NOT NULL ORDER BY paid_at, id;

-- +goose Down
DROP TRIGGER refunds_credit;
DROP TRIGGER refunds_credit_new;
DROP TRIGGER orders_invoice;
DROP TABLE invoices_due;
DROP TABLE invoice_logos;
DROP TABLE credit_notes;
DROP TABLE invoices;
DROP TABLE invoice_series;
