package main

import (
	"context"
	"fmt"

	"till/pkg/catalog"
)

type syncCommand struct {
	Catalog syncCatalog `cmd:"" help:"Mirror all products and prices."`
}

type syncCatalog struct {
	database
	account
}

func (c *syncCatalog) Run(ctx context.Context) error {
	g, livemode, err := c.account.open()
	if err != nil {
		return err
	}
	defer g.Close()
	db, err := c.openReady(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	n, err := catalog.New(db, g, livemode).Sync(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d products, %d prices, %d coupons, %d promotion codes; %d rows that Stripe no longer lists were taken off sale\n",
		n.Products, n.Prices, n.Coupons, n.PromotionCodes, n.Archived)
	return nil
}
