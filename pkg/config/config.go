// Package config is every setting of Till in one struct. Flags and environment
// are read by kong through the struct's tags; Load then adds the *_FILE variants
// of secrets and checks all of it at once: a fault names its variable and the
// fix, and all faults come in one error.
//
// Nothing below cmd reads the environment; parts are given plain values.
package config

import "time"

// Config holds the settings of `till serve`. Embed it in a kong command with
// `embed:""`, and call Load before anything else.
type Config struct {
	// DatabaseURL is postgres://… or sqlite:FILE. Required.
	DatabaseURL Secret `name:"database-url" env:"DATABASE_URL" help:"Database: postgres://… or sqlite:FILE."`
	// Migrate on brings the schema up to date at start; off (the default) leaves
	// an older one alone, and /readyz says so.
	Migrate string `name:"migrate" env:"TILL_MIGRATE" default:"off" help:"Migrate the database at start: on or off."`

	// Addr is where the API listens, host:port or :port. Empty: PORT, else :8080.
	Addr string `name:"addr" env:"TILL_ADDR" help:"Address to listen on (default :8080)."`
	// Port is what platforms set; Addr goes before it. Empty = not set.
	Port string `name:"port" env:"PORT" hidden:""`
	// AllowedOrigins are the web origins that may call from a browser, and that Checkout
	// leads back to: exact, or with a port of * for this machine (http://localhost:*). Empty = none.
	AllowedOrigins []string `name:"allowed-origins" env:"TILL_ALLOWED_ORIGINS" help:"Web origins that may call, comma-separated; http://localhost:* is allowed."`

	// StripeSecretKey is sk_… or a restricted rk_…. Required.
	StripeSecretKey Secret `name:"stripe-secret-key" env:"STRIPE_SECRET_KEY" help:"Stripe's secret key, sk_… or rk_…."`
	// StripePublishableKey is pk_… of the same mode. Required; it goes to clients.
	StripePublishableKey string `name:"stripe-publishable-key" env:"STRIPE_PUBLISHABLE_KEY" help:"Stripe's publishable key, pk_…."`
	// StripeWebhookSecret is the endpoint's signing secret; several, separated by
	// commas, while one replaces another. Required.
	StripeWebhookSecret Secret `name:"stripe-webhook-secret" env:"STRIPE_WEBHOOK_SECRET" help:"Signing secrets of the webhook endpoint, comma-separated."`
	// StripeURL is the base URL of Stripe's API. Empty = Stripe. Only for the
	// sandbox: refused with a live key.
	StripeURL string `name:"stripe-url" env:"TILL_STRIPE_URL" help:"Base URL of the sandbox, in place of Stripe."`
	// StripeJSURL is told to clients as the place to load Stripe.js from. Empty =
	// Stripe's own. Only for the sandbox.
	StripeJSURL string `name:"stripe-js-url" env:"TILL_STRIPE_JS_URL" help:"URL of the sandbox's Stripe.js."`
	// WebhookTolerance is how far a signature's time may be from now, both ways.
	// Zero is refused; default 5m.
	WebhookTolerance time.Duration `name:"webhook-tolerance" env:"TILL_WEBHOOK_TOLERANCE" default:"5m" help:"How far a webhook signature's time may be off."`

	// JWTJWKSURL is where your app's identity provider publishes its keys, https://
	// with a live key. At most one of this, JWTPublicKey and JWTSecret; none only
	// where guests are on.
	JWTJWKSURL string `name:"jwt-jwks-url" env:"TILL_JWT_JWKS_URL" help:"JWKS URL that user tokens are checked with."`
	// JWTPublicKey is a PEM public key or certificate (RSA, EC, Ed25519).
	JWTPublicKey string `name:"jwt-public-key" env:"TILL_JWT_PUBLIC_KEY" help:"PEM public key that user tokens are checked with."`
	// JWTSecret is an HS256 secret of at least 32 bytes.
	JWTSecret Secret `name:"jwt-secret" env:"TILL_JWT_SECRET" help:"HS256 secret that user tokens are checked with."`
	// JWTIssuer and JWTAudience are what a user's token must say, to the letter.
	// Required with a key.
	JWTIssuer   string `name:"jwt-issuer" env:"TILL_JWT_ISSUER" help:"Required iss of user tokens."`
	JWTAudience string `name:"jwt-audience" env:"TILL_JWT_AUDIENCE" help:"Required aud of user tokens."`

	// Guests on lets shoppers pay without an account; default off.
	Guests string `name:"guests" env:"TILL_GUESTS" default:"off" help:"Let shoppers without an account pay: on or off."`
	// GuestSecret signs guests' tokens, at least 32 bytes. Required with guests;
	// whoever changes it locks guests out of their orders.
	GuestSecret Secret `name:"guest-secret" env:"TILL_GUEST_SECRET" help:"HS256 secret of guest tokens, at least 32 bytes."`
	// GuestTTL is how long a guest can come back to an order. Zero is refused; default 30 days.
	GuestTTL time.Duration `name:"guest-ttl" env:"TILL_GUEST_TTL" default:"720h" help:"Lifetime of guest tokens."`

	// Currency is the shop's, ISO 4217; default usd.
	Currency string `name:"currency" env:"TILL_CURRENCY" default:"usd" help:"Default currency, ISO 4217."`
	// PaymentMethods are the ways to pay, in Stripe's words such as card,ideal. Empty =
	// those that are on in your Stripe dashboard, as they fit payer, amount and currency.
	PaymentMethods []string `name:"payment-methods" env:"TILL_PAYMENT_METHODS" help:"Ways to pay, Stripe's words, comma-separated; none = those of your Stripe dashboard."`
	// CaptureMethod says when money is taken, unless your backend says it of an order:
	// automatic (when the payer pays; default) or manual (held then, captured by you).
	CaptureMethod string `name:"capture-method" env:"TILL_CAPTURE_METHOD" default:"automatic" help:"When money is taken: automatic or manual."`
	// FraudWarning says what is done about a payment whose issuer warns of fraud before
	// there is a dispute: refund (all that is left goes back), flag (the order is marked
	// and staff is told; default) or off (it is written down).
	FraudWarning string `name:"fraud-warning" env:"TILL_FRAUD_WARNING" default:"flag" help:"What to do about early fraud warnings: refund, flag or off."`
	// ClientAmountMin and ClientAmountMax let clients name an amount (donations),
	// in minor units of Currency. Both or none; none = amounts from clients are refused.
	ClientAmountMin *int64 `name:"client-amount-min" env:"TILL_CLIENT_AMOUNT_MIN" help:"Smallest amount a client may name, minor units."`
	ClientAmountMax *int64 `name:"client-amount-max" env:"TILL_CLIENT_AMOUNT_MAX" help:"Largest amount a client may name, minor units."`

	// SMTPURL is smtp://user:pass@host:587 (STARTTLS) or smtps://user:pass@host:465.
	// Empty = no mail is sent.
	SMTPURL Secret `name:"smtp-url" env:"TILL_SMTP_URL" help:"Mail server, smtp:// or smtps://; none = no mail."`
	// MailFrom is the sender, `Shop <shop@example.com>`. Required with SMTPURL.
	MailFrom string `name:"mail-from" env:"TILL_MAIL_FROM" help:"Sender of mails."`
	// ShopName is what mails call the shop; default "Shop".
	ShopName string `name:"shop-name" env:"TILL_SHOP_NAME" default:"Shop" help:"Name of the shop in mails."`
	// Locale is that of mails to customers of whom nothing else is known: a language tag,
	// such as de or de-AT, that there are mails in; default en. See docs/mails.md.
	Locale string `name:"locale" env:"TILL_LOCALE" default:"en" help:"Language of mails where the order says none, such as de or de-AT."`
	// MailTemplates is a folder of your own mail templates; each goes before the built-in
	// one of its name. Empty = the built-in ones.
	MailTemplates string `name:"mail-templates" env:"TILL_MAIL_TEMPLATES" help:"Folder of mail templates that go before the built-in ones."`
	// StaffEmail gets what a person must look at, such as a payment of the wrong
	// amount. Empty = the log alone.
	StaffEmail string `name:"staff-email" env:"TILL_STAFF_EMAIL" help:"Where staff is told of what needs a person."`

	// InvoicePrefix is what invoice numbers begin with: INV- makes INV-000001. Up to 20
	// letters, digits, -, _ and ., the last no digit. It may change, such as each year; the
	// numbers count on. Default INV-. See docs/invoices.md.
	InvoicePrefix string `name:"invoice-prefix" env:"TILL_INVOICE_PREFIX" default:"INV-" help:"What invoice numbers begin with."`
	// InvoiceCreditPrefix is the same for credit notes, which have numbers of their own;
	// another one than that of invoices. Default CN-.
	InvoiceCreditPrefix string `name:"invoice-credit-prefix" env:"TILL_INVOICE_CREDIT_PREFIX" default:"CN-" help:"What the numbers of credit notes begin with."`
	// InvoiceSeller is who sells, as it stands on invoices. Empty = ShopName.
	InvoiceSeller string `name:"invoice-seller" env:"TILL_INVOICE_SELLER" help:"Seller's name on invoices; none = the shop's name."`
	// InvoiceAddress is the seller's address, up to 8 lines of 80 characters: with line breaks,
	// or \n where they would stand. Empty = none.
	InvoiceAddress string `name:"invoice-address" env:"TILL_INVOICE_ADDRESS" help:"Seller's address on invoices; \\n begins a line."`
	// InvoiceTaxID is the seller's tax or VAT number. Empty = none.
	InvoiceTaxID string `name:"invoice-tax-id" env:"TILL_INVOICE_TAX_ID" help:"Seller's tax id on invoices."`
	// InvoiceLogo is a PNG or JPEG file for the head of invoices, up to 512 KiB and 2000
	// pixels each way. Empty = the seller's name stands there.
	InvoiceLogo string `name:"invoice-logo" env:"TILL_INVOICE_LOGO" help:"PNG or JPEG file of the logo on invoices."`

	// LimitUser is how often a minute one user or guest may call what writes: start a
	// payment, make an order, cancel either. 0 = as often as one likes, as for the
	// limits below; default 30.
	LimitUser int64 `name:"limit-user" env:"TILL_LIMIT_USER" default:"30" help:"Payment starts, orders and cancels a minute for each user or guest; 0 = no limit."`
	// LimitAddress is the same for one address (IPv6: one /64). Default 300: many
	// shoppers may come from one address, such as a mobile network's.
	LimitAddress int64 `name:"limit-address" env:"TILL_LIMIT_ADDRESS" default:"300" help:"Payment starts, orders and cancels a minute from each address; 0 = no limit."`
	// LimitOrder is how often a minute one order's payment may be started; default 10.
	LimitOrder int64 `name:"limit-order" env:"TILL_LIMIT_ORDER" default:"10" help:"Payment starts a minute for each order; 0 = no limit."`
	// LimitGuest is how many guest tokens a minute one address gets; default 60.
	LimitGuest int64 `name:"limit-guest" env:"TILL_LIMIT_GUEST" default:"60" help:"Guest tokens a minute for each address; 0 = no limit."`
	// LimitCode is how many promotion codes that are not valid one user or guest may
	// send an hour, and an address ten times as many; default 10.
	LimitCode int64 `name:"limit-code" env:"TILL_LIMIT_CODE" default:"10" help:"Wrong promotion codes an hour for each user or guest, and ten times as many for each address; 0 = no limit."`
	// Guard says whether cards that are declined are counted, so that whoever tests
	// stolen cards is stopped: on (default) or off. See SECURITY.md.
	Guard string `name:"guard" env:"TILL_GUARD" default:"on" help:"Stop who tests cards: on or off."`
	// GuardWindow is the time that the limits below are for, looked back from each
	// call. Zero is refused; default 1h.
	GuardWindow time.Duration `name:"guard-window" env:"TILL_GUARD_WINDOW" default:"1h" help:"Time that the limits of declined cards are for."`
	// GuardUser is how many declines a user or guest may have within GuardWindow, before
	// they can start no payment. 0 = no limit, as for those below; default 10.
	GuardUser int64 `name:"guard-user" env:"TILL_GUARD_USER" default:"10" help:"Declines of a user or guest; 0 = no limit."`
	// GuardAddress is the same for one address (IPv6: one /64); default 50.
	GuardAddress int64 `name:"guard-address" env:"TILL_GUARD_ADDRESS" default:"50" help:"Declines of payments started from one address; 0 = no limit."`
	// GuardOrder is the same for one order; default 10.
	GuardOrder int64 `name:"guard-order" env:"TILL_GUARD_ORDER" default:"10" help:"Declines of an order's payments; 0 = no limit."`
	// GuardCard is the same for one card, whoever uses it; default 10.
	GuardCard int64 `name:"guard-card" env:"TILL_GUARD_CARD" default:"10" help:"Declines of one card, over all users; 0 = no limit."`
	// GuardCards is how many cards a user or guest may try within GuardWindow, and an
	// address five times as many; default 10.
	GuardCards int64 `name:"guard-cards" env:"TILL_GUARD_CARDS" default:"10" help:"Different cards of a user or guest, and five times as many of an address; 0 = no limit."`
	// GuardPayment is how many declines a payment may have, whenever, before it is
	// canceled at Stripe; default 10.
	GuardPayment int64 `name:"guard-payment" env:"TILL_GUARD_PAYMENT" default:"10" help:"Declines of a payment before it is canceled at Stripe; 0 = never."`
	// GuardBurst is how many declined or tiny payments within ten minutes, of all
	// callers, staff is told of; default 100.
	GuardBurst int64 `name:"guard-burst" env:"TILL_GUARD_BURST" default:"100" help:"Declined or tiny payments in ten minutes that staff is told of; 0 = never."`
	// Captcha is the provider of a CAPTCHA that payers solve before a payment is started:
	// turnstile, hcaptcha or recaptcha. Empty = none. See SECURITY.md.
	Captcha string `name:"captcha" env:"TILL_CAPTCHA" help:"CAPTCHA before payments: turnstile, hcaptcha or recaptcha; none = off."`
	// CaptchaSiteKey is told to clients. Required with Captcha.
	CaptchaSiteKey string `name:"captcha-site-key" env:"TILL_CAPTCHA_SITE_KEY" help:"The CAPTCHA's site key, told to clients."`
	// CaptchaSecret is the provider's for your site. Required with Captcha.
	CaptchaSecret Secret `name:"captcha-secret" env:"TILL_CAPTCHA_SECRET" help:"The CAPTCHA's secret key."`
	// CaptchaHostnames are where the CAPTCHA may have been solved, such as
	// shop.example.com. Empty = wherever the provider lets it.
	CaptchaHostnames []string `name:"captcha-hostnames" env:"TILL_CAPTCHA_HOSTNAMES" help:"Host names that the CAPTCHA may be solved on, comma-separated."`
	// CaptchaAfter is how many declines within GuardWindow a user or guest, or an
	// address, may have before the CAPTCHA is asked for. 0 = always; default 1.
	CaptchaAfter int64 `name:"captcha-after" env:"TILL_CAPTCHA_AFTER" default:"1" help:"Declines before the CAPTCHA is asked for; 0 = always."`
	// CaptchaDown is what becomes of callers while the provider does not answer: auto
	// (who has had a card declined within GuardWindow is refused, others pass; default),
	// open (all pass) or closed (all are refused).
	CaptchaDown string `name:"captcha-down" env:"TILL_CAPTCHA_DOWN" default:"auto" help:"While the CAPTCHA's provider is down: auto, open or closed."`
	// CaptchaURL is where tokens are verified, in place of the provider. Only for tests,
	// refused with a live key.
	CaptchaURL string `name:"captcha-url" env:"TILL_CAPTCHA_URL" help:"Base URL of a test provider of CAPTCHAs."`
	// TrustedProxies are the addresses and ranges (CIDR) of your own proxies, whose
	// X-Forwarded-For says who is calling. Empty = none: the caller is who connects.
	TrustedProxies []string `name:"trusted-proxies" env:"TILL_TRUSTED_PROXIES" help:"Addresses and CIDRs of your proxies, comma-separated."`
	// DatabaseConnections is how many connections to Postgres this process may have,
	// besides two that listen: a quarter each for what callers read and write, most
	// of the rest for Till's own work such as webhooks. Who gets none within 2 s is
	// answered 503. At least 4; the server must allow them for all replicas together.
	// Default 24.
	DatabaseConnections int `name:"database-connections" env:"TILL_DATABASE_CONNECTIONS" default:"24" help:"Connections to Postgres, besides two that listen."`
	// MaxConnections is how many connections may be open at once, so that nobody
	// uses up memory and file descriptors by connecting; idle ones are closed for
	// new ones. Keep it below `ulimit -n`. Zero is refused; default 4096.
	MaxConnections int `name:"max-connections" env:"TILL_MAX_CONNECTIONS" default:"4096" help:"Open connections at once."`

	// SweepInterval is the pause between two sweeps of what hangs. Zero is refused; default 1s.
	SweepInterval time.Duration `name:"sweep-interval" env:"TILL_SWEEP_INTERVAL" default:"1s" help:"Pause between sweeps of what hangs."`
	// SweepAfter is how old an undecided call to Stripe must be before a sweep
	// settles it. Must be longer than the 10 s that a call may take; default 60s.
	SweepAfter time.Duration `name:"sweep-after" env:"TILL_SWEEP_AFTER" default:"60s" help:"Age at which an undecided call to Stripe is settled."`

	// StopDelay is how long Till still takes new requests after it was told to
	// stop, while /readyz already says so and load balancers turn away. Then
	// requests under way have 25 s. Zero = none; default 2s.
	StopDelay time.Duration `name:"stop-delay" env:"TILL_STOP_DELAY" default:"2s" help:"How long to serve on after a stop, until load balancers know."`

	// OutboundAllow are networks of your own, addresses and ranges (CIDR), that your
	// backend's webhook endpoints may be in, on any port and by http://; a host there is
	// trusted with every event. For development 127.0.0.0/8. Empty = public addresses
	// alone, by https://.
	OutboundAllow []string `name:"outbound-allow" env:"TILL_OUTBOUND_ALLOW" help:"Own networks that webhook endpoints may be in, CIDRs, comma-separated."`
	// OutboundRetries are the times from one try to the next to tell an endpoint of an
	// event, a tenth longer or shorter; after the last it is given up. At most 20;
	// empty is refused; default a bit more than a day in all.
	OutboundRetries []time.Duration `name:"outbound-retries" env:"TILL_OUTBOUND_RETRIES" default:"5s,5m,30m,2h,5h,10h,10h" help:"Times between tries to tell a webhook endpoint."`
	// OutboundTimeout is how long an endpoint has to answer, connecting included. Zero
	// is refused, and so is more than 20s; default 10s.
	OutboundTimeout time.Duration `name:"outbound-timeout" env:"TILL_OUTBOUND_TIMEOUT" default:"10s" help:"How long a webhook endpoint has to answer."`

	// LogLevel is debug, info (default), warn or error.
	LogLevel string `name:"log-level" env:"TILL_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	// LogFormat is json (default) or text.
	LogFormat string `name:"log-format" env:"TILL_LOG_FORMAT" default:"json" help:"json or text."`
	// MetricsAddr is where Prometheus scrapes /metrics, host:port or :port: apart from
	// the API, and not for the public. Empty = nothing is counted.
	MetricsAddr string `name:"metrics-addr" env:"TILL_METRICS_ADDR" help:"Address for Prometheus to scrape; none = no metrics."`
	// OTLPEndpoint is where traces go, an OTLP/HTTP collector such as
	// http://localhost:4318; OpenTelemetry's other OTEL_ variables hold then too.
	// Empty = nothing is traced.
	OTLPEndpoint string `name:"otlp-endpoint" env:"OTEL_EXPORTER_OTLP_ENDPOINT" help:"OTLP/HTTP collector for traces; none = no traces."`
}
