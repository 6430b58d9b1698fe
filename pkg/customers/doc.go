// Package customers owns who a user is at Stripe, and the ways to pay that are
// saved there.
//
// A user has at most one Stripe customer for each mode, made when the first thing
// has to be saved and never for a plain payment; guests have none. The row is
// written before Stripe is asked, with what makes the call's idempotency key, and
// is unique by owner and mode, so that crowds, crashes and lost answers make one
// customer. A customer that was deleted at Stripe is followed by a new one at the
// next need.
//
// Saved ways to pay are read from Stripe each time and kept nowhere else: a mirror
// would lag behind what the payer has just saved. Nothing here moves money, so a
// setup intent of unknown outcome needs no sweep: its client never got the secret.
package customers
