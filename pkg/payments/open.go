package payments

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/catalog"
	"till/pkg/failpoint"
	"till/pkg/idempotency"
	"till/pkg/limits"
	"till/pkg/store"
)

// opening is a request to pay for a cart, on its way through a batch.
type opening struct {
	who     auth.Principal
	request *StartRequest
	order   OrderID // new ids, used if there is nothing yet
	payment ID
}

// openNew is the first transaction of many requests at once, for the plain case:
// a key that nobody has used and a cart that nobody has ordered. A plan without a
// payment says that this request is another case, and that nothing was done for it.
func (s *Service) openNew(ctx context.Context, tx *gorm.DB, batch []opening) ([]plan, func(), error) {
	var ids, resources []string
	var references [][2]string
	var keys []*idempotency.Request
	for _, o := range batch {
		if o.request.Cart.Reference != "" {
			references = append(references, o.reference())
		}
		ids = append(ids, o.request.priceIDs()...)
		keys, resources = append(keys, &o.request.Idempotency), append(resources, string(o.payment))
	}
	slices.Sort(ids)
	var prices *catalog.Prices
	var claimed func() []bool
	var ordered []orderRow
	err := store.Send(tx, func(p *store.Pipe) {
		prices = s.catalog.Look(p, slices.Compact(ids))
		claimed = idempotency.ClaimNew(p, keys, resources, s.now())
		if len(references) > 0 {
			known := store.InPairs("owner, reference", references)
			known.SQL += " AND reference IS NOT NULL AND canceled_at IS NULL"
			store.Find(p, &ordered, known)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	taken := map[[2]string]bool{} // references that there is an order under
	for _, o := range ordered {
		taken[[2]string{o.Owner, *o.Reference}] = true
	}
	plain := claimed() // who goes on
	plans := make([]plan, len(batch))
	var orders []orderRow
	var items []itemRow
	var payments []paymentRow
	for i, o := range batch {
		if !plain[i] {
			continue
		}
		cart, err := s.priceAt(prices, o.request.Cart)
		if err != nil || taken[o.reference()] {
			if err := o.request.Idempotency.Release(tx); err != nil {
				return nil, nil, err
			}
			continue
		}
		order := s.newOrder(o.order, o.who, o.request.Cart, cart)
		orders = append(orders, order)
		taken[o.reference()] = o.request.Cart.Reference != ""
		for n, item := range cart.items {
			item.OrderID, item.Position = o.order, int64(n)
			items = append(items, item)
		}
		payment := s.newAttempt(&order, o.payment, cart.total, s.now())
		payment.Network = limits.Hidden("network", o.request.Network)
		payments = append(payments, payment)
		plans[i] = plan{step: ask, payment: payment, secret: true, created: true}
	}
	// In one order, so that of two batches with the same references one waits for the other.
	slices.SortFunc(orders, func(a, b orderRow) int {
		return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(text(a.Reference), text(b.Reference)))
	})
	err = store.Leave(tx, func(p *store.Pipe) {
		store.InsertOnce(p, orders)
		store.Insert(p, items)
		store.Insert(p, payments)
	})
	if err != nil {
		return nil, nil, err
	}
	failpoint.Here("start.before_commit")
	return plans, nil, nil
}

func (s *Service) newOrder(id OrderID, who auth.Principal, c Cart, cart priced) orderRow {
	now := s.now()
	row := orderRow{
		ID: id, Owner: who.Owner(), SetBy: c.setBy, Status: OrderOpen, Currency: cart.total.Currency, Description: c.Description,
		Metadata: maps.Collect(maps.All(c.Metadata)), ReceiptEmail: c.ReceiptEmail, AccountEmail: who.Email, CreatedAt: now, UpdatedAt: now,
	}
	row.CaptureMethod = cmp.Or(c.CaptureMethod, s.conf.CaptureMethod, CaptureAutomatic)
	row.take(cart.total.Minor, cart.promotion)
	row.Locale, _ = s.localeOf(c)
	if c.Reference != "" {
		row.Reference = &c.Reference
	}
	return row
}

// reference tells the owner's order that the cart is for, if it names one.
func (o opening) reference() [2]string { return [2]string{o.who.Owner(), o.request.Cart.Reference} }

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
