package payments

import "time"

// books are the sums of an order, minor units of its currency.
type books struct {
	total      int64
	processing int64 // on its way, not decided
	authorized int64 // held, not captured
	captured   int64
	released   int64 // given up by a partial capture
	refunded   int64 // net of refunds that failed
	// amountMismatch is set when Stripe took another amount than the order's:
	// nothing is fulfilled until staff has looked at it.
	amountMismatch bool
	placedAt       time.Time // when an order of nothing was placed
	canceledAt     time.Time
}

// status is the order's state as a function of its sums; the first rule that
// fits wins. A dispute is a flag beside it.
func (b books) status() OrderStatus {
	switch {
	case !b.canceledAt.IsZero():
		return OrderCanceled
	case b.captured > 0 && b.refunded >= b.captured:
		return OrderRefunded
	case b.refunded > 0:
		return OrderPartiallyRefunded
	case b.amountMismatch:
		return OrderProcessing
	case b.total > 0 && b.captured+b.released >= b.total, b.total == 0 && !b.placedAt.IsZero():
		return OrderPaid
	case b.authorized > 0:
		return OrderAuthorized
	case b.processing > 0:
		return OrderProcessing
	}
	return OrderOpen
}
