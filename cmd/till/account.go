package main

import (
	"errors"
	"log/slog"
	"os"
	"strings"

	"till/pkg/config"
	"till/pkg/gateway"
)

// account is how commands that call Stripe by themselves are told of it.
type account struct {
	StripeSecretKey config.Secret `name:"stripe-secret-key" env:"STRIPE_SECRET_KEY" help:"Stripe's secret key, sk_… or rk_…."`
	StripeURL       string        `name:"stripe-url" env:"TILL_STRIPE_URL" help:"Base URL of the sandbox, in place of Stripe."`
}

// open returns a gateway, which is to be closed, and whether real money moves there.
func (a *account) open() (g *gateway.Gateway, livemode bool, err error) {
	conf := config.Config{StripeSecretKey: a.StripeSecretKey}
	if err := conf.ReadFiles(map[string]string{"STRIPE_SECRET_KEY_FILE": os.Getenv("STRIPE_SECRET_KEY_FILE")}); err != nil {
		return nil, false, err
	}
	key := string(conf.StripeSecretKey)
	switch {
	case key == "":
		return nil, false, errors.New("STRIPE_SECRET_KEY is missing: set sk_test_… or sk_live_…")
	case !strings.HasPrefix(key, "sk_") && !strings.HasPrefix(key, "rk_"):
		return nil, false, errors.New("STRIPE_SECRET_KEY must be sk_test_…, sk_live_… or a restricted rk_…")
	case conf.Livemode() && a.StripeURL != "":
		return nil, false, errors.New("TILL_STRIPE_URL is for the sandbox and refused with a live key: take it away")
	}
	return gateway.New(gateway.Options{SecretKey: key, URL: a.StripeURL, Log: slog.New(slog.DiscardHandler)}), conf.Livemode(), nil
}
