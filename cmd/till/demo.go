package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"till/cmd/app"
	"till/pkg/catalog"
	"till/pkg/config"
	"till/pkg/gateway"
	"till/pkg/mail"
	"till/pkg/money"
	"till/pkg/sandbox"
	"till/pkg/store"
	"till/pkg/telemetry"
)

type demoCommand struct {
	Addr        string `default:"127.0.0.1:4242" help:"Where the shop and the API listen."`
	SandboxAddr string `default:"127.0.0.1:12111" help:"Where the offline Stripe listens."`
	Data        string `type:"path" placeholder:"DIR" help:"Keep orders and payments in this folder. Without it they go when the demo ends."`
	Verbose     bool   `short:"v" help:"Log every request."`

	StripeSecretKey      string `name:"stripe-secret-key" env:"STRIPE_SECRET_KEY" help:"sk_test_…: use Stripe's test mode in place of the offline Stripe."`
	StripePublishableKey string `name:"stripe-publishable-key" env:"STRIPE_PUBLISHABLE_KEY" help:"pk_test_…, with the secret key."`
	StripeWebhookSecret  string `name:"stripe-webhook-secret" env:"STRIPE_WEBHOOK_SECRET" help:"whsec_… of stripe listen, with the secret key."`
}

// offers are what the demo's shop sells.
var offers = []gateway.Offer{
	{LookupKey: "mug", Name: "Enamel mug", Description: "Holds coffee, survives falls.", Unit: money.Amount{Minor: 1800, Currency: "eur"}},
	{LookupKey: "tee", Name: "Heavy cotton tee", Description: "Boxy cut, gets better with years.", Unit: money.Amount{Minor: 3200, Currency: "eur"}},
	{LookupKey: "poster", Name: "Letterpress poster", Description: "Two colours on thick paper, A3.", Unit: money.Amount{Minor: 2400, Currency: "eur"}},
}

// Run makes a Till out of nothing: a SQLite file, a shop, and the sandbox in
// place of Stripe unless test keys are given.
func (c *demoCommand) Run(ctx context.Context) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	level := "warn"
	if c.Verbose {
		level = "debug"
	}
	log, err := telemetry.NewLog(os.Stderr, level, "text")
	if err != nil {
		return err
	}
	dir, cleanUp, err := c.folder()
	if err != nil {
		return err
	}
	defer cleanUp()
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	url := browsable(listener)

	conf, err := c.config(dir, url)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if c.StripeSecretKey == "" {
		stop, err := c.startSandbox(ctx, dir, &conf, log)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		defer stop()
	}
	if err := prepare(ctx, &conf, url, log); err != nil {
		if c.StripeSecretKey != "" {
			err = fmt.Errorf("%w\nUnset STRIPE_SECRET_KEY to pay at the offline Stripe", err)
		}
		return errors.Join(err, listener.Close())
	}
	box, err := mail.NewMailbox(filepath.Join(dir, "mailbox"), time.Now)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return app.Serve(ctx, listener, conf, app.Options{
		Log: log, Mail: box,
		Extra: func(e *echo.Echo) {
			serveShop(e, conf.StripeURL)
			e.Match([]string{http.MethodGet, http.MethodHead}, "/demo/*", echo.WrapHandler(mailboxPages(box)))
		},
		Ready: func() { c.welcome(url, conf) },
	})
}

func (c *demoCommand) check() error {
	if c.StripeSecretKey == "" {
		return nil
	}
	switch {
	case strings.HasPrefix(c.StripeSecretKey, "sk_live_"), strings.HasPrefix(c.StripeSecretKey, "rk_live_"):
		return errors.New("STRIPE_SECRET_KEY is a live key: the demo takes no real money. Use sk_test_…, or unset it to pay at the offline Stripe")
	case !strings.HasPrefix(c.StripeSecretKey, "sk_test_") && !strings.HasPrefix(c.StripeSecretKey, "rk_test_"):
		return errors.New("STRIPE_SECRET_KEY must be sk_test_…; unset it to pay at the offline Stripe")
	case !strings.HasPrefix(c.StripePublishableKey, "pk_test_"):
		return errors.New("STRIPE_PUBLISHABLE_KEY must be set with STRIPE_SECRET_KEY: pk_test_… of the same account")
	}
	return nil
}

// folder is where everything lies.
func (c *demoCommand) folder() (dir string, cleanUp func(), err error) {
	if c.Data != "" {
		cleanUp, err = openFolder(c.Data)
		return c.Data, cleanUp, err
	}
	dir, err = os.MkdirTemp("", "till-demo-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

func (c *demoCommand) config(dir, url string) (config.Config, error) {
	secret, err := kept(filepath.Join(dir, "guest.secret"))
	if err != nil {
		return config.Config{}, err
	}
	lowest, highest := int64(100), int64(50_000)
	conf := config.Config{
		DatabaseURL:    config.Secret("sqlite:" + filepath.Join(dir, databaseFile)),
		AllowedOrigins: []string{"http://localhost:*", "http://127.0.0.1:*"},
		// The sandbox takes any test keys.
		StripeSecretKey: "sk_test_demo", StripePublishableKey: "pk_test_demo", WebhookTolerance: 5 * time.Minute,
		Guests: "on", GuestSecret: config.Secret(secret), GuestTTL: 30 * 24 * time.Hour,
		Currency: "eur", ClientAmountMin: &lowest, ClientAmountMax: &highest,
		MailFrom: "Halfpenny <shop@example.com>", ShopName: "Halfpenny", StaffEmail: "staff@example.com",
		SweepInterval: time.Second, SweepAfter: time.Minute,
		OutboundAllow: []string{"127.0.0.0/8", "::1"}, // a backend that is being written
	}
	if c.StripeSecretKey != "" {
		conf.StripeSecretKey, conf.StripePublishableKey = config.Secret(c.StripeSecretKey), c.StripePublishableKey
		// Without `stripe listen` nothing can be signed; then Till reads outcomes from Stripe.
		conf.StripeWebhookSecret = config.Secret(c.StripeWebhookSecret)
		if c.StripeWebhookSecret == "" {
			conf.StripeWebhookSecret = config.Secret("whsec_" + rand.Text())
		}
	}
	return conf, nil
}

func (c *demoCommand) startSandbox(ctx context.Context, dir string, conf *config.Config, log *slog.Logger) (stop func(), err error) {
	state := ""
	if c.Data != "" {
		state = filepath.Join(dir, "sandbox.json")
	}
	listener, err := net.Listen("tcp", c.SandboxAddr) // before the state is touched, which another may be serving
	if err != nil {
		return nil, fmt.Errorf("--sandbox-addr: %w", err)
	}
	s, err := sandbox.New(sandbox.Options{StateFile: state, Log: log})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	conf.StripeURL = browsable(listener)
	conf.StripeJSURL = conf.StripeURL + "/basil/stripe.js"
	// It outlives the demo's own stop: the last requests may still need it.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := serveSandbox(ctx, s, listener); err != nil {
			log.Error("sandbox", "error", err)
		}
	}()
	return func() {
		cancel()
		<-done
		if err := s.Close(); err != nil {
			log.Error("sandbox", "error", err)
		}
	}, nil
}

// browsable is a listener's address as a browser on this machine takes it, also
// where it listens on all of them.
func browsable(listener net.Listener) string {
	addr := listener.Addr().(*net.TCPAddr)
	if addr.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", addr.Port)
	}
	return "http://" + addr.String()
}

// prepare brings the database up to date and makes what the shop sells.
func prepare(ctx context.Context, conf *config.Config, url string, log *slog.Logger) error {
	db, err := store.Open(string(conf.DatabaseURL))
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	g := gateway.New(gateway.Options{SecretKey: string(conf.StripeSecretKey), URL: conf.StripeURL, Log: log})
	defer g.Close()
	if conf.StripeURL != "" {
		// The secret of an earlier run's endpoint is not known any more.
		made, err := g.EnsureWebhook(ctx, gateway.Webhook{URL: url + "/webhooks/stripe", Events: app.Events(), NewSecret: true})
		if err != nil {
			return err
		}
		conf.StripeWebhookSecret = config.Secret(made.Secret)
	}
	for _, o := range offers {
		if _, err := g.EnsureOffer(ctx, o); err != nil {
			return fmt.Errorf("make the demo's products: %w", err)
		}
	}
	if _, err := catalog.New(db, g, false).Sync(ctx); err != nil {
		return fmt.Errorf("read the demo's products: %w", err)
	}
	return nil
}

func (c *demoCommand) welcome(url string, conf config.Config) {
	where := "an offline Stripe at " + conf.StripeURL
	if conf.StripeURL == "" {
		where = "Stripe's test mode"
	}
	fmt.Printf(`
  Till is running, on %s.

  Shop      %s
  API docs  %s/docs
  Mailbox   %s/demo/mailbox

  Pay with  4242 4242 4242 4242  succeeds
            4000 0025 0000 3155  asks for 3D Secure
            4000 0000 0000 9995  is declined
            any future date, any security code

`, where, url, url, url)
	if c.StripeSecretKey != "" && c.StripeWebhookSecret == "" {
		fmt.Printf(`  Webhooks do not come in yet; until then Till reads each outcome from Stripe.
  stripe listen --forward-to %s/webhooks/stripe
  and start again with the whsec_… that it prints as STRIPE_WEBHOOK_SECRET.

`, url)
	}
	if c.Data != "" {
		fmt.Printf("  Data stays in %s. Stop with Ctrl-C.\n\n", c.Data)
	} else {
		fmt.Printf("  Data goes when you stop it with Ctrl-C; keep it with --data DIR.\n\n")
	}
}
