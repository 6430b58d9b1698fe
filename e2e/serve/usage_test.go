package serve

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"till/pkg/sandbox"
)

// Whoever calls it wrongly is told in a line or two what to do: exit code 2 for a
// call that cannot be read, 1 for one that fails.
func TestWrongCallsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args string
		env  []string
		code int
		want string
	}{
		"a command that is none":       {"pay", nil, 2, "unexpected argument pay"},
		"half a command":               {"migrate", nil, 2, "`till migrate --help`"},
		"a flag that is none":          {"serve --fast", nil, 2, "unknown flag --fast"},
		"migrating nothing":            {"migrate up", nil, 1, "Set DATABASE_URL"},
		"listing the steps of nothing": {"migrate status", nil, 1, "Set DATABASE_URL"},
		"a database that is none":      {"migrate up", []string{"DATABASE_URL=mysql://x"}, 1, "DATABASE_URL must be"},
		"a file that is not there":     {"migrate up", []string{"DATABASE_URL_FILE=/nowhere"}, 1, "DATABASE_URL_FILE: open /nowhere"},
		"mirroring without a key":      {"sync catalog", []string{"DATABASE_URL=sqlite:x.db"}, 1, "STRIPE_SECRET_KEY is missing"},
		"mirroring with another key":   {"sync catalog", []string{"DATABASE_URL=sqlite:x.db", "STRIPE_SECRET_KEY=pk_test_1"}, 1, "STRIPE_SECRET_KEY must be"},
		"an endpoint without a key":    {"webhooks setup --url https://till.example.com/webhooks/stripe", nil, 1, "STRIPE_SECRET_KEY is missing"},
		"a Till that is not there":     {"health --url http://127.0.0.1:1/readyz", nil, 1, "refused"},
		"a port that is none":          {"health", []string{"TILL_ADDR=8080"}, 1, "TILL_ADDR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t, tc.env, strings.Fields(tc.args)...)
			if code != tc.code || !strings.Contains(stderr, tc.want) || !strings.HasPrefix(stderr, "till: ") || strings.Count(stderr, "\n") > 2 || stdout != "" {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
		})
	}
}

// Every command that the help lists explains itself, and so does each flag.
func TestHelpLeadsEverywhere(t *testing.T) {
	t.Parallel()
	code, help, _ := run(t, nil)
	commands := regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)?)  +[A-Z]`).FindAllStringSubmatch(help, -1)
	if code != 0 || len(commands) < 8 {
		t.Fatalf("exit code %d, %d commands in\n%s", code, len(commands), help)
	}
	for _, c := range commands {
		code, text, stderr := run(t, nil, append(strings.Fields(c[1]), "--help")...)
		if code != 0 || stderr != "" || !strings.HasPrefix(text, "Usage: till "+c[1]) {
			t.Errorf("till %s --help: exit code %d\n%s%s", c[1], code, text, stderr)
		}
		if bare := regexp.MustCompile(`(?m)^ +--[a-z-]+(=\S+)?$\n +--`).FindString(text); bare != "" {
			t.Errorf("till %s --help does not say what this is for: %s", c[1], bare)
		}
	}
	if code, version, _ := run(t, nil, "--version"); code != 0 || strings.TrimSpace(version) == "" {
		t.Errorf("--version: exit code %d, %q", code, version)
	}
}

func TestHealthRepeatsWhatTillSays(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ status, code int }{
		"well": {http.StatusOK, 0}, "not ready": {http.StatusServiceUnavailable, 1}, "somebody else": {http.StatusNotFound, 1},
	} {
		till := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/readyz" {
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte("the schema is old\n"))
			}
		}))
		defer till.Close()
		address := strings.TrimPrefix(till.URL, "http://")
		code, stdout, stderr := run(t, []string{"TILL_ADDR=" + address}, "health")
		if code != tc.code || !strings.Contains(stdout+stderr, "the schema is old") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, stdout, stderr)
		}
	}
}

// Commands read secrets from files as `till serve` does.
func TestCommandsReadSecretFiles(t *testing.T) {
	t.Parallel()
	box, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	stripe := httptest.NewServer(box)
	defer stripe.Close()
	dir := t.TempDir()
	var env []string
	for name, value := range map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(dir, "till.db"), "STRIPE_SECRET_KEY": "sk_test_file"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"_FILE="+file)
	}
	for _, args := range []string{"migrate up", "sync catalog --stripe-url " + stripe.URL} {
		if code, stdout, stderr := run(t, env, strings.Fields(args)...); code != 0 {
			t.Errorf("till %s: exit code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

// Metrics are where they are asked for, before Till is ready, and not among the
// API's routes.
func TestMetricsHaveAListenerOfTheirOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, settings(map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(dir, "till.db"), "TILL_METRICS_ADDR": "127.0.0.1:0"}), "serve")
	public := p.URL(t)
	at := regexp.MustCompile(`"metrics_addr":"([0-9.:]+)"`)
	p.Until(t, "it says where metrics are", func() bool { return at.MatchString(p.Log.String()) })
	metrics := "http://" + at.FindStringSubmatch(p.Log.String())[1]
	if a := get(t, metrics+"/metrics"); a.status != 200 || !strings.Contains(a.body, "till_build_info{version=") || !strings.Contains(a.body, "go_goroutines") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
	if a := get(t, public+"/metrics"); a.status == 200 {
		t.Errorf("the public can read metrics:\n%s", a.body)
	}
	if a := get(t, metrics+"/payments/pay_1"); a.status != 404 {
		t.Errorf("the API answers %d at the metrics' address", a.status)
	}
}

// A collector gets what was traced, the last of it at the stop.
func TestTracesAreSentBeforeTheEnd(t *testing.T) {
	t.Parallel()
	got := make(chan string, 16)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-protobuf")
		got <- r.Method + " " + r.URL.Path + " " + string(body)
	}))
	defer collector.Close()
	p := start(t, settings(map[string]string{
		"DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "till.db"), "TILL_MIGRATE": "on", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_BSP_SCHEDULE_DELAY": "600000",
	}), "serve")
	url := p.URL(t)
	p.Until(t, "it is ready", func() bool { return get(t, url+"/readyz").status == 200 })
	p.Stop(t, os.Interrupt)
	select {
	case sent := <-got:
		if !strings.HasPrefix(sent, "POST /v1/traces ") || !strings.Contains(sent, "GET /readyz") || !strings.Contains(sent, "service.name") {
			t.Errorf("sent %q", sent)
		}
	default:
		t.Error("nothing was sent")
	}
}

// The documents name commands that there are.
func TestDocumentsNameCommandsThatExist(t *testing.T) {
	t.Parallel()
	_, help, _ := run(t, nil)
	named := regexp.MustCompile("(?m)(?:`|^)till ([a-z]+(?: [a-z]+)?)")
	found := 0
	for _, document := range []string{"README.md", "SECURITY.md", "docs/going-live.md", "docs/operations.md", "docs/configuration.md"} {
		text, err := os.ReadFile("../../" + document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			found++
			command, _, _ := strings.Cut(m[1], " ")
			if !strings.Contains(help, "\n  "+m[1]+" ") && !strings.Contains(help, "\n  "+command+"  ") && !(command == m[1] && strings.Contains(help, "\n  "+command+" ")) {
				t.Errorf("%s names till %s", document, m[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("%d commands are named", found)
	}
}
