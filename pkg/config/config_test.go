package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"till/pkg/config"
)

// good is the least that serves; cases change it.
var good = map[string]string{
	"DATABASE_URL":           "sqlite:till.db",
	"STRIPE_SECRET_KEY":      "sk_test_1",
	"STRIPE_PUBLISHABLE_KEY": "pk_test_1",
	"STRIPE_WEBHOOK_SECRET":  "whsec_1",
	"TILL_GUESTS":            "on",
	"TILL_GUEST_SECRET":      strings.Repeat("g", 32),
}

// load reads settings as `till serve` does. It changes the process's
// environment, because kong reads no other: these tests do not run in parallel.
func load(t *testing.T, changes map[string]string) (config.Config, error) {
	t.Helper()
	env := map[string]string{}
	for _, m := range []map[string]string{good, changes} {
		for name, value := range m {
			env[name] = value
		}
	}
	var environ []string
	for name, value := range env {
		if value == "-" { // take it away
			continue
		}
		t.Setenv(name, value)
		environ = append(environ, name+"="+value)
	}
	var cli struct {
		Serve struct {
			Config config.Config `embed:""`
		} `cmd:""`
	}
	parser, err := kong.New(&cli, kong.Exit(func(int) { t.Fatal("kong wants to exit") }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"serve"}); err != nil {
		return config.Config{}, err
	}
	c := cli.Serve.Config
	return c, c.Load(environ)
}

func TestDefaults(t *testing.T) {
	c, err := load(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen() != ":8080" || c.WebhookTolerance != 5*time.Minute || c.GuestTTL != 720*time.Hour || c.Currency != "usd" ||
		c.SweepInterval != time.Second || c.SweepAfter != time.Minute || c.LogLevel != "info" || c.LogFormat != "json" ||
		c.LimitUser != 30 || c.LimitAddress != 300 || c.LimitOrder != 10 || c.LimitGuest != 60 || c.LimitCode != 10 || c.MaxConnections != 4096 || c.DatabaseConnections != 24 || len(c.Proxies()) != 0 ||
		c.InvoicePrefix != "INV-" || c.InvoiceCreditPrefix != "CN-" || len(c.InvoiceAddressLines()) != 0 ||
		c.MigrateOn() || !c.GuestsOn() || c.Livemode() || c.ClientAmounts() {
		t.Errorf("got %+v", c)
	}
}

func TestProxies(t *testing.T) {
	c, err := load(t, map[string]string{"TILL_TRUSTED_PROXIES": "10.1.2.3/8, 192.0.2.7,2001:db8::/32,::1"})
	if got := fmt.Sprint(c.Proxies()); err != nil || got != "[10.0.0.0/8 192.0.2.7/32 2001:db8::/32 ::1/128]" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestSettingsThatHold(t *testing.T) {
	for name, changes := range map[string]map[string]string{
		"live mode":                    {"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_PUBLISHABLE_KEY": "pk_live_1"},
		"a restricted key":             {"STRIPE_SECRET_KEY": "rk_test_1"},
		"two webhook secrets":          {"STRIPE_WEBHOOK_SECRET": "whsec_1, whsec_2"},
		"users by JWKS, no guests":     {"TILL_GUESTS": "-", "TILL_GUEST_SECRET": "-", "TILL_JWT_JWKS_URL": "https://id.example/jwks", "TILL_JWT_ISSUER": "i", "TILL_JWT_AUDIENCE": "a"},
		"origins":                      {"TILL_ALLOWED_ORIGINS": "https://shop.example,http://localhost:*,http://127.0.0.1:*,http://shop.example:8081"},
		"no limits":                    {"TILL_LIMIT_USER": "0", "TILL_LIMIT_ADDRESS": "0", "TILL_LIMIT_ORDER": "0", "TILL_LIMIT_GUEST": "0", "TILL_LIMIT_CODE": "0"},
		"amounts from clients":         {"TILL_CLIENT_AMOUNT_MIN": "100", "TILL_CLIENT_AMOUNT_MAX": "50000"},
		"the sandbox with a test key":  {"TILL_STRIPE_URL": "http://127.0.0.1:12111", "TILL_STRIPE_JS_URL": "http://127.0.0.1:12111/v3/"},
		"mail":                         {"TILL_SMTP_URL": "smtp://user:p%40ss@mail.example:587", "TILL_MAIL_FROM": "Shop <shop@example.com>"},
		"a variable of the test suite": {"TILL_TEST_DATABASE_URL": "postgres://x/y"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := load(t, changes); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFaultsNameTheVariable(t *testing.T) {
	for name, tc := range map[string]struct {
		changes map[string]string
		want    string
	}{
		"no database":                   {map[string]string{"DATABASE_URL": "-"}, "DATABASE_URL is missing"},
		"another database":              {map[string]string{"DATABASE_URL": "mysql://x"}, "DATABASE_URL must start with"},
		"postgres without a name":       {map[string]string{"DATABASE_URL": "postgres://host"}, "DATABASE_URL cannot be read"},
		"sqlite without a file":         {map[string]string{"DATABASE_URL": "sqlite:"}, "DATABASE_URL names no file"},
		"no secret key":                 {map[string]string{"STRIPE_SECRET_KEY": "-"}, "STRIPE_SECRET_KEY is missing"},
		"publishable for secret":        {map[string]string{"STRIPE_SECRET_KEY": "pk_test_1"}, "STRIPE_SECRET_KEY holds a publishable key"},
		"secret for publishable":        {map[string]string{"STRIPE_PUBLISHABLE_KEY": "sk_test_1"}, "STRIPE_PUBLISHABLE_KEY holds a secret key"},
		"no publishable key":            {map[string]string{"STRIPE_PUBLISHABLE_KEY": "-"}, "STRIPE_PUBLISHABLE_KEY is missing"},
		"modes that differ":             {map[string]string{"STRIPE_SECRET_KEY": "sk_live_1"}, "of live mode and STRIPE_PUBLISHABLE_KEY of test mode"},
		"not a key":                     {map[string]string{"STRIPE_SECRET_KEY": "hello"}, "STRIPE_SECRET_KEY must be"},
		"no webhook secret":             {map[string]string{"STRIPE_WEBHOOK_SECRET": "-"}, "STRIPE_WEBHOOK_SECRET is missing"},
		"webhook secrets all empty":     {map[string]string{"STRIPE_WEBHOOK_SECRET": " , ,"}, "STRIPE_WEBHOOK_SECRET is missing"},
		"a webhook secret of one's own": {map[string]string{"STRIPE_WEBHOOK_SECRET": "whsec_1,changeme"}, "STRIPE_WEBHOOK_SECRET must be"},
		"a password in a URL":           {map[string]string{"TILL_STRIPE_URL": "http://u:p@127.0.0.1:12111"}, "TILL_STRIPE_URL must not hold a user name or password"},
		"no tolerance":                  {map[string]string{"TILL_WEBHOOK_TOLERANCE": "0s"}, "TILL_WEBHOOK_TOLERANCE must be longer"},
		"keys over http, live":          {map[string]string{"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_PUBLISHABLE_KEY": "pk_live_1", "TILL_JWT_JWKS_URL": "HTTP://id.example/keys"}, "TILL_JWT_JWKS_URL must be https://"},
		"sandbox with a live key":       {map[string]string{"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_PUBLISHABLE_KEY": "pk_live_1", "TILL_STRIPE_URL": "http://x"}, "TILL_STRIPE_URL is for the sandbox"},
		"two kinds of key":              {map[string]string{"TILL_JWT_SECRET": strings.Repeat("j", 32), "TILL_JWT_JWKS_URL": "https://x/y", "TILL_JWT_ISSUER": "i", "TILL_JWT_AUDIENCE": "a"}, "TILL_JWT_JWKS_URL and TILL_JWT_SECRET are set together"},
		"weak JWT secret":               {map[string]string{"TILL_JWT_SECRET": "weak", "TILL_JWT_ISSUER": "i", "TILL_JWT_AUDIENCE": "a"}, "TILL_JWT_SECRET has 4 bytes"},
		"no issuer":                     {map[string]string{"TILL_JWT_SECRET": strings.Repeat("j", 32), "TILL_JWT_AUDIENCE": "a"}, "TILL_JWT_ISSUER is missing"},
		"no audience":                   {map[string]string{"TILL_JWT_SECRET": strings.Repeat("j", 32), "TILL_JWT_ISSUER": "i"}, "TILL_JWT_AUDIENCE is missing"},
		"a public key that is none":     {map[string]string{"TILL_JWT_PUBLIC_KEY": "hello", "TILL_JWT_ISSUER": "i", "TILL_JWT_AUDIENCE": "a"}, "TILL_JWT_PUBLIC_KEY: the public key is not PEM"},
		"nobody can call":               {map[string]string{"TILL_GUESTS": "off"}, "nobody could call"},
		"guests neither on nor off":     {map[string]string{"TILL_GUESTS": "yes"}, "TILL_GUESTS must be on or off"},
		"guests without a secret":       {map[string]string{"TILL_GUEST_SECRET": "-"}, "TILL_GUEST_SECRET is missing"},
		"weak guest secret":             {map[string]string{"TILL_GUEST_SECRET": "weak"}, "TILL_GUEST_SECRET has 4 bytes"},
		"one secret for both":           {map[string]string{"TILL_JWT_SECRET": strings.Repeat("g", 32), "TILL_JWT_ISSUER": "i", "TILL_JWT_AUDIENCE": "a"}, "TILL_GUEST_SECRET and TILL_JWT_SECRET are the same"},
		"guests without a lifetime":     {map[string]string{"TILL_GUEST_TTL": "0s"}, "TILL_GUEST_TTL must be longer"},
		"a locale that is none":         {map[string]string{"TILL_LOCALE": "german"}, "TILL_LOCALE must be a language tag"},
		"no folder of mail templates":   {map[string]string{"TILL_MAIL_TEMPLATES": "/nowhere"}, "TILL_MAIL_TEMPLATES must be a folder"},
		"a prefix that ends in a digit": {map[string]string{"TILL_INVOICE_PREFIX": "2026"}, "TILL_INVOICE_PREFIX must be"},
		"a prefix with a slash":         {map[string]string{"TILL_INVOICE_CREDIT_PREFIX": "CN/"}, "TILL_INVOICE_CREDIT_PREFIX must be"},
		"one prefix for both":           {map[string]string{"TILL_INVOICE_PREFIX": "cn-"}, "TILL_INVOICE_PREFIX and TILL_INVOICE_CREDIT_PREFIX are the same"},
		"a seller of two lines":         {map[string]string{"TILL_INVOICE_SELLER": "a\nb"}, "TILL_INVOICE_SELLER must be one line"},
		"a tax id without an end":       {map[string]string{"TILL_INVOICE_TAX_ID": strings.Repeat("1", 81)}, "TILL_INVOICE_TAX_ID must be one line"},
		"an address without an end":     {map[string]string{"TILL_INVOICE_ADDRESS": strings.Repeat(`a\n`, 9)}, "TILL_INVOICE_ADDRESS must have up to 8 lines, not 9"},
		"an address with a bell":        {map[string]string{"TILL_INVOICE_ADDRESS": "a\a"}, "TILL_INVOICE_ADDRESS must have lines"},
		"a logo that is not there":      {map[string]string{"TILL_INVOICE_LOGO": "/nowhere"}, "TILL_INVOICE_LOGO: open /nowhere"},
		"a logo that is none":           {map[string]string{"TILL_INVOICE_LOGO": "config.go"}, "TILL_INVOICE_LOGO: config.go is neither PNG nor JPEG"},
		"any origin":                    {map[string]string{"TILL_ALLOWED_ORIGINS": "*"}, "TILL_ALLOWED_ORIGINS"},
		"any port of another machine":   {map[string]string{"TILL_ALLOWED_ORIGINS": "https://shop.example:*"}, "for localhost alone"},
		"any subdomain":                 {map[string]string{"TILL_ALLOWED_ORIGINS": "https://*.shop.example"}, "too wide"},
		"an origin with a slash":        {map[string]string{"TILL_ALLOWED_ORIGINS": "https://shop.example/"}, "no slash at the end"},
		"an origin in capitals":         {map[string]string{"TILL_ALLOWED_ORIGINS": "https://Shop.example"}, "lower case"},
		"an origin with a default port": {map[string]string{"TILL_ALLOWED_ORIGINS": "https://shop.example:443"}, "default port"},
		"a currency that is none":       {map[string]string{"TILL_CURRENCY": "abc"}, "TILL_CURRENCY must be"},
		"a least amount alone":          {map[string]string{"TILL_CLIENT_AMOUNT_MIN": "100"}, "TILL_CLIENT_AMOUNT_MAX is missing"},
		"a largest amount alone":        {map[string]string{"TILL_CLIENT_AMOUNT_MAX": "100"}, "TILL_CLIENT_AMOUNT_MIN is missing"},
		"bounds the wrong way round":    {map[string]string{"TILL_CLIENT_AMOUNT_MIN": "200", "TILL_CLIENT_AMOUNT_MAX": "100"}, "is larger than"},
		"a least amount below Stripe's": {map[string]string{"TILL_CLIENT_AMOUNT_MIN": "1", "TILL_CLIENT_AMOUNT_MAX": "100"}, "TILL_CLIENT_AMOUNT_MIN must be at least"},
		"mail without a sender":         {map[string]string{"TILL_SMTP_URL": "smtp://mail.example"}, "TILL_MAIL_FROM is missing"},
		"mail by another way":           {map[string]string{"TILL_SMTP_URL": "http://mail.example", "TILL_MAIL_FROM": "a@b.example"}, "TILL_SMTP_URL must be"},
		"a sender that is none":         {map[string]string{"TILL_MAIL_FROM": "nobody"}, "TILL_MAIL_FROM must be a mail address"},
		"staff without an address":      {map[string]string{"TILL_STAFF_EMAIL": "us"}, "TILL_STAFF_EMAIL must be a mail address"},
		"sweeping without a pause":      {map[string]string{"TILL_SWEEP_INTERVAL": "0s"}, "TILL_SWEEP_INTERVAL must be longer"},
		"sweeping calls under way":      {map[string]string{"TILL_SWEEP_AFTER": "5s"}, "TILL_SWEEP_AFTER must be longer"},
		"an address without a port":     {map[string]string{"TILL_ADDR": "localhost"}, "TILL_ADDR must be"},
		"a port out of range":           {map[string]string{"PORT": "70000"}, "PORT must be"},
		"a limit below none":            {map[string]string{"TILL_LIMIT_ORDER": "-1"}, "TILL_LIMIT_ORDER must be a number"},
		"a limit in words":              {map[string]string{"TILL_LIMIT_USER": "many"}, "TILL_LIMIT_USER"},
		"a network by name":             {map[string]string{"TILL_OUTBOUND_ALLOW": "localhost"}, `TILL_OUTBOUND_ALLOW: "localhost" must be an address or a range`},
		"every network":                 {map[string]string{"TILL_OUTBOUND_ALLOW": "10.0.0.0/8,0.0.0.0/0"}, `TILL_OUTBOUND_ALLOW: "0.0.0.0/0" is everybody: name your own networks`},
		"no tries":                      {map[string]string{"TILL_OUTBOUND_RETRIES": "5s,0s"}, "TILL_OUTBOUND_RETRIES must be longer than no time"},
		"too many tries":                {map[string]string{"TILL_OUTBOUND_RETRIES": strings.Repeat("5s,", 20) + "5s"}, "TILL_OUTBOUND_RETRIES must be 1 to 20 times"},
		"an endless request":            {map[string]string{"TILL_OUTBOUND_TIMEOUT": "21s"}, "TILL_OUTBOUND_TIMEOUT must be longer than no time and at most 20s"},
		"a proxy by name":               {map[string]string{"TILL_TRUSTED_PROXIES": "10.0.0.1,balancer"}, `TILL_TRUSTED_PROXIES: "balancer" must be an address or a range`},
		"everybody a proxy":             {map[string]string{"TILL_TRUSTED_PROXIES": "0.0.0.0/0"}, "is everybody"},
		"everybody a proxy by IPv6":     {map[string]string{"TILL_TRUSTED_PROXIES": "::/0"}, "is everybody"},
		"a proxy's IPv4 as IPv6":        {map[string]string{"TILL_TRUSTED_PROXIES": "::ffff:10.0.0.1"}, "must be written as IPv4"},
		"a proxy on a link":             {map[string]string{"TILL_TRUSTED_PROXIES": "fe80::1%eth0"}, "must be an address or a range"},
		"too few for the database":      {map[string]string{"TILL_DATABASE_CONNECTIONS": "3"}, "TILL_DATABASE_CONNECTIONS must be at least 4"},
		"no connections":                {map[string]string{"TILL_MAX_CONNECTIONS": "0"}, "TILL_MAX_CONNECTIONS must be at least 1"},
		"a level that is none":          {map[string]string{"TILL_LOG_LEVEL": "loud"}, "TILL_LOG_LEVEL must be"},
		"a format that is none":         {map[string]string{"TILL_LOG_FORMAT": "xml"}, "TILL_LOG_FORMAT must be"},
		"a misspelt variable":           {map[string]string{"TILL_CURRENCI": "eur"}, "TILL_CURRENCI is not a setting: did you mean TILL_CURRENCY?"},
		"a file that is not there":      {map[string]string{"STRIPE_SECRET_KEY": "-", "STRIPE_SECRET_KEY_FILE": "/nowhere"}, "STRIPE_SECRET_KEY_FILE: open /nowhere"},
		"a value and its file":          {map[string]string{"STRIPE_SECRET_KEY_FILE": "/nowhere"}, "STRIPE_SECRET_KEY and STRIPE_SECRET_KEY_FILE are both set"},
		"a duration that is none":       {map[string]string{"TILL_GUEST_TTL": "soon"}, "TILL_GUEST_TTL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, tc.changes)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestInvoiceSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "logo.png")
	write := func(width int) {
		t.Helper()
		var picture bytes.Buffer
		if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, width, 10))); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, picture.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(2000)
	for name, address := range map[string]string{"line breaks": "Hauptstraße 1\n\n 10115 Berlin \r\n", "escapes": `Hauptstraße 1\n10115 Berlin`} {
		c, err := load(t, map[string]string{"TILL_INVOICE_ADDRESS": address, "TILL_INVOICE_LOGO": file})
		if err != nil {
			t.Fatal(err)
		}
		if lines := c.InvoiceAddressLines(); !slices.Equal(lines, []string{"Hauptstraße 1", "10115 Berlin"}) {
			t.Errorf("%s: %q", name, lines)
		}
		if logo, err := c.ReadInvoiceLogo(); err != nil || len(logo) == 0 {
			t.Errorf("%d bytes, %v", len(logo), err)
		}
	}
	write(2001)
	if _, err := load(t, map[string]string{"TILL_INVOICE_LOGO": file}); err == nil || !strings.Contains(err.Error(), "2001 × 10 pixels: at most 2000") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(file, make([]byte, 512<<10+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, map[string]string{"TILL_INVOICE_LOGO": file}); err == nil || !strings.Contains(err.Error(), "is larger than 512 KiB") {
		t.Errorf("got %v", err)
	}
}

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	_, err := load(t, map[string]string{
		"DATABASE_URL": "-", "STRIPE_SECRET_KEY": "-", "STRIPE_PUBLISHABLE_KEY": "-", "STRIPE_WEBHOOK_SECRET": "-",
		"TILL_GUESTS": "-", "TILL_GUEST_SECRET": "-", "TILL_LOGLEVEL": "debug", "TILL_CURRENCY": "abc", "TILL_SMTP_URL": "x",
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET",
		"TILL_JWT_JWKS_URL", "TILL_LOGLEVEL", "TILL_CURRENCY", "TILL_SMTP_URL", "TILL_MAIL_FROM"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in:\n%v", want, err)
		}
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("sk_test_from_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, map[string]string{"STRIPE_SECRET_KEY": "-", "STRIPE_SECRET_KEY_FILE": file})
	if err != nil || string(c.StripeSecretKey) != "sk_test_from_file" {
		t.Errorf("got %q, %v", string(c.StripeSecretKey), err)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c, err := load(t, map[string]string{"STRIPE_SECRET_KEY": "sk_test_canary", "TILL_SMTP_URL": "smtp://u:canary@h", "TILL_MAIL_FROM": "a@b.example",
		"DATABASE_URL": "postgres://u:canary@h/d", "TILL_GUEST_SECRET": "canary" + strings.Repeat("x", 32), "STRIPE_WEBHOOK_SECRET": "whsec_canary"})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("settings", "config", c, "key", c.StripeSecretKey)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{log.String(), string(text), fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%s %q %v", c.StripeSecretKey, c.StripeSecretKey, &c.StripeSecretKey)} {
		if strings.Contains(printed, "canary") {
			t.Errorf("a secret in %s", printed)
		}
	}
	_, err = load(t, map[string]string{"DATABASE_URL": "postgres://u:canary%zz@h/d", "TILL_SMTP_URL": "smtp://u:canary%zz@h", "TILL_GUEST_SECRET": "canary", "STRIPE_SECRET_KEY": "canary",
		"STRIPE_WEBHOOK_SECRET": "canary", "TILL_JWT_JWKS_URL": "ftp://u:canary@h", "TILL_STRIPE_URL": "http://u:canary%zz@h", "TILL_JWT_SECRET": "canary"})
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a secret in %v", err)
	}
}
