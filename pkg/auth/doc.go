// Package auth says who is calling. A Verifier turns a bearer token into a
// Principal: a user by the app's own JWT, a guest by a JWT that Till issued, or
// the app's backend by a server key.
//
// A token is first sorted by the issuer that it claims, and then checked with
// that issuer's key alone: a user's key can never make a guest, nor the reverse.
// Algorithms follow from the key, never from the token. Issuer, audience, expiry
// and subject are required.
//
// Of a server key only its SHA-256 is stored, under the public prefix that its
// token begins with.
//
// Every refusal is a problem of kind Unauthenticated: unauthenticated (no usable
// credentials), token_expired (a new one helps) or token_invalid.
package auth
