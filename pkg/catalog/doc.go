// Package catalog mirrors Stripe's products and prices, from which orders are
// priced.
//
// The mirror follows product.* and price.* events and whole readings by Sync.
// For each object the newest news wins, by Stripe's clock in whole seconds; of
// two in the same second the one that came later. What Stripe deleted stays
// deleted. Only active one-time prices with a whole unit amount can be ordered.
package catalog
