package docs

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v4"

	"till/cmd/app"
	"till/pkg/config"
	"till/pkg/store"
)

type metric struct{ name, help, labels string }

var desc = regexp.MustCompile(`^Desc\{fqName: "(till_[a-z_]+)", help: "(.*?)"(?:, unit: "[^"]*")?, constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)

// metrics are what a whole Till has registered, by name.
func metrics(t *testing.T) (out []metric) {
	t.Helper()
	db, err := store.Open("sqlite:" + filepath.Join(t.TempDir(), "till.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	registry := app.NewRegistry()
	_, err = app.New(t.Context(), config.Config{
		StripeSecretKey: "sk_test_1", StripeWebhookSecret: "whsec_1", Guests: "on", GuestSecret: "a-secret-of-guests-that-is-long-enough",
		GuestTTL: time.Hour, Currency: "eur", SweepInterval: time.Second, SweepAfter: time.Minute,
	}, db, app.Options{Log: slog.New(slog.DiscardHandler), Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	all := make(chan *prometheus.Desc)
	go func() { registry.Describe(all); close(all) }()
	for d := range all {
		if found := desc.FindStringSubmatch(d.String()); found != nil {
			labels := regexp.MustCompile(`[a-z_]+`).FindAllString(regexp.MustCompile(`="[^"]*"`).ReplaceAllString(found[3], "")+" "+found[4], -1)
			out = append(out, metric{found[1], found[2], strings.Join(labels, ", ")})
		}
	}
	slices.SortFunc(out, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	if len(out) < 12 {
		t.Fatalf("only %d metrics are found", len(out))
	}
	return out
}

// operations.md lists the metrics that there are.
func TestMetricsAreUpToDate(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| metric | labels | what it is |\n|---|---|---|\n")
	for _, m := range metrics(t) {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", m.name, m.labels, m.help)
	}
	compare(t, "operations.md", "metrics", table.String())
}

// alerts.yml asks for metrics and labels that there are.
func TestAlertsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for _, m := range metrics(t) {
		known[m.name] = m.labels
	}
	series := regexp.MustCompile(`(till_[a-z_]+)(?:\{([a-z]+)[=!~]+"[^"]*"\})?`)
	rules := 0
	for _, g := range file.Groups {
		for _, rule := range g.Rules {
			rules++
			found := series.FindAllStringSubmatch(rule.Expr, -1)
			if len(found) == 0 || rule.Alert == "" || rule.Annotations["summary"] == "" {
				t.Errorf("%q asks for nothing, or does not say what it means", rule.Alert)
			}
			for _, f := range found {
				labels, there := known[f[1]]
				if !there || f[2] != "" && !strings.Contains(labels, f[2]) {
					t.Errorf("%s asks for %s, which there is not", rule.Alert, f[0])
				}
			}
		}
	}
	if rules < 5 {
		t.Errorf("%d rules are read", rules)
	}
}

// The documents name settings that there are.
func TestDocumentsNameSettingsThatExist(t *testing.T) {
	t.Parallel()
	known := []string{"STRIPE_WEBHOOK_SECRET", "TILL_TEST_DATABASE_URL"}
	for _, s := range settings(t) {
		known = append(known, strings.Trim(s.variable, "`"))
	}
	variable := regexp.MustCompile(`\b(?:TILL|STRIPE|DATABASE)_[A-Z_]*[A-Z]\b`)
	for _, document := range []string{"architecture.md", "configuration.md", "going-live.md", "operations.md", "webhooks.md", "../README.md", "../SECURITY.md"} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range variable.FindAllString(string(text), -1) {
			if !slices.Contains(known, strings.TrimSuffix(name, "_FILE")) && name != "STRIPE" {
				t.Errorf("%s names %s, which is no setting", document, name)
			}
		}
	}
}
