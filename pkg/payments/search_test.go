package payments

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

var staff = auth.Principal{Kind: auth.User, Issuer: "test", Subject: "sam", Everyone: true}

// kept is an order with its payments and refunds, as they are stored.
type kept struct {
	order    orderRow
	payments []paymentRow
	refunds  []refundRow
}

// What the orders below have, and what filters ask for. The words meet each other's
// beginnings, and hold what means something to LIKE, to SQL or to collations.
var (
	subjects     = []string{"jenny", "jenny2", "carl"}
	currencies   = []money.Currency{"eur", "usd", "jpy"}
	references   = []string{"", "cart_1", "CART_1", "cart_10", "cart%1", `cart\_1`, "cart", "100%", "Ärger", "ärger", "a'; --", "ord_x", "pi_0"}
	descriptions = []string{"", "Two mugs", "two mugs, blue", "50% off_", `back\slash`, "Ünder", "\U0010FFFF\U0010FFFF", strings.Repeat("long ", 30), "żółw", "10", "İx"}
	emails       = []string{"", "Jenny@Example.com", "jenny@example.com", "jenny@example.com.au", "o'neil+x@example.com", "_enny@example.com", "\U0001F600@example.com"}
	stripes      = []gateway.CustomerID{"", "", "cus_A", "cus_a"}
	dawn         = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
)

// fixture stores n orders that differ in all that can be looked for.
func fixture(t *testing.T, s *Service, n int) (out []kept) {
	t.Helper()
	for i := range n {
		out = append(out, keep(t, s, i))
	}
	return out
}

// keep makes the i-th order of a fixture.
func keep(t *testing.T, s *Service, i int) kept {
	t.Helper()
	at := dawn.Add(time.Duration(i%29) * time.Hour)
	o := orderRow{
		ID: OrderID(store.NewID("ord_")), Owner: "test|" + subjects[i%3], Currency: currencies[i%5%3], Total: int64(1000 + i%7*100),
		Description: descriptions[i%len(descriptions)], ReceiptEmail: emails[i%len(emails)], AccountEmail: emails[i/2%len(emails)], BillingEmail: emails[i/3%len(emails)],
		Metadata: map[string]string{}, CreatedAt: at, UpdatedAt: at,
	}
	if r := references[i%len(references)]; r != "" {
		if round := i / (len(references) * len(subjects)); round > 0 { // an owner has each once
			r += fmt.Sprint("~", round)
		}
		o.Reference = &r
	}
	p := s.newAttempt(&o, ID(store.NewID("pay_")), money.Amount{Minor: o.Total, Currency: o.Currency}, at)
	p.CreatedAt, p.IntentID, p.Stage, p.StripeCustomerID = at, new(gateway.IntentID(fmt.Sprint("pi_", i))), attached, stripes[i%len(stripes)]
	k := kept{}
	switch i % 11 {
	case 0:
		p.Status = RequiresPaymentMethod
	case 1:
		p.Status, p.Stage, p.IntentID = Unknown, creating, nil
	case 2:
		p.Status, p.Stage = RequiresAction, sent // its new amount is not answered
	case 3:
		p.Status, o.Processing = Processing, o.Total
	case 4:
		p.Status, p.Authorized, o.Authorized = RequiresCapture, o.Total, o.Total
	case 5:
		p.Status = Canceled
		o.CanceledAt = new(at.Add(time.Hour))
	case 6:
		p.Status, p.Stage, p.IntentID = Canceled, abandoned, nil
	case 7:
		p.Status, p.Captured, o.Captured, o.AmountMismatch = Succeeded, 1, 1, true
	default:
		p.Status, p.Captured, o.Captured, o.PaidAt = Succeeded, o.Total, o.Total, new(at.Add(time.Duration(i%13)*time.Hour))
		if i%11 == 9 || i%11 == 10 {
			amount := o.Total / int64(i%11-8)
			p.Refunds, p.Refunded, o.Refunded = 1, amount, amount
			k.refunds = append(k.refunds, refundRow{
				ID: RefundID(store.NewID("ref_")), OrderID: o.ID, PaymentID: p.ID, IntentID: *p.IntentID, StripeID: new(gateway.RefundID(fmt.Sprint("re_", i))), Stage: attached,
				Status: RefundSucceeded, Currency: o.Currency, Amount: amount, Lines: []RefundItem{}, CalledAt: at, CreatedAt: at, UpdatedAt: at,
			})
		}
	}
	o.Status = o.books().status()
	k.order, k.payments = o, []paymentRow{p}
	if p.Status == Succeeded { // after one that was canceled
		first := s.newAttempt(&o, ID(store.NewID("pay_")), money.Amount{Minor: 777, Currency: o.Currency}, at.Add(-time.Hour))
		first.CreatedAt, first.Status, first.Stage, first.IntentID = at.Add(-time.Hour), Canceled, attached, new(gateway.IntentID(fmt.Sprint("pi_first_", i)))
		k.payments = append(k.payments, first)
	}
	err := s.db.Tx(t.Context(), func(tx *gorm.DB) error {
		if err := errors.Join(tx.Create(&k.order).Error, tx.Create(&k.payments).Error); err != nil || len(k.refunds) == 0 {
			return err
		}
		return tx.Create(&k.refunds).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// fits says by Go what the statements say by SQL. A payment's own part is nil for an
// order's.
func (k kept) fits(f Filter, p *paymentRow) bool {
	o := k.order
	status, amount, created := string(o.Status), o.Total, o.CreatedAt
	if p != nil {
		status, amount, created = string(p.payment().Status), p.Amount, p.CreatedAt
	}
	mails := []string{o.ReceiptEmail, o.AccountEmail, o.BillingEmail}
	paid := time.Time{}
	if o.PaidAt != nil {
		paid = *o.PaidAt
	}
	within := func(at, from, to time.Time) bool {
		return (from.IsZero() && to.IsZero()) || !at.IsZero() && !at.Before(from) && (to.IsZero() || at.Before(to))
	}
	ofStripe := func(id gateway.CustomerID) bool {
		return p != nil && p.StripeCustomerID == id || p == nil && slices.ContainsFunc(k.payments, func(p paymentRow) bool { return p.StripeCustomerID == id })
	}
	switch {
	case len(f.Status) > 0 && !slices.Contains(f.Status, status),
		f.Currency != "" && string(o.Currency) != f.Currency,
		f.AmountMin != nil && amount < *f.AmountMin, f.AmountMax != nil && amount > *f.AmountMax,
		f.Customer.Subject != "" && o.Owner != "test|"+f.Customer.Subject,
		f.Customer.Email != "" && !slices.ContainsFunc(mails, func(m string) bool { return lower(m) == lower(f.Customer.Email) }),
		f.StripeCustomer != "" && !ofStripe(f.StripeCustomer),
		!within(created, f.CreatedFrom, f.CreatedTo), p == nil && !within(paid, f.PaidFrom, f.PaidTo):
		return false
	case f.Text == "":
		return true
	}
	texts := append(mails, o.Description)
	if o.Reference != nil {
		texts = append(texts, *o.Reference)
	}
	ids := []string{string(o.ID)}
	for _, mine := range k.payments {
		if p == nil || mine.ID == p.ID {
			ids = append(ids, string(mine.ID), string(mine.StripeCustomerID))
			if mine.IntentID != nil {
				ids = append(ids, string(*mine.IntentID))
			}
		}
	}
	for _, r := range k.refunds {
		if p == nil || r.PaymentID == p.ID {
			ids = append(ids, string(r.ID), string(*r.StripeID))
		}
	}
	return slices.Contains(ids, f.Text) || slices.ContainsFunc(texts, func(s string) bool { return s != "" && strings.HasPrefix(lower(s), lower(f.Text)) })
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// wanted are the ids that a filter is to find, the newest first.
func ofOrders(all []kept, f Filter) (out []string) {
	for _, k := range all {
		if k.fits(f, nil) {
			out = append(out, string(k.order.ID))
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out
}

func ofPayments(all []kept, f Filter) (out []string) {
	for _, k := range all {
		for _, p := range k.payments {
			if k.fits(f, &p) {
				out = append(out, string(p.ID))
			}
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out
}

// list reads one page of a list of ids.
type list func(f Filter, p store.Page) ([]string, bool, error)

func (s *Service) listOrders(t *testing.T) list {
	return func(f Filter, p store.Page) (ids []string, more bool, err error) {
		orders, more, err := s.Orders(t.Context(), staff, f, p)
		for _, o := range orders {
			ids = append(ids, string(o.ID))
		}
		return ids, more, err
	}
}

func (s *Service) listPayments(t *testing.T) list {
	return func(f Filter, p store.Page) (ids []string, more bool, err error) {
		payments, more, err := s.Payments(t.Context(), staff, f, p)
		for _, p := range payments {
			ids = append(ids, string(p.ID))
		}
		return ids, more, err
	}
}

// walk reads all pages of a list, forwards or backwards.
func (l list) walk(f Filter, limit int, backwards bool, between func()) (out []string, err error) {
	p := store.Page{Limit: limit}
	if backwards {
		p.EndingBefore = "!" // before all that there is
	}
	for more := true; more; {
		var ids []string
		if ids, more, err = l(f, p); err != nil {
			return nil, err
		}
		if len(ids) > limit || more && len(ids) < limit {
			return nil, fmt.Errorf("a page of %d has %d, and more: %t", limit, len(ids), more)
		}
		switch {
		case len(ids) == 0:
		case backwards:
			out, p.EndingBefore = append(ids, out...), ids[0]
		default:
			out, p.StartingAfter = append(out, ids...), ids[len(ids)-1]
		}
		between()
	}
	return out, nil
}

func drawFilter(t *rapid.T, all []kept) Filter {
	one := func(of int, label string) bool { return rapid.IntRange(1, of).Draw(t, label) == 1 }
	var f Filter
	if one(3, "with a status") {
		words := []string{"open", "processing", "authorized", "paid", "partially_refunded", "refunded", "canceled"}
		f.Status = slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.SampledFrom(words), 1, 3).Draw(t, "status"))))
	}
	if one(4, "with a currency") {
		f.Currency = string(rapid.SampledFrom(currencies).Draw(t, "currency"))
	}
	if one(4, "with a least amount") {
		f.AmountMin = new(rapid.Int64Range(700, 1700).Draw(t, "amountMin"))
	}
	if one(4, "with a most amount") {
		f.AmountMax = new(rapid.Int64Range(1700, 2000).Draw(t, "amountMax") - rapid.SampledFrom([]int64{0, 400}).Draw(t, "less"))
		if f.AmountMin != nil && *f.AmountMin > *f.AmountMax {
			f.AmountMin = nil
		}
	}
	if one(4, "with a subject") {
		f.Customer.Subject = rapid.SampledFrom(append(subjects, "nobody")).Draw(t, "subject")
	}
	if one(4, "with an email") {
		f.Customer.Email = rapid.SampledFrom(append(emails[1:], "JENNY@EXAMPLE.COM", "jenny", "%@example.com")).Draw(t, "email")
	}
	if one(5, "with a customer of Stripe's") {
		f.StripeCustomer = rapid.SampledFrom([]gateway.CustomerID{"cus_A", "cus_a", "cus_"}).Draw(t, "customer")
	}
	hour := func(label string) time.Time {
		return dawn.Add(time.Duration(rapid.IntRange(-1, 40).Draw(t, label)) * time.Hour)
	}
	if one(4, "with a beginning") {
		f.CreatedFrom = hour("createdFrom")
	}
	if one(4, "with an end") {
		f.CreatedTo = hour("createdTo")
	}
	if one(6, "paid from") {
		f.PaidFrom = hour("paidFrom")
	}
	if one(6, "paid to") {
		f.PaidTo = hour("paidTo")
	}
	if !f.CreatedTo.IsZero() && !f.CreatedFrom.Before(f.CreatedTo) {
		f.CreatedTo = time.Time{}
	}
	if !f.PaidTo.IsZero() && !f.PaidFrom.Before(f.PaidTo) {
		f.PaidFrom = time.Time{}
	}
	if one(2, "with a text") {
		f.Text = drawText(t, all)
	}
	return f
}

// drawText is an id or a beginning of something that there is, or nearly.
func drawText(t *rapid.T, all []kept) string {
	k := rapid.SampledFrom(all).Draw(t, "of")
	p := k.payments[0]
	ids := []string{string(k.order.ID), string(p.ID), "cus_A", "re_9", "re_", "ord_", "pay_", "pi_"}
	if p.IntentID != nil {
		ids = append(ids, string(*p.IntentID))
	}
	if len(k.refunds) > 0 {
		ids = append(ids, string(k.refunds[0].ID), string(*k.refunds[0].StripeID))
	}
	hostile := []string{"%%", "__", `\\`, `\_`, "cart_%", "cart%", "c%", "_a", "' OR '1'='1", "?1", "$1", "@q", "\U0010FFFF\U0010FFFF", "\uD7FF\uD7FF", "ZZ", "ÄR", "är", "\u200f\u200f"}
	text := rapid.SampledFrom(slices.Concat(ids, hostile, references[1:], descriptions[1:], emails[1:])).Draw(t, "text")
	if runes := []rune(text); len(runes) > 2 && rapid.Bool().Draw(t, "cut") {
		text = string(runes[:rapid.IntRange(2, len(runes)).Draw(t, "length")])
	}
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText])
	}
	if rapid.Bool().Draw(t, "in capitals") && !strings.Contains(text, "_") {
		text = strings.ToUpper(text)
	}
	return text
}

// Whatever is asked for, the database finds what Go finds, page by page in both
// directions.
func TestAFilterFindsWhatFits(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := testService(t, db)
		s.conf.Issuers = []string{"test"}
		all := fixture(t, s, 150)
		found := 0
		rapid.Check(t, func(rt *rapid.T) {
			f := drawFilter(rt, all)
			limit, backwards := rapid.SampledFrom([]int{1, 3, 10, 100}).Draw(rt, "limit"), rapid.Bool().Draw(rt, "backwards")
			want := ofOrders(all, f)
			if got, err := s.listOrders(t).walk(f, limit, backwards, func() {}); err != nil || !slices.Equal(got, want) {
				rt.Fatalf("orders: %+v: got %v %v, want %v", f, got, err, want)
			}
			found += len(want)
			words := []string{"requires_payment_method", "requires_action", "processing", "requires_capture", "succeeded", "canceled", "unknown"}
			if f.PaidFrom, f.PaidTo = (time.Time{}), (time.Time{}); f.Status != nil {
				f.Status = slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.SampledFrom(words), 1, 3).Draw(rt, "a payment's status"))))
			}
			want = ofPayments(all, f)
			if got, err := s.listPayments(t).walk(f, limit, backwards, func() {}); err != nil || !slices.Equal(got, want) {
				rt.Fatalf("payments: %+v: got %v %v, want %v", f, got, err, want)
			}
			found += len(want)
		})
		if found < 100 {
			t.Errorf("only %d were found in all", found)
		}
	})
}

// Each status, currency, owner and text by itself, and each pair of them, over all
// orders: how many there are is what Go counts, and no way to look finds nothing.
func TestFiltersOneByOneAndInPairs(t *testing.T) {
	t.Parallel()
	single := map[string]Filter{
		"open": {Status: []string{"open"}}, "processing": {Status: []string{"processing"}}, "authorized": {Status: []string{"authorized"}}, "paid": {Status: []string{"paid"}},
		"refunded": {Status: []string{"refunded"}}, "partially refunded": {Status: []string{"partially_refunded"}}, "canceled": {Status: []string{"canceled"}},
		"rare ones": {Status: []string{"canceled", "authorized", "refunded"}}, "rare and common ones": {Status: []string{"authorized", "paid"}},
		"eur": {Currency: "eur"}, "EUR": {Currency: "EUR"}, "from 1200": {AmountMin: new(int64(1200))}, "to 1200": {AmountMax: new(int64(1200))}, "just 1200": {AmountMin: new(int64(1200)), AmountMax: new(int64(1200))},
		"jenny": {Customer: Customer{Subject: "jenny"}}, "a user by issuer": {Customer: Customer{Subject: "carl", Issuer: "test"}}, "a mail address": {Customer: Customer{Email: "jenny@example.COM"}},
		"a customer at Stripe": {StripeCustomer: "cus_A"}, "the first hours": {CreatedTo: dawn.Add(5 * time.Hour)}, "the last hours": {CreatedFrom: dawn.Add(20 * time.Hour)},
		"paid early": {PaidTo: dawn.Add(9 * time.Hour)}, "paid late": {PaidFrom: dawn.Add(20 * time.Hour)}, "paid in between": {PaidFrom: dawn.Add(5 * time.Hour), PaidTo: dawn.Add(20 * time.Hour)},
		"a reference": {Text: "cart_1"}, "in capitals": {Text: "CART_1"}, "a description": {Text: "two m"}, "a percent sign": {Text: "50%"}, "a backslash": {Text: `back\`}, "the last character": {Text: "\U0010FFFF\U0010FFFF"},
		"other letters": {Text: "żó"}, "an address's beginning": {Text: "jenny@"}, "Stripe's intent": {Text: "pi_8"}, "Stripe's refund": {Text: "re_9"}, "Stripe's customer": {Text: "cus_a"},
	}
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := testService(t, db)
		s.conf.Issuers = []string{"test"}
		all := fixture(t, s, 400)
		combinations := 0
		for _, a := range slices.Sorted(maps.Keys(single)) {
			for _, b := range slices.Sorted(maps.Keys(single)) {
				f, ok := both(single[a], single[b])
				if b < a || !ok {
					continue
				}
				combinations++
				expected := f
				expected.Currency = strings.ToLower(f.Currency)
				want := ofOrders(all, expected)
				if a == b && len(want) == 0 {
					t.Errorf("%s: the fixture has none", a)
				}
				got, err := s.listOrders(t).walk(f, 100, false, func() {})
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%s and %s: got %d, %v, want %d", a, b, len(got), err, len(want))
				}
			}
		}
		if combinations < 300 {
			t.Errorf("%d combinations were tried", combinations)
		}
	})
}

// both is what two filters ask for together, if they ask for different things.
func both(a, b Filter) (Filter, bool) {
	clash := false
	str := func(into *string, from string) {
		clash = clash || *into != "" && from != "" && *into != from
		if from != "" {
			*into = from
		}
	}
	moment := func(into *time.Time, from time.Time) {
		clash = clash || !into.IsZero() && !from.IsZero() && !into.Equal(from)
		if !from.IsZero() {
			*into = from
		}
	}
	number := func(into **int64, from *int64) {
		clash = clash || *into != nil && from != nil && **into != *from
		if from != nil {
			*into = from
		}
	}
	clash = a.Status != nil && b.Status != nil && !slices.Equal(a.Status, b.Status)
	if b.Status != nil {
		a.Status = b.Status
	}
	str(&a.Currency, b.Currency)
	str(&a.Customer.Subject, b.Customer.Subject)
	str(&a.Customer.Issuer, b.Customer.Issuer)
	str(&a.Customer.Email, b.Customer.Email)
	str(&a.Text, b.Text)
	stripe := string(a.StripeCustomer)
	str(&stripe, string(b.StripeCustomer))
	a.StripeCustomer = gateway.CustomerID(stripe)
	number(&a.AmountMin, b.AmountMin)
	number(&a.AmountMax, b.AmountMax)
	moment(&a.CreatedFrom, b.CreatedFrom)
	moment(&a.CreatedTo, b.CreatedTo)
	moment(&a.PaidFrom, b.PaidFrom)
	moment(&a.PaidTo, b.PaidTo)
	empty := a.AmountMin != nil && a.AmountMax != nil && *a.AmountMin > *a.AmountMax ||
		!a.CreatedTo.IsZero() && !a.CreatedFrom.Before(a.CreatedTo) || !a.PaidTo.IsZero() && !a.PaidFrom.Before(a.PaidTo)
	return a, !clash && !empty
}

// Orders that come in while a list is read move nothing of it: each that was there is
// met once, in either direction.
func TestAListIsStableWhileOrdersComeIn(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := testService(t, db)
		s.conf.Issuers = []string{"test"}
		all := fixture(t, s, 60)
		n := len(all)
		for name, f := range map[string]Filter{"all": {}, "by text": {Text: "cart"}, "by address": {Text: "jenny@"}, "by status": {Status: []string{"canceled", "refunded"}}} {
			for _, backwards := range []bool{false, true} {
				want := ofOrders(all[:60], f)
				got, err := s.listOrders(t).walk(f, 2, backwards, func() {
					if n < 90 {
						keep(t, s, n)
						n++
					}
				})
				old := slices.DeleteFunc(slices.Clone(got), func(id string) bool { return !slices.Contains(want, id) })
				if unique := slices.Compact(slices.Clone(got)); err != nil || !slices.Equal(old, want) || len(unique) != len(got) {
					t.Errorf("%s, backwards %t: got %v %v, want %v", name, backwards, got, err, want)
				}
			}
		}
	})
}

func TestFiltersThatAreRefused(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	s := testService(t, db)
	s.conf.Issuers = []string{"test"}
	day := dawn.Add(24 * time.Hour)
	for name, tc := range map[string]struct {
		f    Filter
		want string
	}{
		"an unknown status":         {Filter{Status: []string{"paid", "sold"}}, "validation_failed status"},
		"an empty status":           {Filter{Status: []string{""}}, "validation_failed status"},
		"a status twice":            {Filter{Status: []string{"paid", "open", "paid"}}, "validation_failed status"},
		"a status that is SQL":      {Filter{Status: []string{"paid') OR ('1'='1"}}, "validation_failed status"},
		"a payment's status":        {Filter{Status: []string{"succeeded"}}, "validation_failed status"},
		"an unknown currency":       {Filter{Currency: "xxx"}, "currency_unknown currency"},
		"amounts the wrong way":     {Filter{AmountMin: new(int64(2)), AmountMax: new(int64(1))}, "validation_failed amountMax"},
		"times the wrong way":       {Filter{CreatedFrom: day, CreatedTo: dawn}, "validation_failed createdTo"},
		"a time of nothing":         {Filter{PaidFrom: day, PaidTo: day}, "validation_failed paidTo"},
		"an issuer alone":           {Filter{Customer: Customer{Issuer: "test"}}, "validation_failed subject"},
		"an unknown issuer":         {Filter{Customer: Customer{Subject: "jenny", Issuer: "x"}}, "validation_failed issuer"},
		"an address that is long":   {Filter{Customer: Customer{Email: strings.Repeat("a", 255)}}, "validation_failed email"},
		"a customer that is long":   {Filter{StripeCustomer: gateway.CustomerID(strings.Repeat("a", 256))}, "validation_failed stripeCustomerId"},
		"one character":             {Filter{Text: "a"}, "validation_failed q"},
		"one character of two":      {Filter{Text: "ü"}, "validation_failed q"},
		"a text that is long":       {Filter{Text: strings.Repeat("a", 101)}, "validation_failed q"},
		"a line break":              {Filter{Text: "a\nb"}, "validation_failed q"},
		"NUL":                       {Filter{Text: "a\x00b"}, "validation_failed q"},
		"half a character":          {Filter{Text: "ab\xff"}, "validation_failed q"},
		"an address with a control": {Filter{Customer: Customer{Email: "a\x7f@b.c"}}, "validation_failed email"},
	} {
		_, _, err := s.Orders(t.Context(), staff, tc.f, store.Page{})
		p, _ := errors.AsType[*problem.Error](err)
		if p == nil || p.Code+" "+p.Param != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	jenny := auth.Principal{Kind: auth.User, Issuer: "test", Subject: "jenny"}
	for param, f := range map[string]Filter{
		"status": {Status: []string{"paid"}}, "currency": {Currency: "eur"}, "amountMin": {AmountMin: new(int64(1))}, "amountMax": {AmountMax: new(int64(1))}, "subject": {Customer: Customer{Subject: "jenny"}},
		"issuer": {Customer: Customer{Issuer: "test"}}, "email": {Customer: Customer{Email: "jenny@example.com"}}, "stripeCustomerId": {StripeCustomer: "cus_A"}, "createdFrom": {CreatedFrom: dawn}, "createdTo": {CreatedTo: dawn},
		"paidFrom": {PaidFrom: dawn}, "paidTo": {PaidTo: dawn}, "q": {Text: "cart"},
	} {
		_, _, err := s.Orders(t.Context(), jenny, f, store.Page{})
		if p, _ := errors.AsType[*problem.Error](err); p == nil || p.Code != "validation_failed" || p.Param != param {
			t.Errorf("a customer asks for %s: %v", param, err)
		}
	}
}

func TestWhatComesAfterABeginning(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"a": "b", "az": "a{", "a\U0010FFFF": "b", "\U0010FFFF": "", "\uD7FF": "\uE000", "é": "ê", "%": "&"} {
		if got := after(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// What staff looks for most is found by an index, in a shop of thousands of orders.
func TestSearchesUseAnIndex(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := testService(t, db)
		s.conf.Issuers = []string{"test"}
		bulk(t, s, 6000)
		for name, tc := range map[string]struct {
			f        Filter
			payments bool
			index    string // one of these, with a bar between
		}{
			"one user's orders":         {Filter{Customer: Customer{Subject: "user7"}}, false, "orders_owner"},
			"one user's payments":       {Filter{Customer: Customer{Subject: "user7"}}, true, "orders_owner"},
			"by address":                {Filter{Customer: Customer{Email: "user7@example.com"}}, false, "orders_receipt_email"},
			"payments by address":       {Filter{Customer: Customer{Email: "user7@example.com"}}, true, "orders_receipt_email"},
			"by customer":               {Filter{StripeCustomer: "cus_7"}, false, "payments_customer"},
			"payments by customer":      {Filter{StripeCustomer: "cus_7"}, true, "payments_customer"},
			"held orders":               {Filter{Status: []string{"authorized"}}, false, "orders_pending"},
			"canceled orders":           {Filter{Status: []string{"canceled"}}, false, "orders_canceled"},
			"refunded orders":           {Filter{Status: []string{"refunded", "partially_refunded"}}, false, "orders_refunded"},
			"held payments":             {Filter{Status: []string{"requires_capture"}}, true, "payments_rare"},
			"unanswered payments":       {Filter{Status: []string{"unknown"}}, true, "payments_live|payments_pkey|sqlite_autoindex_payments_1"},
			"made in an hour":           {Filter{CreatedFrom: dawn.Add(100 * time.Hour), CreatedTo: dawn.Add(101 * time.Hour)}, false, "orders_created"},
			"payments of an hour":       {Filter{CreatedFrom: dawn.Add(100 * time.Hour), CreatedTo: dawn.Add(101 * time.Hour)}, true, "payments_created"},
			"paid in an hour":           {Filter{PaidFrom: dawn.Add(100 * time.Hour), PaidTo: dawn.Add(101 * time.Hour)}, false, "orders_paid|orders_pkey|Seq Scan"}, // a BRIN index on Postgres, which pays where a table is large
			"a reference":               {Filter{Text: "cart_77"}, false, "orders_reference_text"},
			"a description":             {Filter{Text: "order number 77"}, false, "orders_description_text"},
			"an address":                {Filter{Text: "user77@"}, false, "orders_receipt_email"},
			"Stripe's intent":           {Filter{Text: "pi_77"}, false, "payments_intent"},
			"a payment by Stripe's id":  {Filter{Text: "pi_77"}, true, "payments_intent"},
			"all":                       {Filter{}, false, "orders_pkey|sqlite_autoindex_orders_1"},
			"all that are paid":         {Filter{Status: []string{"paid"}}, false, "orders_pkey|sqlite_autoindex_orders_1"},
			"all payments that went ok": {Filter{Status: []string{"succeeded"}}, true, "payments_pkey|sqlite_autoindex_payments_1"},
		} {
			known := []string{"open", "processing", "authorized", "paid", "partially_refunded", "refunded", "canceled"}
			if tc.payments {
				known = []string{"requires_capture", "succeeded", "unknown"}
			}
			look, err := searching(s, staff, tc.f, known)
			if err != nil {
				t.Fatal(err)
			}
			dry := db.Read(t.Context()).Session(&gorm.Session{DryRun: true})
			page := store.Page{Limit: 20}
			q := page.Of(look.orders(func() *gorm.DB { return dry.Model(&orderRow{}) }, page), "orders.id", store.NewestFirst).Find(&[]orderRow{})
			if tc.payments {
				all := func() *gorm.DB {
					return dry.Model(&paymentRow{}).Joins("JOIN orders ON orders.id = payments.order_id")
				}
				q = page.Of(look.payments(all, page).Select("payments.*"), "payments.id", store.NewestFirst).Find(&[]paymentRow{})
			}
			how := planOf(t, db, q.Dialector.Explain(q.Statement.SQL.String(), q.Statement.Vars...))
			if !slices.ContainsFunc(strings.Split(tc.index, "|"), func(index string) bool { return strings.Contains(how, index) }) {
				t.Errorf("%s: %s is not used:\n%s", name, tc.index, how)
			}
		}
	})
}

// bulk stores many orders as a shop has them: most are paid, few are anything else.
func bulk(t *testing.T, s *Service, n int) {
	t.Helper()
	var orders []orderRow
	var attempts []paymentRow
	for i := range n {
		at := dawn.Add(time.Duration(i) * 5 * time.Minute)
		o := orderRow{
			ID: OrderID(store.NewID("ord_")), Owner: fmt.Sprint("test|user", i/5), Currency: "eur", Total: 1000, Reference: new(fmt.Sprint("cart_", i)), Description: fmt.Sprint("Order number ", i, " of the shop"),
			ReceiptEmail: fmt.Sprint("user", i/5, "@example.com"), AccountEmail: fmt.Sprint("account", i/5, "@example.com"), BillingEmail: fmt.Sprint("bill", i/5, "@example.com"), Metadata: map[string]string{}, CreatedAt: at, UpdatedAt: at,
		}
		p := s.newAttempt(&o, ID(store.NewID("pay_")), money.Amount{Minor: 1000, Currency: "eur"}, at)
		p.CreatedAt, p.Stage, p.IntentID, p.NextCheckAt = at, attached, new(gateway.IntentID(fmt.Sprint("pi_", i))), nil
		if i%100 < 10 {
			p.StripeCustomerID = gateway.CustomerID(fmt.Sprint("cus_", i))
		}
		switch {
		case i%100 == 1:
			p.Status, p.Authorized, o.Authorized = RequiresCapture, 1000, 1000
		case i%100 == 2:
			p.Status, o.CanceledAt = Canceled, &at
		case i%10 == 3:
			p.Status = RequiresPaymentMethod
		case i%1000 == 4:
			p.Status, p.Stage = RequiresPaymentMethod, sent
		default:
			p.Status, p.Captured, o.Captured, o.PaidAt = Succeeded, 1000, 1000, new(at.Add(time.Minute))
			if i%100 == 5 {
				o.Refunded = 500
			}
		}
		o.Status = o.books().status()
		orders, attempts = append(orders, o), append(attempts, p)
	}
	for chunk := range slices.Chunk(orders, 500) {
		if err := s.db.Tx(t.Context(), func(tx *gorm.DB) error { return tx.Create(&chunk).Error }); err != nil {
			t.Fatal(err)
		}
	}
	for chunk := range slices.Chunk(attempts, 500) {
		if err := s.db.Tx(t.Context(), func(tx *gorm.DB) error { return tx.Create(&chunk).Error }); err != nil {
			t.Fatal(err)
		}
	}
	tidy := []string{"ANALYZE"}
	if s.db.Postgres() {
		tidy = []string{"ANALYZE orders", "ANALYZE payments"}
	}
	for _, sql := range tidy {
		if err := s.db.Write(t.Context()).Exec(sql).Error; err != nil {
			t.Fatal(err)
		}
	}
}

// planOf is how a database carries a statement out.
func planOf(t *testing.T, db *store.DB, sql string) string {
	t.Helper()
	before := "EXPLAIN QUERY PLAN "
	if db.Postgres() {
		before = "EXPLAIN "
	}
	rows, err := db.Read(t.Context()).Raw(before + sql).Rows()
	if err != nil {
		t.Fatal(err, sql)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, *cells[len(cells)-1].(*any))
	}
	return out.String()
}
