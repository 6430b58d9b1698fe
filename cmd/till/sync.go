package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"till/pkg/catalog"
	"till/pkg/gateway"
	"till/pkg/store"
)

type syncCommand struct {
	Catalog syncCatalog `cmd:"" help:"Mirror all products and prices."`
}

type syncCatalog struct {
	database
	StripeSecretKey string `name:"stripe-secret-key" env:"STRIPE_SECRET_KEY" required:"" help:"Stripe's secret key, sk_… or rk_…."`
	StripeURL       string `name:"stripe-url" env:"TILL_STRIPE_URL" help:"Base URL of the sandbox, in place of Stripe."`
}

func (c *syncCatalog) Run(ctx context.Context) error {
	db, err := store.Open(c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Ready(ctx); err != nil {
		return err
	}
	g := gateway.New(gateway.Options{SecretKey: c.StripeSecretKey, URL: c.StripeURL, Log: slog.New(slog.DiscardHandler)})
	defer g.Close()
	n, err := catalog.New(db, g, strings.HasPrefix(c.StripeSecretKey, "sk_live_") || strings.HasPrefix(c.StripeSecretKey, "rk_live_")).Sync(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d products, %d prices; %d rows that Stripe no longer lists were taken off sale\n", n.Products, n.Prices, n.Archived)
	return nil
}
