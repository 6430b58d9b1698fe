package invoices_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/invoices"
	"till/pkg/payments"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// desk is a database with orders that nobody but the test writes.
type desk struct {
	*testing.T
	db     *store.DB
	orders *payments.Service
}

var everyone = auth.Principal{Everyone: true}

func onDesk(t *testing.T, test func(d *desk)) {
	t.Helper()
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		test(&desk{t, db, payments.New(payments.Config{}, payments.Options{DB: db})})
	})
}

// service issues as one process does.
func (d *desk) service(change ...func(*invoices.Config)) *invoices.Service {
	d.Helper()
	conf := invoices.Config{Prefix: "INV-", CreditNotePrefix: "CN-", Seller: "Shop", Locale: "en"}
	for _, c := range change {
		c(&conf)
	}
	s, err := invoices.New(conf, invoices.Options{DB: d.db, Payments: d.orders})
	if err != nil {
		d.Fatal(err)
	}
	return s
}

func (d *desk) exec(sql string, args ...any) {
	d.Helper()
	if err := d.db.Write(d.Context()).Exec(sql, args...).Error; err != nil {
		d.Fatal(err)
	}
}

func (d *desk) count(sql string, args ...any) (n int) {
	d.Helper()
	if err := d.db.Read(d.Context()).Raw(sql, args...).Scan(&n).Error; err != nil {
		d.Fatal(err)
	}
	return n
}

// order makes one of a mug, and has it paid.
func (d *desk) order(id string, captured int64) payments.OrderID {
	d.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	d.exec("INSERT INTO orders (id, owner, status, currency, total, captured, locale, created_at, updated_at) VALUES (?, 'i|jenny', 'open', 'eur', 1800, ?, 'de', ?, ?)", id, captured, now, now)
	d.exec("INSERT INTO order_items (order_id, position, name, quantity, unit_amount, amount) VALUES (?, 0, 'Mug', 1, 1800, 1800)", id)
	d.exec("UPDATE orders SET paid_at = ?, status = 'paid' WHERE id = ?", now, id)
	return payments.OrderID(id)
}

// payment is one of an order's that took all, for refunds to be of.
func (d *desk) payment(id string, order payments.OrderID) {
	d.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	d.exec(`INSERT INTO payments (id, order_id, livemode, stage, status, currency, amount, captured, version, revision, call, called_at, created_at, updated_at)
		VALUES (?, ?, false, 'attached', 'succeeded', 'eur', 1800, 1800, 1, 1, '{}', ?, ?, ?)`, id, string(order), now, now, now)
}

func (d *desk) refund(id, payment string, order payments.OrderID, amount int64, status string) {
	d.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	d.exec(`INSERT INTO refunds (id, order_id, payment_id, livemode, intent_id, stripe_id, stage, status, currency, amount, lines, called_at, created_at, updated_at)
		VALUES (?, ?, ?, false, 'pi', ?, 'attached', ?, 'eur', ?, '[]', ?, ?, ?)`, id, string(order), payment, "re_"+id, status, amount, now, now, now)
}

func (d *desk) issue(s *invoices.Service) {
	d.Helper()
	if err := s.Issue(d.Context()); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) invoice(s *invoices.Service, id payments.OrderID) invoices.Invoice {
	d.Helper()
	i, err := s.Invoice(d.Context(), everyone, id)
	if err != nil {
		d.Fatal(err)
	}
	return i
}

// unbroken fails if the numbers of a series are not 1 to n.
func (d *desk) unbroken(table string, n int) {
	d.Helper()
	if got := d.count("SELECT count(*) FROM " + table); got != n {
		d.Errorf("%d %s", got, table)
	}
	if got := d.count("SELECT count(DISTINCT sequence) FROM "+table+" WHERE sequence BETWEEN 1 AND ?", n); got != n {
		d.Errorf("%d of the numbers 1 to %d in %s", got, n, table)
	}
}

// A process that dies once it has taken numbers, before it has committed, leaves no
// gap: its transaction is as if it had never been.
func TestACrashLeavesNoGap(t *testing.T) {
	onDesk(t, func(d *desk) {
		s := d.service()
		first := d.order("ord_1", 1800)
		died := errors.New("died")
		for range 3 {
			err := d.db.Tx(d.Context(), func(tx *gorm.DB) error {
				if err := s.IssueIn(tx); err != nil {
					return err
				}
				var taken int64
				if err := tx.Raw("SELECT last FROM invoice_series WHERE name = 'invoice'").Scan(&taken).Error; err != nil || taken != 1 {
					return fmt.Errorf("the number %d was taken: %w", taken, err)
				}
				return died
			})
			if !errors.Is(err, died) {
				d.Fatal(err)
			}
		}
		if _, err := s.Invoice(d.Context(), everyone, first); !errors.Is(err, invoices.ErrNotReady) {
			d.Errorf("got %v", err)
		}
		d.order("ord_2", 1800)
		d.issue(s)
		d.unbroken("invoices", 2)
		if i := d.invoice(s, first); i.Number != "INV-000001" {
			d.Errorf("the first has %s", i.Number)
		}
		if n := d.count("SELECT count(*) FROM invoices_due"); n != 0 {
			d.Errorf("%d are still due", n)
		}
	})
}

// Several processes issue at once: each order has one invoice, each number is used.
func TestManyIssueAtOnce(t *testing.T) {
	onDesk(t, func(d *desk) {
		const orders, processes = 90, 4
		var all sync.WaitGroup
		errs := make(chan error, processes)
		for n := range orders {
			d.order(fmt.Sprintf("ord_%03d", n), 1800)
			if n == orders/2 {
				for range processes {
					s := d.service()
					all.Go(func() { errs <- s.Issue(d.Context()) })
				}
			}
		}
		all.Wait()
		for range processes {
			if err := <-errs; err != nil {
				d.Error(err)
			}
		}
		d.issue(d.service())
		d.unbroken("invoices", orders)
	})
}

// What is issued stays as it was, to the byte; what comes later has the new settings.
func TestInvoicesDoNotChange(t *testing.T) {
	onDesk(t, func(d *desk) {
		var logo bytes.Buffer
		if err := png.Encode(&logo, image.NewNRGBA(image.Rect(0, 0, 40, 10))); err != nil {
			d.Fatal(err)
		}
		before := d.service(func(c *invoices.Config) {
			c.Seller, c.Address, c.TaxID, c.Logo = "Old GmbH", []string{"Old Street 1"}, "DE1", logo.Bytes()
		})
		first := d.order("ord_1", 1800)
		d.issue(before)
		was := d.invoice(before, first)
		drawn, err := before.PDF(d.Context(), was.Document)
		if err != nil {
			d.Fatal(err)
		}
		after := d.service(func(c *invoices.Config) { c.Seller, c.Prefix = "New GmbH", "2027-" })
		d.exec("UPDATE orders SET locale = 'en', reference = 'changed' WHERE id = 'ord_1'")
		d.exec("UPDATE order_items SET name = 'Changed' WHERE order_id = 'ord_1'")
		second := d.order("ord_2", 1800)
		d.issue(after)
		is := d.invoice(after, first)
		again, err := after.PDF(d.Context(), is.Document)
		if err != nil || !bytes.Equal(drawn, again) {
			d.Errorf("the file has changed (%v)", err)
		}
		if is.Seller.Name != "Old GmbH" || is.Seller.TaxID != "DE1" || is.Locale != "de" || is.Reference != "" || is.Lines[0].Name != "Mug" {
			d.Errorf("%+v", is)
		}
		if i := d.invoice(after, second); i.Number != "2027-000002" || i.Seller.Name != "New GmbH" || i.Seller.Logo != "" {
			d.Errorf("%+v", i)
		}
	})
}

// Orders that were paid before there were invoices get theirs, the oldest first, and
// credit notes for what went back since.
func TestOrdersPaidBefore(t *testing.T) {
	onDesk(t, func(d *desk) {
		for n := range 3 {
			d.order(fmt.Sprintf("ord_%d", n), 1800)
		}
		d.payment("pay_1", "ord_1")
		d.refund("ref_1", "pay_1", "ord_1", 300, "succeeded")
		d.refund("ref_2", "pay_1", "ord_1", 400, "failed")
		// As the migration finds it.
		d.exec("DELETE FROM invoices_due")
		for n, id := range []string{"ord_2", "ord_0", "ord_1"} {
			d.exec("UPDATE orders SET paid_at = ? WHERE id = ?", time.Date(2026, 1, 1+n, 0, 0, 0, 0, time.UTC), id)
		}
		d.exec("INSERT INTO invoices_due (order_id) SELECT id FROM orders WHERE paid_at IS NOT NULL ORDER BY paid_at, id")
		s := d.service()
		d.issue(s)
		for number, id := range map[string]payments.OrderID{"INV-000001": "ord_2", "INV-000002": "ord_0", "INV-000003": "ord_1"} {
			if i := d.invoice(s, id); i.Number != number || i.SuppliedAt.Equal(i.IssuedAt) {
				d.Errorf("%s has %s", id, i.Number)
			}
		}
		if i := d.invoice(s, "ord_1"); len(i.CreditNotes) != 1 || i.CreditNotes[0].Total != 300 {
			d.Errorf("%+v", i.CreditNotes)
		}
	})
}

func TestWhatRefundsTakeBack(t *testing.T) {
	onDesk(t, func(d *desk) {
		s := d.service()
		notes := func(id payments.OrderID, want ...string) {
			d.Helper()
			d.issue(s)
			var got []string
			for _, n := range d.invoice(s, id).CreditNotes {
				got = append(got, fmt.Sprintf("%s %s %d", n.Refund, n.Kind, n.Total))
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				d.Errorf("%s: got %q, want %q", id, got, want)
			}
		}
		plain := d.order("ord_1", 1800)
		d.payment("pay_1", plain)
		d.refund("ref_1", "pay_1", plain, 500, "pending")
		notes(plain)
		d.exec("UPDATE refunds SET status = 'succeeded' WHERE id = 'ref_1'")
		notes(plain, "ref_1 credit_note 500")
		d.exec("UPDATE refunds SET status = 'failed' WHERE id = 'ref_1'")
		notes(plain, "ref_1 credit_note 500", "ref_1 reversal 500")
		d.refund("ref_2", "pay_1", plain, 1800, "succeeded")
		notes(plain, "ref_1 credit_note 500", "ref_1 reversal 500", "ref_2 credit_note 1800")
		d.exec("INSERT INTO invoices_due (order_id) VALUES ('ord_1')") // looked at once more
		notes(plain, "ref_1 credit_note 500", "ref_1 reversal 500", "ref_2 credit_note 1800")
		if last := d.invoice(s, plain).CreditNotes[2]; last.Number != "CN-000003" || !last.Invoice.Whole || last.Lines[0].Name != "Mug" {
			d.Errorf("%+v", last)
		}

		twice := d.order("ord_2", 3600) // paid twice: what went back first was nobody's invoice
		d.payment("pay_2", twice)
		d.refund("ref_3", "pay_2", twice, 1800, "succeeded")
		notes(twice)
		d.refund("ref_4", "pay_2", twice, 700, "succeeded")
		notes(twice, "ref_3 credit_note 700")
		if i := d.invoice(s, twice); i.Total != 1800 || i.Waived != 0 {
			d.Errorf("%+v", i)
		}

		part := d.order("ord_3", 1000) // 800 were given up by a capture
		d.payment("pay_3", part)
		d.refund("ref_5", "pay_3", part, 1000, "succeeded")
		notes(part, "ref_5 credit_note 1000")
		if i := d.invoice(s, part); i.Total != 1000 || i.Waived != 800 || i.Subtotal != 1800 {
			d.Errorf("%+v", i)
		}
		d.unbroken("invoices", 3)
		d.unbroken("credit_notes", 5)
	})
}

func TestALogoThatIsNone(t *testing.T) {
	if _, err := invoices.New(invoices.Config{Logo: []byte("\x89PNG\r\n\x1a\n and no more")}, invoices.Options{}); err == nil {
		t.Error("accepted")
	}
}
