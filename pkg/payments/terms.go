package payments

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/customers"
	"till/pkg/gateway"
	"till/pkg/store"
	"till/pkg/timeline"
)

// terms are what an attempt asks of Stripe beside its amount: whose saved ways to
// pay may pay it, and what the payer agrees to have the way to pay kept for.
type terms struct {
	customer gateway.CustomerID
	future   customers.Usage
}

// errNoCustomer ends a first transaction that needs the payer's customer before
// there is one: it is made outside of it, and all is done again.
var errNoCustomer = errors.New("payments: the payer has no customer at Stripe yet")

// needsCustomer reports whether this is more than a plain payment, which goes
// without a customer.
func (r *StartRequest) needsCustomer() bool { return r.Saved || r.Future != "" }

func (r *StartRequest) checkTerms(who auth.Principal) error {
	switch {
	case r.Future != "" && !r.Future.Known():
		return customers.ErrUsage.At("setupFutureUsage")
	case r.Future != "" && who.Kind != auth.User:
		return customers.ErrGuest.At("setupFutureUsage")
	case r.Saved && who.Kind != auth.User:
		return customers.ErrGuest.At("savedPaymentMethods")
	}
	return nil
}

// termsOf are the terms of a request that is in order so far. Where nothing is left
// to pay they do not matter, and nobody is made a customer for it. A nil cart leaves
// the order as it is.
func (s *Service) termsOf(tx *gorm.DB, who auth.Principal, r *StartRequest, order *orderRow, cart *priced) (*terms, error) {
	total := order.Total
	if cart != nil {
		total = cart.total.Minor
	}
	// A page is made for whom Stripe knows already; a customer is made for it only
	// where something has to be saved.
	wants := r.needsCustomer() || r.page != nil && who.Kind == auth.User
	if wants && r.customer == "" && order.Status == OrderOpen && total > 0 {
		known, err := s.customers.Known(tx, who)
		if err != nil {
			return nil, err
		}
		if known == "" && r.needsCustomer() {
			return nil, errNoCustomer
		}
		r.customer = known
	}
	return &terms{r.customer, r.Future}, nil
}

// over is what becomes of an attempt's terms by those of a later request; nil says
// nothing about them. A customer stays, as Stripe takes none off; consent that is
// not given again is withdrawn.
func (t *terms) over(had terms) terms {
	if t == nil {
		return had
	}
	want := *t
	if want.customer == "" {
		want.customer = had.customer
	}
	return want
}

// terms are those that Stripe has, asked are those of the last call.
func (r *paymentRow) terms() terms { return terms{r.StripeCustomerID, r.FutureUsage} }
func (r *paymentRow) asked() terms {
	return terms{r.Call.Params.Customer, customers.Usage(r.Call.Params.FutureUsage)}
}

// ask has the row's next call ask for terms, which changes what it had.
func (r *paymentRow) ask(want, had terms) {
	r.Call.Params.Customer, r.Call.Params.FutureUsage = want.customer, string(want.future)
	r.Call.Params.NewTerms = want != had
}

// consent is the record of what the payer agrees to, or no longer does: nothing if
// that has not changed.
func consent(p *paymentRow, had, want customers.Usage, cause timeline.Cause, at time.Time) []timeline.Entry {
	if had == want {
		return nil
	}
	text := "The payer no longer agrees to have the way to pay kept."
	if want != "" {
		text = "The payer agrees to have the way to pay kept for " + want.Words() + "."
	}
	return []timeline.Entry{{
		OrderID: string(*p.OrderID), PaymentID: string(p.ID), Kind: "payment.consent", From: string(had), To: string(want), Version: p.Version,
		Message: text, Cause: cause, At: at,
	}}
}

// inTurn runs the first transaction of a request, and again once the payer has a
// customer if it needs one.
func (s *Service) inTurn(ctx context.Context, who auth.Principal, r *StartRequest, fn func(tx *gorm.DB) error) error {
	err := s.db.Tx(ctx, fn)
	if !errors.Is(err, errNoCustomer) {
		return err
	}
	if r.customer, err = s.customers.Ensure(ctx, who); err != nil {
		return err
	}
	// Making it may have used up the request's own time.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer stop()
	return s.db.Tx(ctx, fn)
}

// again reports whether a refused request is to be made once more: its customer was
// deleted at Stripe, and another one will be made.
func (s *Service) again(ctx context.Context, r *StartRequest, err error) bool {
	if !gateway.MissingCustomer(err) || r.customer == "" {
		return false
	}
	lost := s.customers.Lost(store.OwnWork(context.WithoutCancel(ctx)), r.customer)
	r.customer = ""
	return lost == nil
}
