// Package api speaks HTTP: it assembles Echo, lets a request in if its caller
// may make it and the contract (openapi.yaml) allows its form, calls one method
// of a service, and writes the answer. Rules about orders and money are the
// services'.
//
// admit.go guards each operation by what the contract says; json.go reads bodies
// strictly; card.go keeps card numbers out; problem.go is the only place where
// errors become status numbers. One file of handlers per tag of the contract,
// and by hand: webhooks (raw bytes), health, docs.
package api
