// Package app puts Till's parts together: it is the one place that knows all of
// them. The commands run it, and so do the tests of the whole.
package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"gorm.io/gorm"

	"till/api"
	"till/pkg/auth"
	"till/pkg/catalog"
	"till/pkg/config"
	"till/pkg/effects"
	"till/pkg/gateway"
	"till/pkg/inbox"
	"till/pkg/mail"
	"till/pkg/money"
	"till/pkg/payments"
	"till/pkg/reconcile"
	"till/pkg/store"
)

// Options are what a command or test decides beside the settings.
type Options struct {
	Log  *slog.Logger
	Mail mail.Sender // nil: by TILL_SMTP_URL
	Now  func() time.Time
	// Extra adds routes that are not part of the API, such as the demo's shop.
	Extra func(*echo.Echo)
	// Ready is called once the API answers. nil: nobody is told.
	Ready func()
}

// App is a running or runnable Till.
type App struct {
	DB       *store.DB
	Gateway  *gateway.Gateway
	Catalog  *catalog.Service
	Effects  *effects.Effects
	Payments *payments.Service
	Inbox    *inbox.Inbox
	Sweeper  *reconcile.Sweeper
	Handler  http.Handler
}

// New puts a Till together on an open database with a current schema. It starts
// nothing. ctx ends what refreshes keys in the background.
func New(ctx context.Context, conf config.Config, db *store.DB, opt Options) (*App, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	instance, err := db.Setting(ctx, "instance")
	if err != nil {
		return nil, fmt.Errorf("read the instance id: %w", err)
	}
	currency, err := money.ParseCurrency(conf.Currency)
	if err != nil {
		return nil, err
	}
	if opt.Mail == nil && conf.SMTPURL != "" {
		if opt.Mail, err = mail.NewSMTP(string(conf.SMTPURL)); err != nil {
			return nil, err
		}
	}
	a := &App{DB: db}
	verifier, err := auth.New(ctx, auth.Settings{
		JWKSURL: conf.JWTJWKSURL, PublicKey: conf.JWTPublicKey, Secret: string(conf.JWTSecret), Issuer: conf.JWTIssuer, Audience: conf.JWTAudience,
		GuestSecret: guestSecret(conf), GuestTTL: conf.GuestTTL, Now: opt.Now, Log: opt.Log,
	})
	if err != nil {
		return nil, err
	}
	a.Gateway = gateway.New(gateway.Options{SecretKey: string(conf.StripeSecretKey), URL: conf.StripeURL, Log: opt.Log})
	a.Catalog = catalog.New(db, a.Gateway, conf.Livemode())
	a.Effects, err = effects.New(db, effects.Options{Mail: opt.Mail, From: conf.MailFrom, Log: opt.Log, Now: opt.Now})
	if err != nil {
		return nil, err
	}
	rules := payments.Config{
		Instance: instance, Livemode: conf.Livemode(), ShopName: conf.ShopName, StaffEmail: conf.StaffEmail, Currency: currency, SweepAfter: conf.SweepAfter,
	}
	if conf.ClientAmounts() {
		rules.AmountMin, rules.AmountMax = *conf.ClientAmountMin, *conf.ClientAmountMax
	}
	a.Payments = payments.New(rules, payments.Options{DB: db, Gateway: a.Gateway, Catalog: a.Catalog, Effects: a.Effects, Log: opt.Log, Now: opt.Now})
	a.Inbox = inbox.New(inbox.Options{
		DB: db, Secrets: conf.WebhookSecrets(), Tolerance: conf.WebhookTolerance, Livemode: conf.Livemode(), Log: opt.Log, Now: opt.Now,
		Appliers: map[string]inbox.Applier{
			"charge. payment_intent.": a.applyPayments,
			"price. product.":         a.applyCatalog,
		},
	})
	a.Sweeper = &reconcile.Sweeper{Payments: a.Payments, Inbox: a.Inbox, Log: opt.Log, Interval: conf.SweepInterval}
	a.Handler, err = api.New(api.Deps{
		Settings: api.Settings{
			PublishableKey: conf.StripePublishableKey, Currency: string(currency), Livemode: conf.Livemode(), StripeJSURL: conf.StripeJSURL,
			Guests: conf.GuestsOn(), AmountMin: rules.AmountMin, AmountMax: rules.AmountMax, AllowedOrigins: conf.AllowedOrigins,
		},
		Payments: a.Payments, Catalog: a.Catalog, Auth: verifier, Receive: a.Inbox.Receive, Ready: db.Ready, Log: opt.Log, Extra: opt.Extra,
	})
	return a, err
}

func guestSecret(conf config.Config) string {
	if !conf.GuestsOn() {
		return ""
	}
	return string(conf.GuestSecret)
}

// Run applies deliveries, delivers effects and sweeps, until ctx ends and what
// was begun is done.
func (a *App) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	var err error
	parts.Go(func() { a.Inbox.Run(ctx) })
	parts.Go(func() { a.Sweeper.Run(ctx) })
	parts.Go(func() { err = a.Effects.Run(ctx) })
	parts.Wait()
	a.Gateway.Close()
	return err
}

// applyPayments is the payments' side of the inbox.
func (a *App) applyPayments(ctx context.Context, tx *gorm.DB, events []gateway.Event) ([]inbox.Outcome, func(), error) {
	changes, err := a.Payments.ApplyEvents(ctx, tx, events)
	if err != nil {
		return nil, nil, err
	}
	outcomes := make([]inbox.Outcome, len(changes))
	for i, c := range changes {
		switch c.Outcome {
		case payments.Applied:
			outcomes[i] = inbox.Outcome{State: inbox.Applied}
		case payments.Doubted:
			outcomes[i] = inbox.Outcome{State: inbox.Applied, Reason: "its order is in doubt: the payment is read from Stripe"}
		case payments.Early:
			outcomes[i] = inbox.Outcome{State: inbox.Pending, Reason: "its payment is not there yet"}
		default:
			outcomes[i] = inbox.Outcome{State: inbox.Ignored, Reason: "not a payment of this Till"}
		}
	}
	return outcomes, func() { a.Payments.Announce(changes) }, nil
}

// applyCatalog is the catalogue's side of the inbox.
func (a *App) applyCatalog(ctx context.Context, tx *gorm.DB, events []gateway.Event) ([]inbox.Outcome, func(), error) {
	applied, err := a.Catalog.Apply(ctx, tx, events)
	if err != nil {
		return nil, nil, err
	}
	outcomes := make([]inbox.Outcome, len(events))
	for i, ok := range applied {
		outcomes[i] = inbox.Outcome{State: inbox.Applied}
		if !ok {
			outcomes[i] = inbox.Outcome{State: inbox.Ignored, Reason: "not of this catalogue"}
		}
	}
	return outcomes, nil, nil
}
