package serve

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// A Till that is set up wrongly says all that is wrong, and touches nothing.
func TestWrongSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		changes map[string]string
		want    []string // each named on stderr
	}{
		"nothing but the database": {
			map[string]string{"STRIPE_SECRET_KEY": "-", "STRIPE_PUBLISHABLE_KEY": "-", "STRIPE_WEBHOOK_SECRET": "-", "TILL_GUESTS": "-", "TILL_GUEST_SECRET": "-"},
			[]string{"STRIPE_SECRET_KEY is missing", "STRIPE_PUBLISHABLE_KEY is missing", "STRIPE_WEBHOOK_SECRET is missing", "TILL_JWT_JWKS_URL", "TILL_GUESTS=on"},
		},
		"no webhook secret":          {map[string]string{"STRIPE_WEBHOOK_SECRET": "-"}, []string{"STRIPE_WEBHOOK_SECRET"}},
		"an empty secret key":        {map[string]string{"STRIPE_SECRET_KEY": ""}, []string{"STRIPE_SECRET_KEY"}},
		"keys of two modes":          {map[string]string{"STRIPE_SECRET_KEY": "sk_live_1", "TILL_STRIPE_URL": "-"}, []string{"STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY"}},
		"keys that are swapped":      {map[string]string{"STRIPE_SECRET_KEY": "pk_test_1", "STRIPE_PUBLISHABLE_KEY": "sk_test_1"}, []string{"STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY"}},
		"live at the sandbox":        {map[string]string{"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_PUBLISHABLE_KEY": "pk_live_1"}, []string{"TILL_STRIPE_URL"}},
		"two kinds of user keys":     {map[string]string{"TILL_JWT_SECRET": strings.Repeat("j", 32), "TILL_JWT_JWKS_URL": "https://x.example/keys"}, []string{"TILL_JWT_SECRET", "TILL_JWT_JWKS_URL", "TILL_JWT_ISSUER", "TILL_JWT_AUDIENCE"}},
		"guests without secret":      {map[string]string{"TILL_GUEST_SECRET": "-"}, []string{"TILL_GUEST_SECRET"}},
		"weak secrets":               {map[string]string{"TILL_GUEST_SECRET": "weak", "TILL_JWT_SECRET": "weak", "TILL_JWT_ISSUER": "i", "TILL_JWT_AUDIENCE": "a"}, []string{"TILL_GUEST_SECRET", "TILL_JWT_SECRET"}},
		"one secret for both":        {map[string]string{"TILL_GUEST_SECRET": strings.Repeat("s", 32), "TILL_JWT_SECRET": strings.Repeat("s", 32), "TILL_JWT_ISSUER": "i", "TILL_JWT_AUDIENCE": "a"}, []string{"TILL_GUEST_SECRET", "TILL_JWT_SECRET"}},
		"nobody can call":            {map[string]string{"TILL_GUESTS": "off"}, []string{"TILL_JWT_JWKS_URL", "TILL_JWT_PUBLIC_KEY", "TILL_JWT_SECRET", "TILL_GUESTS"}},
		"half of the bounds":         {map[string]string{"TILL_CLIENT_AMOUNT_MIN": "100"}, []string{"TILL_CLIENT_AMOUNT_MAX"}},
		"bounds in disorder":         {map[string]string{"TILL_CLIENT_AMOUNT_MIN": "200", "TILL_CLIENT_AMOUNT_MAX": "100"}, []string{"TILL_CLIENT_AMOUNT_MIN", "TILL_CLIENT_AMOUNT_MAX"}},
		"mail without a sender":      {map[string]string{"TILL_SMTP_URL": "smtp://mail.example"}, []string{"TILL_MAIL_FROM"}},
		"any origin":                 {map[string]string{"TILL_ALLOWED_ORIGINS": "https://shop.example,*"}, []string{"TILL_ALLOWED_ORIGINS"}},
		"a misspelt variable":        {map[string]string{"TILL_CURENCY": "eur"}, []string{"TILL_CURENCY", "TILL_CURRENCY"}},
		"migrate neither on nor off": {map[string]string{"TILL_MIGRATE": "yes"}, []string{"TILL_MIGRATE"}},
		"a word for a number":        {map[string]string{"TILL_CLIENT_AMOUNT_MIN": "much"}, []string{"TILL_CLIENT_AMOUNT_MIN"}},
		"a word for a time":          {map[string]string{"TILL_WEBHOOK_TOLERANCE": "soon"}, []string{"TILL_WEBHOOK_TOLERANCE"}},
		"words beside other faults": {
			map[string]string{"TILL_WEBHOOK_TOLERANCE": "soon", "TILL_GUEST_TTL": "long", "TILL_CLIENT_AMOUNT_MAX": "much", "TILL_CURRENCY": "abc", "STRIPE_SECRET_KEY": "-"},
			[]string{`TILL_WEBHOOK_TOLERANCE must be a duration such as 30s or 5m, not "soon"`, "TILL_GUEST_TTL", "TILL_CLIENT_AMOUNT_MAX must be a whole number", "TILL_CURRENCY", "STRIPE_SECRET_KEY"},
		},
		"a value and its file": {map[string]string{"STRIPE_SECRET_KEY_FILE": "/nowhere"}, []string{"STRIPE_SECRET_KEY_FILE"}},
		"many at once": {
			map[string]string{"STRIPE_SECRET_KEY": "hello", "STRIPE_PUBLISHABLE_KEY": "-", "STRIPE_WEBHOOK_SECRET": " , ", "TILL_WEBHOOK_TOLERANCE": "0s", "TILL_ADDR": "here", "PORT": "99999", "TILL_CURRENCY": "abc",
				"TILL_SMTP_URL": "http://x", "TILL_STAFF_EMAIL": "us", "TILL_SWEEP_INTERVAL": "0s", "TILL_SWEEP_AFTER": "1s", "TILL_LOG_LEVEL": "loud", "TILL_LOG_FORMAT": "xml", "TILL_GUEST_TTL": "-1h", "TILL_JWT_PUBLIC_KEY": "hello"},
			[]string{"STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "TILL_WEBHOOK_TOLERANCE", "TILL_ADDR", "PORT", "TILL_CURRENCY", "TILL_SMTP_URL", "TILL_MAIL_FROM", "TILL_STAFF_EMAIL",
				"TILL_SWEEP_INTERVAL", "TILL_SWEEP_AFTER", "TILL_LOG_LEVEL", "TILL_LOG_FORMAT", "TILL_GUEST_TTL", "TILL_JWT_PUBLIC_KEY", "TILL_JWT_ISSUER", "TILL_JWT_AUDIENCE"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			server := newWatched(t)
			for _, database := range []string{"sqlite:" + filepath.Join(folder, "till.db"), "postgres://till:secret@" + server.addr + "/till"} {
				changes := map[string]string{"DATABASE_URL": database, "TILL_MIGRATE": "on"}
				for k, v := range tc.changes {
					changes[k] = v
				}
				refused(t, settings(changes), tc.want)
			}
			if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
				t.Errorf("SQLite was touched: %v %v", left, err)
			}
			if n := server.calls.Load(); n > 0 {
				t.Errorf("Postgres was called %d times", n)
			}
		})
	}
}

// refused runs till serve, which has to name each of want and end.
func refused(t *testing.T, env, want []string) {
	t.Helper()
	code, stdout, stderr := run(t, env, "serve")
	if code == 0 {
		t.Error("the exit code is 0")
	}
	for _, w := range want {
		if !strings.Contains(stderr, w) {
			t.Errorf("%s is not named in:\n%s", w, stderr)
		}
	}
	if strings.Contains(stderr+stdout, "listening") {
		t.Error("it has listened")
	}
	for _, secret := range []string{"the-guests-of-these-tests", "till:secret@", "whsec_serve", "sk_test_serve"} {
		if strings.Contains(stderr+stdout, secret) {
			t.Errorf("%s is shown", secret)
		}
	}
}

func TestDatabaseIsRequired(t *testing.T) {
	for name, value := range map[string]string{"missing": "-", "of another kind": "mysql://localhost/till", "without a file": "sqlite:", "without a name": "postgres://localhost"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, settings(map[string]string{"DATABASE_URL": value}), []string{"DATABASE_URL"})
		})
	}
	t.Run("together with all else", func(t *testing.T) {
		t.Parallel()
		refused(t, nil, []string{"DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "TILL_JWT_JWKS_URL"})
	})
}

// watched stands where Postgres would, and counts who calls.
type watched struct {
	addr  string
	calls atomic.Int64
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{addr: l.Addr().String()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.calls.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return w
}

// The demo is for play money. It says so before it makes or opens anything.
func TestDemoRefusesRealKeys(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		want string
	}{
		"a live key":                   {[]string{"STRIPE_SECRET_KEY=sk_live_1", "STRIPE_PUBLISHABLE_KEY=pk_live_1"}, "STRIPE_SECRET_KEY is a live key"},
		"a live key beside a test key": {[]string{"STRIPE_SECRET_KEY=sk_live_1", "STRIPE_PUBLISHABLE_KEY=pk_test_1"}, "STRIPE_SECRET_KEY is a live key"},
		"a restricted live key":        {[]string{"STRIPE_SECRET_KEY=rk_live_1", "STRIPE_PUBLISHABLE_KEY=pk_live_1"}, "STRIPE_SECRET_KEY is a live key"},
		"no publishable key":           {[]string{"STRIPE_SECRET_KEY=sk_test_1"}, "STRIPE_PUBLISHABLE_KEY"},
		"a live publishable key":       {[]string{"STRIPE_SECRET_KEY=sk_test_1", "STRIPE_PUBLISHABLE_KEY=pk_live_1"}, "STRIPE_PUBLISHABLE_KEY"},
		"a key that is none":           {[]string{"STRIPE_SECRET_KEY=hello", "STRIPE_PUBLISHABLE_KEY=pk_test_1"}, "STRIPE_SECRET_KEY must be sk_test_"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(t.TempDir(), "data")
			code, stdout, stderr := run(t, tc.env, "demo", "--data", data, "--addr", "127.0.0.1:0", "--sandbox-addr", "127.0.0.1:0")
			if code == 0 || !strings.Contains(stderr, tc.want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
			if _, err := os.Stat(data); !os.IsNotExist(err) {
				t.Errorf("it has made its folder: %v", err)
			}
		})
	}
}

func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	taken := l.Addr().String()
	for name, tc := range map[string]struct {
		env  []string
		args []string
	}{
		"serve":              {settings(map[string]string{"TILL_ADDR": taken, "DATABASE_URL": "sqlite:till.db", "TILL_MIGRATE": "on"}), []string{"serve"}},
		"the sandbox":        {nil, []string{"sandbox", "--addr", taken}},
		"the demo":           {nil, []string{"demo", "--addr", taken, "--sandbox-addr", "127.0.0.1:0"}},
		"the demo's sandbox": {nil, []string{"demo", "--addr", "127.0.0.1:0", "--sandbox-addr", taken}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, tc.env, tc.args...)
			code, said := p.End(t).ExitCode(), p.Log.String()
			if code == 0 || strings.Count(said, "\n") != 1 || !strings.Contains(said, taken) || !strings.Contains(said, "in use") || p.Out.String() != "" {
				t.Errorf("exit code %d\n%s%s", code, p.Out.String(), said)
			}
			if left, err := os.ReadDir(p.Dir); err != nil || len(left) > 0 {
				t.Errorf("it has left %v behind (%v)", left, err)
			}
		})
	}
}
