// Package inbox receives Stripe's webhook deliveries: it verifies the raw bytes,
// stores them in batches, applies each to the package that owns its object, and
// keeps what became of it.
//
// Stripe is answered 200 once the delivery is committed, never before. What
// fails to apply stays stored with its error and is tried again, up to five
// times. What is ours and has no row yet stays pending for a day. The same event
// again is answered 200 and not applied twice.
//
// It knows no domain: main gives it an Applier for each prefix of event types.
package inbox
