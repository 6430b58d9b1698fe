// Package payments owns orders, the attempts to collect what they owe, and what is
// refunded of that.
//
// An order's total is int64 in its currency's minor unit. A payment moves only by
// next, the one rule over what Stripe said and when; an order's status is a pure
// function of its sums. The database holds the rest: one order per owner and
// reference, one live attempt per order, one row per Stripe intent and refund, and no
// more refunded than was captured.
//
// A plain payment has no customer at Stripe. Where the payer's saved ways to pay
// may pay it, or the payer agrees to have the way to pay kept, the attempt carries
// the customer, and the timeline says who agreed to what, and when.
//
// A call to Stripe is written down before it is made, made outside of any
// transaction, and recorded in a second one. What Stripe may have done and we do
// not know is a state of its own, settled by repeating the call under its own
// key or by reading, never by a new call.
package payments
