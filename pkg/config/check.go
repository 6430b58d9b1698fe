package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"till/pkg/auth"
	"till/pkg/money"
)

// minSecret is the shortest HMAC secret, bytes.
const minSecret = 32

// callLimit is how long one call to Stripe may take in all.
const callLimit = 10 * time.Second

// Check reports every fault in one error, each with the variable to change. It
// touches neither network nor database. It is not called Validate because kong
// calls a method of that name by itself, before Load has read the files.
func (c *Config) Check() error {
	f := &faults{}
	c.checkServer(f)
	c.checkStripe(f)
	c.checkCallers(f)
	c.checkMoney(f)
	c.checkMail(f)
	c.checkInvoices(f)
	c.checkOutbound(f)
	c.checkCaptcha(f)
	f.word("TILL_MIGRATE", c.Migrate, "on", "off")
	f.word("TILL_CAPTURE_METHOD", c.CaptureMethod, "automatic", "manual")
	f.word("TILL_FRAUD_WARNING", c.FraudWarning, "refund", "flag", "off")
	f.word("TILL_GUARD", c.Guard, "on", "off")
	f.positive("TILL_GUARD_WINDOW", c.GuardWindow)
	f.word("TILL_LOG_FORMAT", c.LogFormat, "json", "text")
	if new(slog.Level).UnmarshalText([]byte(c.LogLevel)) != nil {
		f.add("TILL_LOG_LEVEL must be debug, info, warn or error, not %q", c.LogLevel)
	}
	f.positive("TILL_SWEEP_INTERVAL", c.SweepInterval)
	if c.StopDelay < 0 {
		f.add("TILL_STOP_DELAY must be 0 or longer, such as 2s, not %s", c.StopDelay)
	}
	if c.SweepAfter <= callLimit {
		f.add("TILL_SWEEP_AFTER must be longer than %s, the time that a call to Stripe may take, not %s", callLimit, c.SweepAfter)
	}
	return errors.Join(f.all...)
}

// faults collects what is wrong.
type faults struct{ all []error }

func (f *faults) add(format string, args ...any) { f.all = append(f.all, fmt.Errorf(format, args...)) }

func (f *faults) word(variable, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		f.add("%s must be %s, not %q", variable, strings.Join(allowed, " or "), value)
	}
}

func (f *faults) positive(variable string, d time.Duration) {
	if d <= 0 {
		f.add("%s must be longer than no time, such as 5m, not %s", variable, d)
	}
}

// web checks an http(s) URL; empty is not set.
func (f *faults) web(variable, value string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	switch {
	case strings.Contains(value, "@"): // where a password would stand, which must not be repeated
		f.add("%s must not hold a user name or password: it is logged or told to clients", variable)
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		f.add("%s must be an http:// or https:// URL, not %q", variable, value)
	}
}

func (c *Config) checkServer(f *faults) {
	db := string(c.DatabaseURL)
	switch {
	case db == "":
		f.add("DATABASE_URL is missing: set postgres://… or sqlite:FILE")
	case strings.HasPrefix(db, "postgres://"), strings.HasPrefix(db, "postgresql://"):
		if u, err := url.Parse(db); err != nil || u.Path == "" {
			f.add("DATABASE_URL cannot be read: postgres://user:password@host:5432/name, with special characters of the password percent-encoded")
		}
	case strings.HasPrefix(db, "sqlite:"):
		if strings.TrimPrefix(db, "sqlite:") == "" {
			f.add("DATABASE_URL names no file: set sqlite:FILE")
		}
	default:
		f.add("DATABASE_URL must start with postgres:// or sqlite:")
	}
	if c.Addr != "" {
		if _, port, err := net.SplitHostPort(c.Addr); err != nil || !isPort(port) {
			f.add("TILL_ADDR must be host:port or :port, not %q", c.Addr)
		}
	}
	if c.MetricsAddr != "" {
		if _, port, err := net.SplitHostPort(c.MetricsAddr); err != nil || !isPort(port) {
			f.add("TILL_METRICS_ADDR must be host:port or :port, not %q", c.MetricsAddr)
		}
	}
	f.web("OTEL_EXPORTER_OTLP_ENDPOINT", c.OTLPEndpoint)
	if c.Port != "" && !isPort(c.Port) {
		f.add("PORT must be a number from 0 to 65535, not %q", c.Port)
	}
	for variable, limit := range map[string]int64{
		"TILL_LIMIT_USER": c.LimitUser, "TILL_LIMIT_ADDRESS": c.LimitAddress, "TILL_LIMIT_ORDER": c.LimitOrder, "TILL_LIMIT_GUEST": c.LimitGuest, "TILL_LIMIT_CODE": c.LimitCode,
		"TILL_GUARD_USER": c.GuardUser, "TILL_GUARD_ADDRESS": c.GuardAddress, "TILL_GUARD_ORDER": c.GuardOrder, "TILL_GUARD_CARD": c.GuardCard, "TILL_GUARD_CARDS": c.GuardCards, "TILL_GUARD_PAYMENT": c.GuardPayment, "TILL_GUARD_BURST": c.GuardBurst,
	} {
		if limit < 0 {
			f.add("%s must be a number, or 0 for no limit, not %d", variable, limit)
		}
	}
	for _, p := range c.TrustedProxies {
		if _, err := parseProxy(p); err != nil {
			f.add("TILL_TRUSTED_PROXIES: %q %w", p, err)
		}
	}
	if c.DatabaseConnections < 4 {
		f.add("TILL_DATABASE_CONNECTIONS must be at least 4, not %d: one for each kind of work", c.DatabaseConnections)
	}
	if c.MaxConnections <= 0 {
		f.add("TILL_MAX_CONNECTIONS must be at least 1, not %d", c.MaxConnections)
	}
	for _, o := range c.AllowedOrigins {
		if err := checkOrigin(o); err != nil {
			f.add("TILL_ALLOWED_ORIGINS: %q %w", o, err)
		}
	}
}

// parseProxy takes an address or a range. All the world is none: anybody could then
// call himself by any address.
func parseProxy(p string) (netip.Prefix, error) {
	prefix, err := parseNetwork(p)
	if errors.Is(err, errEverybody) {
		err = errors.New("is everybody: name your own proxies")
	}
	return prefix, err
}

var errEverybody = errors.New("is everybody: name your own networks")

// parseNetwork takes an address or a range, and not all the world.
func parseNetwork(p string) (netip.Prefix, error) {
	p = strings.TrimSpace(p)
	var prefix netip.Prefix
	if address, err := netip.ParseAddr(p); err == nil && address.Zone() == "" {
		prefix = netip.PrefixFrom(address, address.BitLen())
	} else if prefix, err = netip.ParsePrefix(p); err != nil {
		return netip.Prefix{}, errors.New("must be an address or a range, such as 10.0.0.7 or 10.0.0.0/8")
	}
	switch {
	case prefix.Bits() == 0:
		return netip.Prefix{}, errEverybody
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, errors.New("must be written as IPv4")
	}
	return prefix.Masked(), nil
}

// checkOutbound holds the bounds: a stop waits for the requests under way.
func (c *Config) checkOutbound(f *faults) {
	for _, n := range c.OutboundAllow {
		if _, err := parseNetwork(n); err != nil {
			f.add("TILL_OUTBOUND_ALLOW: %q %w", n, err)
		}
	}
	if n := len(c.OutboundRetries); n < 1 || n > 20 {
		f.add("TILL_OUTBOUND_RETRIES must be 1 to 20 times, such as 5s,5m,30m, not %d", n)
	}
	for _, d := range c.OutboundRetries {
		f.positive("TILL_OUTBOUND_RETRIES", d)
	}
	if c.OutboundTimeout <= 0 || c.OutboundTimeout > 20*time.Second {
		f.add("TILL_OUTBOUND_TIMEOUT must be longer than no time and at most 20s, not %s", c.OutboundTimeout)
	}
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// checkOrigin takes scheme://host[:port] as a browser writes it: lower case, no
// path, no default port. A port of * is for this machine alone.
func checkOrigin(o string) error {
	if host, ok := strings.CutSuffix(o, ":*"); ok {
		if !slices.Contains([]string{"http://localhost", "http://127.0.0.1", "http://[::1]", "https://localhost", "https://127.0.0.1", "https://[::1]"}, host) {
			return errors.New("has a port of *, which is for localhost alone")
		}
		return nil
	}
	u, err := url.Parse(o)
	switch {
	case o == "*" || strings.Contains(o, "*"):
		return errors.New("is too wide: name each origin")
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return errors.New("must be scheme://host or scheme://host:port")
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return errors.New("must end after the host and port: no path, no slash at the end")
	case o != strings.ToLower(o):
		return errors.New("must be lower case, as browsers send it")
	case u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443":
		return errors.New("names the default port, which browsers leave out")
	}
	return nil
}

func (c *Config) checkStripe(f *faults) {
	secret, publishable := string(c.StripeSecretKey), c.StripePublishableKey
	secretOK, publishableOK := false, false
	switch kind, _, _ := strings.Cut(secret, "_"); {
	case secret == "":
		f.add("STRIPE_SECRET_KEY is missing: set sk_test_… or sk_live_…")
	case kind == "pk":
		f.add("STRIPE_SECRET_KEY holds a publishable key (pk_…): set the secret key (sk_…)")
	case kind != "sk" && kind != "rk", mode(secret) != "test" && mode(secret) != "live", hasSpace(secret):
		f.add("STRIPE_SECRET_KEY must be sk_test_…, sk_live_… or a restricted rk_…")
	default:
		secretOK = true
	}
	switch kind, _, _ := strings.Cut(publishable, "_"); {
	case publishable == "":
		f.add("STRIPE_PUBLISHABLE_KEY is missing: set pk_test_… or pk_live_…")
	case kind == "sk" || kind == "rk":
		f.add("STRIPE_PUBLISHABLE_KEY holds a secret key, which clients must never see: set the publishable key (pk_…)")
	case kind != "pk", mode(publishable) != "test" && mode(publishable) != "live", hasSpace(publishable):
		f.add("STRIPE_PUBLISHABLE_KEY must be pk_test_… or pk_live_…")
	default:
		publishableOK = true
	}
	if secretOK && publishableOK && mode(secret) != mode(publishable) {
		f.add("STRIPE_SECRET_KEY is of %s mode and STRIPE_PUBLISHABLE_KEY of %s mode: take both from the same one", mode(secret), mode(publishable))
	}
	if len(c.WebhookSecrets()) == 0 {
		f.add("STRIPE_WEBHOOK_SECRET is missing: set the endpoint's signing secret (whsec_…)")
	}
	for _, s := range c.WebhookSecrets() {
		if !strings.HasPrefix(s, "whsec_") || hasSpace(s) { // whoever guesses it can have orders paid
			f.add("STRIPE_WEBHOOK_SECRET must be the signing secret that Stripe gave the endpoint (whsec_…), not a key or a word of your own")
			break
		}
	}
	f.positive("TILL_WEBHOOK_TOLERANCE", c.WebhookTolerance)
	f.web("TILL_STRIPE_URL", c.StripeURL)
	f.web("TILL_STRIPE_JS_URL", c.StripeJSURL)
	f.web("TILL_CAPTCHA_URL", c.CaptchaURL)
	if c.Livemode() {
		for variable, value := range map[string]string{"TILL_STRIPE_URL": c.StripeURL, "TILL_STRIPE_JS_URL": c.StripeJSURL, "TILL_CAPTCHA_URL": c.CaptchaURL} {
			if value != "" {
				f.add("%s is for the sandbox and refused with a live key: take it away", variable)
			}
		}
	}
}

func (c *Config) checkCaptcha(f *faults) {
	if c.Captcha == "" {
		return
	}
	f.word("TILL_CAPTCHA", c.Captcha, "turnstile", "hcaptcha", "recaptcha")
	f.word("TILL_CAPTCHA_DOWN", c.CaptchaDown, "auto", "open", "closed")
	if c.CaptchaSiteKey == "" || c.CaptchaSecret == "" {
		f.add("TILL_CAPTCHA_SITE_KEY and TILL_CAPTCHA_SECRET must be set with TILL_CAPTCHA: your provider shows both")
	}
	if c.CaptchaAfter < 0 {
		f.add("TILL_CAPTCHA_AFTER must be a number, or 0 for always, not %d", c.CaptchaAfter)
	}
	if c.Guard == "off" && c.CaptchaAfter > 0 {
		f.add("TILL_CAPTCHA_AFTER must be 0 with TILL_GUARD=off: no declines are counted")
	}
}

func hasSpace(s string) bool { return strings.ContainsAny(s, " \t\r\n") }

func (c *Config) checkCallers(f *faults) {
	var keys []string
	for _, k := range []struct{ variable, value string }{
		{"TILL_JWT_JWKS_URL", c.JWTJWKSURL},
		{"TILL_JWT_PUBLIC_KEY", c.JWTPublicKey},
		{"TILL_JWT_SECRET", string(c.JWTSecret)},
	} {
		if k.value != "" {
			keys = append(keys, k.variable)
		}
	}
	if len(keys) > 1 {
		f.add("%s are set together: keep one", strings.Join(keys, " and "))
	}
	f.web("TILL_JWT_JWKS_URL", c.JWTJWKSURL)
	if c.Livemode() && strings.HasPrefix(strings.ToLower(c.JWTJWKSURL), "http://") {
		// Whoever sits between could publish a key of his own, and be any user.
		f.add("TILL_JWT_JWKS_URL must be https:// with a live key")
	}
	if c.JWTPublicKey != "" {
		if _, _, err := auth.ParsePublicKey(c.JWTPublicKey); err != nil {
			f.add("TILL_JWT_PUBLIC_KEY: %w", err)
		}
	}
	if n := len(c.JWTSecret); n > 0 && n < minSecret {
		f.add("TILL_JWT_SECRET has %d bytes: at least %d are needed", n, minSecret)
	}
	if len(keys) > 0 {
		if c.JWTIssuer == "" {
			f.add("TILL_JWT_ISSUER is missing: set the iss of your users' tokens")
		}
		if c.JWTAudience == "" {
			f.add("TILL_JWT_AUDIENCE is missing: set the aud of your users' tokens")
		}
	}
	if strings.HasPrefix(c.JWTIssuer, "till:") {
		f.add("TILL_JWT_ISSUER must not start with till:, which is Till's own")
	}
	f.word("TILL_GUESTS", c.Guests, "on", "off")
	if c.GuestsOn() {
		switch n := len(c.GuestSecret); {
		case n == 0:
			f.add("TILL_GUEST_SECRET is missing although TILL_GUESTS is on: set at least %d random bytes, such as from `openssl rand -hex 32`", minSecret)
		case n < minSecret:
			f.add("TILL_GUEST_SECRET has %d bytes: at least %d are needed", n, minSecret)
		case c.GuestSecret == c.JWTSecret:
			f.add("TILL_GUEST_SECRET and TILL_JWT_SECRET are the same: set another one for guests")
		}
		f.positive("TILL_GUEST_TTL", c.GuestTTL)
	} else if len(keys) == 0 {
		f.add("nobody could call: set one of TILL_JWT_JWKS_URL, TILL_JWT_PUBLIC_KEY, TILL_JWT_SECRET, or TILL_GUESTS=on")
	}
}

// methodType is the shape of Stripe's words for ways to pay; the account decides
// which of them it has. https://docs.stripe.com/api/payment_methods/object#payment_method_object-type
var methodType = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (c *Config) checkMoney(f *faults) {
	currency, err := money.ParseCurrency(c.Currency)
	if err != nil {
		f.add("TILL_CURRENCY must be an ISO 4217 code that Stripe charges in, such as usd, not %q", c.Currency)
	}
	seen := map[string]bool{}
	for _, m := range c.PaymentMethods {
		if !methodType.MatchString(m) || seen[m] {
			f.add("TILL_PAYMENT_METHODS must be Stripe's words for ways to pay, each once, such as card,ideal, not %q", strings.Join(c.PaymentMethods, ","))
			break
		}
		seen[m] = true
	}
	lo, hi := c.ClientAmountMin, c.ClientAmountMax
	switch {
	case lo == nil && hi == nil:
	case lo == nil:
		f.add("TILL_CLIENT_AMOUNT_MIN is missing although TILL_CLIENT_AMOUNT_MAX is set: set both or none")
	case hi == nil:
		f.add("TILL_CLIENT_AMOUNT_MAX is missing although TILL_CLIENT_AMOUNT_MIN is set: set both or none")
	case *lo > *hi:
		f.add("TILL_CLIENT_AMOUNT_MIN (%d) is larger than TILL_CLIENT_AMOUNT_MAX (%d)", *lo, *hi)
	case err == nil:
		for _, b := range []struct {
			variable string
			minor    int64
		}{{"TILL_CLIENT_AMOUNT_MIN", *lo}, {"TILL_CLIENT_AMOUNT_MAX", *hi}} {
			if err := (money.Amount{Minor: b.minor, Currency: currency}).Chargeable(); err != nil {
				f.add("%s %w", b.variable, err)
			}
		}
	}
}

func (c *Config) checkMail(f *faults) {
	if c.SMTPURL != "" {
		u, err := url.Parse(string(c.SMTPURL))
		if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
			// the value may hold a password, and so may url.Parse's error
			f.add("TILL_SMTP_URL must be smtp://user:password@host:587 or smtps://…, with special characters percent-encoded")
		}
		if c.MailFrom == "" {
			f.add("TILL_MAIL_FROM is missing although TILL_SMTP_URL is set: set the sender, such as Shop <shop@example.com>")
		}
	}
	for variable, value := range map[string]string{"TILL_MAIL_FROM": c.MailFrom, "TILL_STAFF_EMAIL": c.StaffEmail} {
		if value == "" {
			continue
		}
		if _, err := mail.ParseAddress(value); err != nil {
			f.add("%s must be a mail address, not %q", variable, value)
		}
	}
	if tag, err := language.Parse(c.Locale); c.Locale != "" && (err != nil || tag == language.Und) {
		f.add("TILL_LOCALE must be a language tag, such as de or de-AT, not %q", c.Locale)
	}
	if c.MailTemplates != "" {
		if is, err := os.Stat(c.MailTemplates); err != nil || !is.IsDir() {
			f.add("TILL_MAIL_TEMPLATES must be a folder, and %q is none", c.MailTemplates)
		}
	}
	if strings.ContainsFunc(c.ShopName, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		f.add("TILL_SHOP_NAME must not hold control characters")
	}
}
