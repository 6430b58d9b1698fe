package payments

import (
	"context"

	"till/pkg/auth"
	"till/pkg/store"
	"till/pkg/timeline"
)

const (
	// exportPage is how many orders are read at a time.
	exportPage = 20
	// exportEntries is how many entries of one order's timeline are read.
	exportEntries = 500
)

// Exported is an order with all that its owner may know of it.
type Exported struct {
	Order        Order
	AccountEmail string // the token's, when it was ordered
	BillingEmail string // the charge's
	Refunds      []Refund
	Timeline     []timeline.Entry // the oldest, as many as exportEntries
	TimelineMore bool             // OrderTimeline has more
}

// Export gives all of the caller's orders to each, the newest first, a few at a time
// however many there are. Its errors are each's and the database's.
func (s *Service) Export(ctx context.Context, who auth.Principal, each func(Exported) error) error {
	for more, last := true, ""; more; {
		var rows []orderRow
		var err error
		rows, more, err = store.Fetch[orderRow](s.db.Read(ctx).Where("owner = ?", who.Owner()), store.Page{Limit: exportPage, StartingAfter: last}, "id", store.NewestFirst)
		if err != nil || len(rows) == 0 {
			return err
		}
		last = string(rows[len(rows)-1].ID)
		orders, err := s.whole(ctx, rows)
		if err != nil {
			return err
		}
		refunds, err := s.refundsOf(ctx, rows)
		if err != nil {
			return err
		}
		for i, o := range orders {
			e := Exported{Order: o, AccountEmail: rows[i].AccountEmail, BillingEmail: rows[i].BillingEmail, Refunds: refunds[o.ID]}
			payments := make([]string, len(o.Payments))
			for n, p := range o.Payments {
				payments[n] = string(p.ID)
			}
			if e.Timeline, e.TimelineMore, err = timeline.OfOrder(ctx, s.db, string(o.ID), payments, store.Page{Limit: exportEntries}, staffsKinds...); err != nil {
				return err
			}
			if err := each(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) refundsOf(ctx context.Context, orders []orderRow) (map[OrderID][]Refund, error) {
	ids := make([]OrderID, len(orders))
	for i, o := range orders {
		ids[i] = o.ID
	}
	var rows []refundRow
	if err := s.db.Read(ctx).Where("order_id IN ?", ids).Order("id DESC").Find(&rows).Error; err != nil {
		return nil, store.Translate(err)
	}
	out := map[OrderID][]Refund{}
	for _, r := range rows {
		out[r.OrderID] = append(out[r.OrderID], r.refund())
	}
	return out, nil
}
