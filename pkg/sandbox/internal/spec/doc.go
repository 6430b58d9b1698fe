// Package spec holds Stripe's own description of its API in compact tables:
// names, types, required ones, defaults, enums and what can be expanded, for the
// parameters of every operation and the fields of every object.
//
// The tables are generated from the module github.com/stripe/stripe-mock, which
// nothing but the generator and the tests imports. Behaviour is not described
// here; the sandbox writes it by hand and asks the tables for everything else.
package spec

//go:generate go -C ../gentables/v185 run . -o ../../newer/description.json
//go:generate go run ../gentables -o tables.json.gz
