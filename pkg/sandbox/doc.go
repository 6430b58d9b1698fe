// Package sandbox is an offline, stateful Stripe for development and tests:
// its API at version 2023-10-16, signed webhooks, the hosted pages and its
// Stripe.js, all on one origin. docs/sandbox.md lists what it covers.
//
// Each resource is one file: a typed struct of what behaviour reads, its
// transitions, its events. Everything else, parameters' names and types, fields'
// defaults, what can be expanded, comes from Stripe's own description by way of
// package spec, so that an object is as complete as Stripe's.
//
// A request goes through request.go (key, parameters, idempotency, faults) to the
// handler of its route. What time does by itself is planned with call.later and
// listed in clock.go; what testers want enters by doors.go; money moves by
// call.captured and call.book alone, and ledger.go holds the books against the
// balance. Webhooks leave by delivery.go once the lock is free.
//
// One lock guards the state (see state.go). Handlers and rendering run under it
// and touch nothing but memory; no HTTP call is ever made while it is held.
// Of Till it imports package money, nothing else.
package sandbox
