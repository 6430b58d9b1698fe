// Package sandbox is an offline, stateful Stripe for development and tests:
// its API at version 2023-10-16, signed webhooks, the hosted 3D Secure page and
// its Stripe.js, all on one origin.
//
// Each resource is one file: a typed struct of what behaviour reads, its
// transitions, its events. Everything else, parameters' names and types, fields'
// defaults, what can be expanded, comes from Stripe's own description by way of
// package spec, so that an object is as complete as Stripe's.
//
// One lock guards the state (see state.go). Handlers and rendering run under it
// and touch nothing but memory; no HTTP call is ever made while it is held.
// Of Till it imports package money, nothing else.
package sandbox
