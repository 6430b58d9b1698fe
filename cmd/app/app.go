// Package app puts Till's parts together: it is the one place that knows all of
// them. The commands run it, and so do the tests of the whole.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm"

	"till/api"
	"till/pkg/auth"
	"till/pkg/captcha"
	"till/pkg/catalog"
	"till/pkg/config"
	"till/pkg/customers"
	"till/pkg/effects"
	"till/pkg/erasure"
	"till/pkg/gateway"
	"till/pkg/inbox"
	"till/pkg/invoices"
	"till/pkg/limits"
	"till/pkg/mail"
	"till/pkg/money"
	"till/pkg/outbound"
	"till/pkg/payments"
	"till/pkg/reconcile"
	"till/pkg/store"
	"till/pkg/telemetry"
)

// Options are what a command or test decides beside the settings.
type Options struct {
	Log  *slog.Logger
	Mail mail.Sender // nil: by TILL_SMTP_URL
	Now  func() time.Time
	// Metrics is where the parts are counted, and Tracing shows their spans. nil: neither.
	Metrics *prometheus.Registry
	Tracing *telemetry.Tracing
	// Extra adds routes that are not part of the API, such as the demo's shop.
	Extra func(*echo.Echo)
	// Bounds are how long clients may take.
	Bounds Bounds
	// Ready is called once the API answers. nil: nobody is told.
	Ready func()
}

// App is a running or runnable Till.
type App struct {
	DB        *store.DB
	Keys      *auth.Keys
	Gateway   *gateway.Gateway
	Catalog   *catalog.Service
	Customers *customers.Service
	Effects   *effects.Effects
	Outbound  *outbound.Outbound
	Payments  *payments.Service
	Invoices  *invoices.Service
	Inbox     *inbox.Inbox
	Sweeper   *reconcile.Sweeper
	Limiter   *limits.Limiter
	Guard     *limits.Guard
	Handler   http.Handler

	stopping atomic.Bool
}

// errStopping is what /readyz says from the moment that Till is told to stop.
var errStopping = errors.New("till is stopping")

// Ready says whether requests should come here, and if not why.
func (a *App) Ready(ctx context.Context) error {
	if a.stopping.Load() {
		return errStopping
	}
	return a.DB.Ready(ctx)
}

// TurnAway makes Ready say that Till is stopping. It serves on.
func (a *App) TurnAway() { a.stopping.Store(true) }

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
	letters, err := mail.Load(conf.MailTemplates, cmp.Or(conf.Locale, "en"))
	if err != nil {
		return nil, fmt.Errorf("mails are to be mended (TILL_MAIL_TEMPLATES, TILL_LOCALE):\n%w", err)
	}
	a := &App{DB: db}
	var metrics *telemetry.Metrics
	if opt.Metrics != nil {
		metrics = telemetry.NewMetrics(opt.Metrics)
	}
	a.Keys = auth.NewKeys(db, opt.Now, opt.Log)
	verifier, err := auth.New(ctx, auth.Settings{
		JWKSURL: conf.JWTJWKSURL, PublicKey: conf.JWTPublicKey, Secret: string(conf.JWTSecret), Issuer: conf.JWTIssuer, Audience: conf.JWTAudience,
		GuestSecret: guestSecret(conf), GuestTTL: conf.GuestTTL, Keys: a.Keys, Now: opt.Now, Log: opt.Log,
	})
	if err != nil {
		return nil, err
	}
	a.Gateway = gateway.New(gateway.Options{SecretKey: string(conf.StripeSecretKey), URL: conf.StripeURL, Log: opt.Log, Metrics: metrics, Tracing: opt.Tracing})
	a.Guard = limits.NewGuard(db, guardLimits(conf), opt.Now)
	a.Catalog = catalog.New(db, a.Gateway, conf.Livemode())
	a.Customers = customers.New(customers.Config{Instance: instance, Livemode: conf.Livemode()}, customers.Options{DB: db, Gateway: a.Gateway, Guard: a.Guard, Log: opt.Log, Now: opt.Now})
	a.Effects, err = effects.New(db, effects.Options{Mail: opt.Mail, Letters: letters, From: conf.MailFrom, Log: opt.Log, Now: opt.Now, Metrics: metrics, Tracing: opt.Tracing})
	if err != nil {
		return nil, err
	}
	a.Outbound = outbound.New(db, outbound.Options{
		Allowed: conf.OutboundNetworks(), Retries: conf.OutboundRetries, Timeout: conf.OutboundTimeout, Log: opt.Log, Now: opt.Now, Metrics: metrics, Tracing: opt.Tracing,
	})
	rules := payments.Config{
		Instance: instance, Livemode: conf.Livemode(), ShopName: conf.ShopName, StaffEmail: conf.StaffEmail, Issuers: verifier.Issuers(), Currency: currency, MethodTypes: conf.PaymentMethods, CaptureMethod: payments.CaptureMethod(conf.CaptureMethod), Origins: conf.AllowedOrigins, FraudPolicy: payments.FraudPolicy(conf.FraudWarning), SweepAfter: conf.SweepAfter,
	}
	if conf.ClientAmounts() {
		rules.AmountMin, rules.AmountMax = *conf.ClientAmountMin, *conf.ClientAmountMax
	}
	a.Payments = payments.New(rules, payments.Options{DB: db, Gateway: a.Gateway, Catalog: a.Catalog, Customers: a.Customers, Effects: a.Effects, Outbound: a.Outbound, Guard: a.Guard, Letters: letters, Log: opt.Log, Now: opt.Now})
	if a.Invoices, err = newInvoices(conf, db, a.Payments, opt.Now); err != nil {
		return nil, err
	}
	a.Inbox = inbox.New(inbox.Options{
		DB: db, Secrets: conf.WebhookSecrets(), Tolerance: conf.WebhookTolerance, Livemode: conf.Livemode(), Log: opt.Log, Now: opt.Now, Metrics: metrics, Tracing: opt.Tracing,
		Appliers: a.appliers(),
	})
	a.Sweeper = &reconcile.Sweeper{Payments: a.Payments, Invoices: a.Invoices, Catalog: a.Catalog, Customers: a.Customers, Inbox: a.Inbox, Erasures: erasure.NewLog(db, opt.Now), Log: opt.Log, Interval: conf.SweepInterval}
	a.Limiter = limits.New(db, limits.Options{Guard: a.Guard, Log: opt.Log, Now: opt.Now})
	if opt.Metrics != nil {
		a.observe(opt.Metrics, opt.Now)
	}
	verify, err := captchaOf(conf)
	if err != nil {
		return nil, err
	}
	a.Handler, err = api.New(api.Deps{
		Settings: api.Settings{
			PublishableKey: conf.StripePublishableKey, Currency: string(currency), Livemode: conf.Livemode(), StripeJSURL: conf.StripeJSURL,
			Guests: conf.GuestsOn(), AmountMin: rules.AmountMin, AmountMax: rules.AmountMax, AllowedOrigins: conf.AllowedOrigins,
			TrustedProxies: conf.Proxies(),
			Captcha:        api.Captcha{Provider: conf.Captcha, SiteKey: conf.CaptchaSiteKey, After: conf.CaptchaAfter, Down: conf.CaptchaDown},
			Limits:         api.Limits{User: conf.LimitUser, Address: conf.LimitAddress, Order: conf.LimitOrder, Guest: conf.LimitGuest, Code: conf.LimitCode},
		},
		Limiter: a.Limiter, Guard: a.Guard, Captcha: verify,
		Payments: a.Payments, Invoices: a.Invoices, Catalog: a.Catalog, Customers: a.Customers, Inbox: a.Inbox, Outbound: a.Outbound, Auth: verifier, Receive: a.Inbox.Receive, Ready: a.Ready, Log: opt.Log, Extra: opt.Extra, Metrics: metrics, Tracing: opt.Tracing,
	})
	return a, err
}

// guardLimits are what the settings say of declined cards.
func guardLimits(conf config.Config) limits.GuardLimits {
	if conf.Guard != "on" {
		return limits.GuardLimits{}
	}
	return limits.GuardLimits{
		Window: conf.GuardWindow, User: conf.GuardUser, Address: conf.GuardAddress, Order: conf.GuardOrder, Card: conf.GuardCard, Cards: conf.GuardCards,
		Payment: conf.GuardPayment, Burst: conf.GuardBurst,
	}
}

// captchaOf is the CAPTCHA that the settings name; nil where they name none.
func captchaOf(conf config.Config) (*captcha.Verifier, error) {
	if conf.Captcha == "" {
		return nil, nil
	}
	return captcha.New(captcha.Options{Provider: conf.Captcha, Secret: string(conf.CaptchaSecret), Hostnames: conf.CaptchaHostnames, URL: conf.CaptchaURL})
}

func guestSecret(conf config.Config) string {
	if !conf.GuestsOn() {
		return ""
	}
	return string(conf.GuestSecret)
}

// Run applies deliveries, delivers effects, tells the app's backend and sweeps, until ctx ends and what
// was begun is done.
func (a *App) Run(ctx context.Context) error {
	ctx = store.OwnWork(ctx)
	var parts sync.WaitGroup
	var err error
	parts.Go(func() { a.Sweeper.Run(ctx) })
	parts.Go(func() { a.Limiter.Run(ctx) })
	parts.Go(func() { a.Outbound.Run(ctx) })
	parts.Go(func() { err = a.Effects.Run(ctx) })
	// What the others do to their end is still to be told.
	last, hushed := context.WithCancel(context.WithoutCancel(ctx))
	told := make(chan struct{})
	go func() { defer close(told); a.Payments.Relay(last) }()
	parts.Wait()
	a.Keys.Wait()
	hushed()
	<-told
	a.Gateway.Close()
	return err
}

// applyPayments is the payments' side of the inbox.
func (a *App) applyPayments(ctx context.Context, tx *gorm.DB, events []gateway.Event, isNew inbox.IsNew) ([]inbox.Outcome, func(), error) {
	changes, err := a.Payments.ApplyEvents(ctx, tx, events, isNew)
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
		outcomes[i].Subject = string(c.Payment)
	}
	return outcomes, func() { a.Payments.Announce(changes) }, nil
}

// applyCatalog is the catalogue's side of the inbox.
func (a *App) applyCatalog(_ context.Context, tx *gorm.DB, events []gateway.Event, isNew inbox.IsNew) ([]inbox.Outcome, func(), error) {
	outcomes, _, err := ofNew(events, isNew, func(news []gateway.Event) ([]inbox.Outcome, error) {
		applied, err := a.Catalog.Apply(tx, news)
		outcomes := make([]inbox.Outcome, len(applied))
		for i, ok := range applied {
			outcomes[i] = inbox.Outcome{State: inbox.Applied}
			if !ok {
				outcomes[i] = inbox.Outcome{State: inbox.Ignored, Reason: "not of this catalogue"}
			}
		}
		return outcomes, err
	})
	return outcomes, a.Catalog.Announce, err
}

// applyCustomers is the customers' side of the inbox.
func (a *App) applyCustomers(_ context.Context, tx *gorm.DB, events []gateway.Event, isNew inbox.IsNew) ([]inbox.Outcome, func(), error) {
	return ofNew(events, isNew, func(news []gateway.Event) ([]inbox.Outcome, error) {
		applied, err := a.Customers.Apply(tx, news)
		outcomes := make([]inbox.Outcome, len(applied))
		for i, came := range applied {
			switch came {
			case customers.Applied:
				outcomes[i] = inbox.Outcome{State: inbox.Applied}
			case customers.Early:
				outcomes[i] = inbox.Outcome{State: inbox.Pending, Reason: "its customer is not there yet"}
			default:
				outcomes[i] = inbox.Outcome{State: inbox.Ignored, Reason: "not a customer of this Till"}
			}
		}
		return outcomes, err
	})
}

// applySetups counts the cards that were declined when they were to be saved.
func (a *App) applySetups(_ context.Context, tx *gorm.DB, events []gateway.Event, isNew inbox.IsNew) ([]inbox.Outcome, func(), error) {
	return ofNew(events, isNew, func(news []gateway.Event) ([]inbox.Outcome, error) {
		counted, err := a.Customers.CountTries(tx, news)
		outcomes := make([]inbox.Outcome, len(counted))
		for i, came := range counted {
			outcomes[i] = inbox.Outcome{State: inbox.Applied}
			if came != customers.Applied {
				outcomes[i] = inbox.Outcome{State: inbox.Ignored, Reason: "no failed setup of this Till"}
			}
		}
		return outcomes, err
	})
}

// ofNew applies those events of a batch that are new.
func ofNew(events []gateway.Event, isNew inbox.IsNew, apply func([]gateway.Event) ([]inbox.Outcome, error)) ([]inbox.Outcome, func(), error) {
	var news []gateway.Event
	var from []int
	for i, e := range events {
		fresh, err := isNew(i)
		if err != nil {
			return nil, nil, err
		}
		if fresh {
			news, from = append(news, e), append(from, i)
		}
	}
	applied, err := apply(news)
	if err != nil {
		return nil, nil, err
	}
	outcomes := make([]inbox.Outcome, len(events))
	for n, o := range applied {
		outcomes[from[n]] = o
	}
	return outcomes, nil, nil
}
