// Package catalog mirrors Stripe's products, prices, coupons and promotion codes,
// from which orders are priced, and counts which order has redeemed which code.
//
// The mirror follows Stripe's events and whole readings by Sync.
// For each object the newest news wins, by Stripe's clock in whole seconds; of
// two in the same second the one that came later. What Stripe deleted stays
// deleted. Only active one-time prices with a whole unit amount can be ordered.
//
// Events leave out what the API shows only where it is asked to, such as a price's
// further currencies. So each event makes its row unread, and ReadUnread reads the
// object whole, outside of any transaction. Until then orders are priced from what
// was read last: that is what Products shows, so whoever orders pays what they saw.
// What has never been read is not for sale in further currencies, and a code of which
// that is true is not valid: nobody knows yet which products its coupon is good for.
//
// A code has room for as many as Stripe allows, less what Stripe has counted, less
// the orders that have it here. An order has at most one.
package catalog
