// Package gateway is the only door to Stripe. It takes and returns Till's own
// structs; nothing of stripe-go leaves it.
//
// A call ends in one of three ways: an Answer; an error with a problem kind,
// which is definitive (Stripe did not act, and says why); or an error that is
// ErrUnknown, which means that Stripe may have acted: repeat the call with the
// same Key, or read the object back, but never use a new Key. Timeouts, cut
// connections, 5xx and answers that are not Stripe's are all unknown.
//
// Deadlines: 4 s an attempt, one retry, 10 s in all.
package gateway
