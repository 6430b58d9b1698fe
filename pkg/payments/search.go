package payments

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/store"
)

// Filter says which orders or payments are meant; its zero value means all of them.
type Filter struct {
	Status               []string // one of these; empty: any
	Currency             string
	AmountMin, AmountMax *int64 // minor units of the order's total, or the payment's amount; both included
	Customer             Customer
	StripeCustomer       gateway.CustomerID // whom a payment was made for
	CreatedFrom          time.Time          // inclusive; zero: from the first on
	CreatedTo            time.Time          // exclusive; zero: up to now
	PaidFrom, PaidTo     time.Time          // as above, of orders alone
	// Text is an id as a whole, or the beginning of a reference, a description or a
	// mail address. A to Z are as a to z there; other letters are themselves, so that
	// both databases say the same.
	Text string
}

const (
	minText = 2
	// maxText is how much of a description is indexed, characters: a longer text would
	// be compared with less than all of it.
	maxText = 100
)

// OrderStatuses are all that an order can be.
func OrderStatuses() []OrderStatus {
	return []OrderStatus{OrderOpen, OrderProcessing, OrderAuthorized, OrderPaid, OrderPartiallyRefunded, OrderRefunded, OrderCanceled}
}

// Statuses are all that a payment can be.
func Statuses() []Status {
	return []Status{RequiresPaymentMethod, RequiresConfirmation, RequiresAction, Processing, RequiresCapture, Succeeded, Canceled, Unknown}
}

func errStaffOnly(field string) error {
	return errValidation.Detailf("%s is for server keys and staff; leave it out.", field).At(field)
}

// search is a filter that has been found to be in order.
type search struct {
	Filter
	owner    string // issuer|subject; empty: anybody's
	postgres bool
}

// searching checks a filter of a caller's. known are the statuses that there are.
func searching[S ~string](s *Service, who auth.Principal, f Filter, known []S) (search, error) {
	out := search{Filter: f, postgres: s.db.Postgres()}
	if !who.Everyone {
		return out, f.none()
	}
	for _, status := range f.Status {
		if !slices.Contains(known, S(status)) {
			var words []string
			for _, k := range known {
				words = append(words, string(k))
			}
			return out, errValidation.Detailf("status must be one or more of %s, separated by commas.", strings.Join(words, ", ")).At("status")
		}
	}
	if len(slices.Compact(slices.Sorted(slices.Values(f.Status)))) < len(f.Status) {
		return out, errValidation.Detailf("status names one twice.").At("status")
	}
	if f.Currency != "" {
		c, err := money.ParseCurrency(f.Currency)
		if err != nil {
			return out, ErrCurrencyUnknown
		}
		out.Currency = string(c)
	}
	if f.AmountMin != nil && f.AmountMax != nil && *f.AmountMin > *f.AmountMax {
		return out, errValidation.Detailf("amountMax must not be less than amountMin.").At("amountMax")
	}
	if f.Customer.Subject != "" || f.Customer.Issuer != "" {
		owner, err := s.named(f.Customer.Issuer, f.Customer.Subject)
		if err != nil {
			return out, err
		}
		out.owner = owner.Owner()
	}
	for _, r := range []struct {
		from, to time.Time
		name     string
	}{{f.CreatedFrom, f.CreatedTo, "created"}, {f.PaidFrom, f.PaidTo, "paid"}} {
		if !r.from.IsZero() && !r.to.IsZero() && !r.from.Before(r.to) {
			return out, errValidation.Detailf("%sTo must be later than %sFrom.", r.name, r.name).At(r.name + "To")
		}
	}
	for _, text := range []struct {
		name, value string
		least, most int
	}{{"email", f.Customer.Email, 0, 254}, {"stripeCustomerId", string(f.StripeCustomer), 0, 255}, {"q", f.Text, minText, maxText}} {
		switch n := utf8.RuneCountInString(text.value); {
		case text.value == "":
		case n < text.least, n > text.most, !printable(text.value), !utf8.ValidString(text.value):
			return out, errValidation.Detailf("%s must be text of %d to %d characters, none of them control characters.", text.name, max(1, text.least), text.most).At(text.name)
		}
	}
	return out, nil
}

// none refuses what customers may not ask for.
func (f Filter) none() error {
	for _, field := range []struct {
		name string
		sent bool
	}{
		{"subject", f.Customer.Subject != ""}, {"issuer", f.Customer.Issuer != ""}, {"email", f.Customer.Email != ""}, {"stripeCustomerId", f.StripeCustomer != ""},
		{"status", f.Status != nil}, {"currency", f.Currency != ""}, {"amountMin", f.AmountMin != nil}, {"amountMax", f.AmountMax != nil}, {"q", f.Text != ""},
		{"createdFrom", !f.CreatedFrom.IsZero()}, {"createdTo", !f.CreatedTo.IsZero()}, {"paidFrom", !f.PaidFrom.IsZero()}, {"paidTo", !f.PaidTo.IsZero()},
	} {
		if field.sent {
			return errStaffOnly(field.name)
		}
	}
	return nil
}

// Orders returns a page of the orders that the caller may see, newest first, and
// whether more follow. The filter is for those who see everyone's.
func (s *Service) Orders(ctx context.Context, who auth.Principal, f Filter, p store.Page) ([]Order, bool, error) {
	look, err := searching(s, who, f, OrderStatuses())
	if err != nil {
		return nil, false, err
	}
	rows, more, err := store.Fetch[orderRow](look.orders(func() *gorm.DB { return seenBy(s.db.Read(ctx).Model(&orderRow{}), who) }, p), p, "orders.id", store.NewestFirst)
	if err != nil {
		return nil, false, err
	}
	orders, err := s.whole(ctx, rows)
	return orders, more, err
}

// Payments returns a page of everyone's payments, newest first, and whether more
// follow.
func (s *Service) Payments(ctx context.Context, who auth.Principal, f Filter, p store.Page) ([]Payment, bool, error) {
	look, err := searching(s, who, f, Statuses())
	if err != nil {
		return nil, false, err
	}
	all := func() *gorm.DB {
		return seenBy(s.db.Read(ctx).Model(&paymentRow{}).Joins("JOIN orders ON orders.id = payments.order_id"), who)
	}
	rows, more, err := store.Fetch[paymentRow](look.payments(all, p).Select("payments.*"), p, "payments.id", store.NewestFirst)
	payments := make([]Payment, len(rows))
	for i, r := range rows {
		payments[i] = shown(r.payment(), who)
	}
	return payments, more, err
}

// orders narrows what all returns, each time anew, to the orders of the search.
func (f search) orders(all func() *gorm.DB, p store.Page) *gorm.DB {
	narrow := func() *gorm.DB {
		q := f.amounts(f.common(all()), "orders.total", "orders.currency")
		if len(f.Status) > 0 {
			q = q.Where(orderStatuses(f.Status))
		}
		if f.StripeCustomer != "" {
			q = q.Where("orders.id IN (SELECT order_id FROM payments WHERE stripe_customer_id <> '' AND stripe_customer_id = ?)", f.StripeCustomer)
		}
		q = between(q, "orders.created_at", f.CreatedFrom, f.CreatedTo)
		return between(q, "orders.paid_at", f.PaidFrom, f.PaidTo)
	}
	if f.Text == "" {
		return narrow()
	}
	const ofPayments, ofRefunds = "orders.id IN (SELECT order_id FROM payments WHERE ", "orders.id IN (SELECT order_id FROM refunds WHERE "
	return f.byText(narrow, all(), p, "orders.id", map[string]condition{
		"ord_": {"orders.id = ?", []any{f.Text}},
		"pay_": {ofPayments + "id = ?)", []any{f.Text}},
		"pi_":  {ofPayments + "account = '' AND livemode IN (true, false) AND intent_id = ?)", []any{f.Text}},
		"cus_": {ofPayments + "stripe_customer_id <> '' AND stripe_customer_id = ?)", []any{f.Text}},
		"ref_": {ofRefunds + "id = ?)", []any{f.Text}},
		"re_":  {ofRefunds + "account = '' AND livemode IN (true, false) AND stripe_id = ?)", []any{f.Text}},
		"pyr_": {ofRefunds + "account = '' AND livemode IN (true, false) AND stripe_id = ?)", []any{f.Text}},
	})
}

// payments narrows what all returns, each time anew, to the payments of the search.
// They are joined with their orders.
func (f search) payments(all func() *gorm.DB, p store.Page) *gorm.DB {
	narrow := func() *gorm.DB {
		q := f.amounts(f.common(all()), "payments.amount", "payments.currency")
		if len(f.Status) > 0 {
			q = q.Where(paymentStatuses(f.Status))
		}
		if f.StripeCustomer != "" {
			q = q.Where("payments.stripe_customer_id <> '' AND payments.stripe_customer_id = ?", f.StripeCustomer)
		}
		return between(q, "payments.created_at", f.CreatedFrom, f.CreatedTo)
	}
	if f.Text == "" {
		return narrow()
	}
	const ofRefunds = "payments.id IN (SELECT payment_id FROM refunds WHERE "
	return f.byText(narrow, all(), p, "payments.id", map[string]condition{
		"ord_": {"payments.order_id = ?", []any{f.Text}},
		"pay_": {"payments.id = ?", []any{f.Text}},
		"pi_":  {"payments.account = '' AND payments.livemode IN (true, false) AND payments.intent_id = ?", []any{f.Text}},
		"cus_": {"payments.stripe_customer_id <> '' AND payments.stripe_customer_id = ?", []any{f.Text}},
		"ref_": {ofRefunds + "id = ?)", []any{f.Text}},
		"re_":  {ofRefunds + "account = '' AND livemode IN (true, false) AND stripe_id = ?)", []any{f.Text}},
		"pyr_": {ofRefunds + "account = '' AND livemode IN (true, false) AND stripe_id = ?)", []any{f.Text}},
	})
}

// common narrows a query of orders, or one that joins them, by whose they are.
func (f search) common(q *gorm.DB) *gorm.DB {
	if f.owner != "" {
		q = q.Where("orders.owner = ?", f.owner)
	}
	if f.Customer.Email == "" {
		return q
	}
	var arms []string
	var vars []any
	for _, column := range []string{"receipt_email", "account_email", "billing_email"} {
		arms = append(arms, "SELECT id FROM orders WHERE "+column+" <> '' AND "+f.folded(column)+" = ?")
		vars = append(vars, fold(f.Customer.Email))
	}
	return q.Where("orders.id IN ("+strings.Join(arms, " UNION ALL ")+")", vars...)
}

func (f search) amounts(q *gorm.DB, amount, currency string) *gorm.DB {
	if f.Currency != "" {
		q = q.Where(currency+" = ?", f.Currency)
	}
	if f.AmountMin != nil {
		q = q.Where(amount+" >= ?", *f.AmountMin)
	}
	if f.AmountMax != nil {
		q = q.Where(amount+" <= ?", *f.AmountMax)
	}
	return q
}

func between(q *gorm.DB, column string, from, to time.Time) *gorm.DB {
	if !from.IsZero() {
		q = q.Where(column+" >= ?", store.Truncate(from))
	}
	if !to.IsZero() {
		q = q.Where(column+" < ?", store.Truncate(to))
	}
	return q
}

type condition struct {
	sql  string
	vars []any
}

// byText narrows by the text. Each way to match it is a query of its own that reads one
// page at the most, in the list's order or by an index, whichever the database finds
// cheaper: a text that much begins with costs no more than one that hardly anything
// does. ids are the ways of ids by their prefixes.
func (f search) byText(narrow func() *gorm.DB, all *gorm.DB, p store.Page, column string, ids map[string]condition) *gorm.DB {
	text := fold(f.Text)
	ways := []condition{f.begins("orders.reference IS NOT NULL", f.folded("orders.reference"), text)}
	for _, c := range []string{"receipt_email", "account_email", "billing_email"} {
		ways = append(ways, f.begins("orders."+c+" <> ''", f.folded("orders."+c), text))
	}
	first := "left(%s, 100)"
	if !f.postgres {
		first = "substr(%s, 1, 100)"
	}
	ways = append(ways, f.begins("orders.description <> ''", strings.Replace(first, "%s", f.folded("orders.description"), 1), text))
	prefix, _, _ := strings.Cut(f.Text, "_")
	if way, known := ids[prefix+"_"]; known {
		ways = append(ways, way)
	}
	arms, queries := make([]string, len(ways)), make([]any, len(ways))
	for i, way := range ways {
		arms[i] = "SELECT id FROM (?) AS way"
		queries[i] = p.Of(narrow().Where(way.sql, way.vars...).Select(column), column, store.NewestFirst)
	}
	return all.Where(column+" IN ("+strings.Join(arms, " UNION ")+")", queries...)
}

// begins is that an expression begins with a text. In the order of bytes, which is
// that of characters, all that does lies together; LIKE would have wildcards, and an
// index of its own kind.
func (f search) begins(present, expression, text string) condition {
	c := condition{present + " AND " + expression + " >= ?", []any{text}}
	if next := after(text); next != "" {
		c.sql += " AND " + expression + " < ?"
		c.vars = append(c.vars, next)
	}
	return c
}

// after is the first text behind all that begin with a text; empty: there is none.
func after(text string) string {
	runes := []rune(text)
	for n := len(runes) - 1; n >= 0; n-- {
		if runes[n] == utf8.MaxRune {
			continue
		}
		runes[n]++
		if runes[n] == 0xD800 { // surrogates are no characters
			runes[n] = 0xE000
		}
		return string(runes[:n+1])
	}
	return ""
}

// folded is a column with A to Z as a to z, and compared by its bytes, as it is indexed.
func (f search) folded(column string) string {
	if f.postgres {
		return `lower(` + column + ` COLLATE "C")`
	}
	return "lower(" + column + ")"
}

func fold(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// orderStatuses is the condition of some statuses of orders, which are words of ours
// and so may stand in it. It says in the words of an index what the rare ones have in
// common: an index of the status itself would be written to with each payment. Open
// and paid orders are most of all, and met soon in the order of the list.
func orderStatuses(statuses []string) string {
	of := map[OrderStatus]string{
		OrderCanceled: "orders.canceled_at IS NOT NULL", OrderRefunded: "orders.refunded > 0", OrderPartiallyRefunded: "orders.refunded > 0",
		OrderAuthorized: pendingOrders, OrderProcessing: pendingOrders,
	}
	var rare []string
	for _, s := range statuses {
		switch with := of[OrderStatus(s)]; {
		case with == "":
			return "orders.status IN ('" + strings.Join(statuses, "', '") + "')"
		case !slices.Contains(rare, with):
			rare = append(rare, with)
		}
	}
	return "orders.status IN ('" + strings.Join(statuses, "', '") + "') AND (" + strings.Join(rare, " OR ") + ")"
}

const pendingOrders = "(orders.authorized > 0 OR orders.processing > 0 OR orders.amount_mismatch)"

// rarePayments is in the words of the index of those payments that neither went well nor wait for a payer.
const rarePayments = "('requires_confirmation', 'requires_action', 'processing', 'requires_capture', 'canceled')"

// paymentStatuses is the condition of some statuses of payments as they are shown: a
// payment whose call is not answered is unknown, whatever it was before.
func paymentStatuses(statuses []string) string {
	var ways []string
	known := slices.DeleteFunc(slices.Clone(statuses), func(s string) bool { return s == string(Unknown) })
	if len(known) < len(statuses) {
		ways = append(ways, "payments.stage IN ('creating', 'sent') AND payments.status NOT IN ('succeeded', 'canceled')")
	}
	if len(known) > 0 {
		way := "payments.status IN ('" + strings.Join(known, "', '") + "') AND payments.stage NOT IN ('creating', 'sent')"
		if len(known) == len(statuses) && !slices.ContainsFunc(known, func(s string) bool { return !strings.Contains(rarePayments, "'"+s+"'") }) {
			way += " AND payments.status IN " + rarePayments
		}
		ways = append(ways, way)
	}
	return "(" + strings.Join(ways, " OR ") + ")"
}
