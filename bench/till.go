package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/golang-jwt/jwt/v5"
)

const (
	userSecret = "a-secret-of-users-that-is-long-enough"
	userIssuer = "https://login.example.com"
)

// settings are Till's as they would be in production, with limits that are on and
// never reached.
func (b *bench) settings(db engineDB, stripe *process) []string {
	return []string{
		"TILL_ADDR={addr}", "DATABASE_URL=" + db.url, "TILL_STRIPE_URL=" + stripe.url,
		"STRIPE_SECRET_KEY=sk_test_bench", "STRIPE_PUBLISHABLE_KEY=pk_test_bench", "STRIPE_WEBHOOK_SECRET=" + webhookSecret,
		"TILL_JWT_SECRET=" + userSecret, "TILL_JWT_ISSUER=" + userIssuer, "TILL_JWT_AUDIENCE=shop",
		"TILL_SMTP_URL=smtp://" + b.smtp, "TILL_MAIL_FROM=shop@example.com", "TILL_CURRENCY=eur",
		"TILL_METRICS_ADDR=" + b.metrics, "TILL_SWEEP_AFTER=10m", // what waits for its turn is not read from the stub
		"TILL_LIMIT_USER=1000000000", "TILL_LIMIT_ADDRESS=1000000000", "TILL_LIMIT_ORDER=1000000000",
	}
}

// till runs the real binary on a migrated database, with the stub's catalogue.
func (b *bench) till(db engineDB, stripe *process) (*process, error) {
	env := b.settings(db, stripe)
	for _, command := range [][]string{{"migrate", "up"}, {"sync", "catalog"}} {
		c := exec.Command(b.binary, command...)
		c.Env = append(os.Environ(), env...)
		if out, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("till %v: %w\n%s", command, err, out)
		}
	}
	return start("till", b.folder, "/readyz", env, b.binary, "serve")
}

func (b *bench) stub(latency time.Duration) (*process, error) {
	return start("stub", b.folder, "/health", nil, b.self, "stub", "--addr={addr}", "--latency="+latency.String())
}

func (b *bench) proxy(to *process) (*process, error) {
	return start("proxy", b.folder, "/health", nil, b.self, "proxy", "--addr={addr}", "--target="+to.url)
}

// user is a token of one of the app's users.
func user(sub string) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": userIssuer, "aud": "shop", "sub": sub, "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString([]byte(userSecret))
}

// swallowMail runs a mail server that takes everything, and returns its address.
func swallowMail() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := smtp.NewServer(swallow{})
	s.Domain = "localhost"
	s.ErrorLog = quiet{}
	go func() { _ = s.Serve(l) }()
	return l.Addr().String(), nil
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

type swallow struct{}

func (swallow) NewSession(*smtp.Conn) (smtp.Session, error) { return swallow{}, nil }
func (swallow) Reset()                                      {}
func (swallow) Logout() error                               { return nil }
func (swallow) Mail(string, *smtp.MailOptions) error        { return nil }
func (swallow) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (swallow) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
