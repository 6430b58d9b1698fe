// Package container holds Dockerfile and docker-compose.yml against the code
// where there is no container engine: the settings are ones that Till takes, the
// image's build command makes a static binary that runs by itself.
package container

import (
	"context"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"till/pkg/config"
)

const root = "../../"

// load reads docker-compose.yml as docker compose does, with its schema, its
// profiles and these variables in .env.
func load(t *testing.T, env map[string]string, profiles ...string) *types.Project {
	t.Helper()
	text, err := os.ReadFile(root + "docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: root, Environment: env, ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: text}},
	}, func(o *loader.Options) { o.Profiles = profiles })
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// dotenv is what docs/going-live.md asks for, with keys that are none.
var dotenv = map[string]string{
	"POSTGRES_PASSWORD": "0123456789abcdef", "STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_PUBLISHABLE_KEY": "pk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1",
	"TILL_JWT_JWKS_URL": "https://id.example.com/jwks.json", "TILL_JWT_ISSUER": "https://id.example.com", "TILL_JWT_AUDIENCE": "shop",
	"TILL_ALLOWED_ORIGINS": "https://shop.example.com",
}

// environment is a service's, as the process in the container gets it.
func environment(s types.ServiceConfig) map[string]string {
	out := map[string]string{}
	for name, value := range s.Environment {
		if value != nil {
			out[name] = *value
		}
	}
	return out
}

// serve reads an environment as `till serve` does. It changes the process's own,
// because kong reads no other.
func serve(t *testing.T, env map[string]string) (config.Config, error) {
	t.Helper()
	for f := range reflect.TypeFor[config.Config]().Fields() {
		t.Setenv(f.Tag.Get("env"), "")
		if err := os.Unsetenv(f.Tag.Get("env")); err != nil {
			t.Fatal(err)
		}
	}
	var environ []string
	for name, value := range env {
		t.Setenv(name, value)
		environ = append(environ, name+"="+value)
	}
	var cli struct {
		config.Config `embed:""`
	}
	parser, err := kong.New(&cli)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(nil); err != nil {
		return config.Config{}, err
	}
	return cli.Config, cli.Config.Load(environ)
}

func TestComposeSettingsAreTills(t *testing.T) {
	env := environment(load(t, dotenv).Services["till"])
	known := map[string]bool{}
	for f := range reflect.TypeFor[config.Config]().Fields() {
		known[f.Tag.Get("env")] = true
	}
	if len(env) < 15 {
		t.Fatalf("only %d settings are passed on", len(env))
	}
	for name := range env {
		if !known[name] {
			t.Errorf("%s is not a setting of Till", name)
		}
	}
	conf, err := serve(t, env)
	if err != nil {
		t.Fatal(err)
	}
	if string(conf.DatabaseURL) != "postgres://till:0123456789abcdef@postgres:5432/till" || conf.Listen() != ":8080" || !conf.MigrateOn() || conf.Livemode() {
		t.Errorf("%s %s migrate %t live %t", string(conf.DatabaseURL), conf.Listen(), conf.MigrateOn(), conf.Livemode())
	}
}

// Without a .env nothing is guessed: all that is missing is named.
func TestComposeHasNoSecretsOfItsOwn(t *testing.T) {
	project := load(t, nil)
	_, err := serve(t, environment(project.Services["till"]))
	if err == nil {
		t.Fatal("Till starts without settings")
	}
	for _, name := range []string{"STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "TILL_GUESTS"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in:\n%v", name, err)
		}
	}
	if password := environment(project.Services["postgres"])["POSTGRES_PASSWORD"]; password != "" {
		t.Errorf("Postgres has the password %q", password)
	}
}

func TestComposeServices(t *testing.T) {
	project := load(t, dotenv, "demo")
	if !slices.Equal(project.ServiceNames(), []string{"demo", "postgres", "till"}) {
		t.Fatal(project.ServiceNames())
	}
	pinned := regexp.MustCompile(`:[0-9]`)
	for name, s := range project.Services {
		if s.Build == nil && !pinned.MatchString(s.Image) {
			t.Errorf("%s runs %s, which says no version", name, s.Image)
		}
		if s.HealthCheck == nil && s.Build == nil {
			t.Errorf("nobody knows whether %s is well", name)
		}
		if s.Privileged || s.User == "root" || s.NetworkMode == "host" || s.Build != nil && (!s.ReadOnly || !slices.Contains(s.CapDrop, "ALL")) {
			t.Errorf("%s may do too much", name)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s is open to the network at %s", name, p.Published)
			}
		}
	}
	till := project.Services["till"]
	if waits := till.DependsOn["postgres"]; waits.Condition != types.ServiceConditionHealthy {
		t.Errorf("till starts when postgres is %q", waits.Condition)
	}
	conf, err := serve(t, environment(till))
	if err != nil {
		t.Fatal(err)
	}
	if got := till.Ports[0].Target; conf.Listen() != ":8080" || got != 8080 {
		t.Errorf("till listens on %s, and %d is published", conf.Listen(), got)
	}
	if !slices.Equal(till.Expose, types.StringOrNumberList{strings.TrimPrefix(conf.MetricsAddr, ":")}) {
		t.Errorf("metrics are at %s, and %v is exposed", conf.MetricsAddr, till.Expose)
	}
	if off := load(t, dotenv); slices.Contains(off.ServiceNames(), "demo") {
		t.Error("the demo runs unasked")
	}
}

// What stands in .env reaches Till, whichever setting it is; what the compose file
// itself decides is listed here.
func TestComposePassesOnEachSetting(t *testing.T) {
	decided := []string{"DATABASE_URL", "TILL_MIGRATE", "TILL_ADDR", "PORT", "TILL_METRICS_ADDR", "TILL_STRIPE_URL", "TILL_STRIPE_JS_URL", "TILL_CAPTCHA_URL"}
	env := map[string]string{}
	for f := range reflect.TypeFor[config.Config]().Fields() {
		if name := f.Tag.Get("env"); name != "" && !slices.Contains(decided, name) {
			env[name] = "set in .env"
		}
	}
	got := environment(load(t, maps.Clone(env)).Services["till"]) // the loader adds to it
	for name, value := range env {
		if got[name] != value {
			t.Errorf("%s is not passed on: %q", name, got[name])
		}
	}
	// Not set there is not set here: an empty number would be no number.
	conf, err := serve(t, environment(load(t, dotenv).Services["till"]))
	if err != nil || conf.LimitUser != 30 || conf.LogFormat != "json" || conf.StopDelay == 0 {
		t.Errorf("without them: %+v, %v", conf, err)
	}
}
