// Package arrows holds who may import whom. It looks at the direct imports of
// production code; tests may reach anywhere.
package arrows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers, from the top down. A package imports from layers below its own.
var layers = [][]string{
	{"cmd"},
	{"api"},
	{"pkg/inbox", "pkg/reconcile"},
	{"pkg/checkout", "pkg/billing", "pkg/invoices"},
	{"pkg/payments"},
	{"pkg/customers", "pkg/catalog"},
	{"pkg/effects", "pkg/outbound"},
	{"pkg/gateway", "pkg/auth", "pkg/limits", "pkg/captcha", "pkg/idempotency", "pkg/timeline", "pkg/mail", "pkg/erasure"},
	{"pkg/store"},
	{"pkg/money", "pkg/problem", "pkg/config", "pkg/telemetry"},
}

// exceptions are arrows that do not point down, each for a reason.
var exceptions = map[[2]string]string{
	{"pkg/config", "pkg/auth"}:     "a public key that passes the check at start is one that the verifier can read",
	{"pkg/config", "pkg/money"}:    "a currency or amount that passes the check at start is one that can be charged",
	{"pkg/reconcile", "pkg/inbox"}: "the sweep retries deliveries that could not be applied",
}

// doors are modules that only some packages may import.
var doors = []struct {
	module string
	owners []string
}{
	{"github.com/stripe/stripe-go", []string{"pkg/gateway"}},
	{"github.com/stripe/stripe-mock", []string{"pkg/sandbox/internal/gentables", "pkg/sandbox/internal/conform"}},
	{"github.com/labstack/echo", []string{"api", "cmd"}},
	// cmd hands transactions from the inbox to the appliers; handlers never see one.
	{"gorm.io", []string{"cmd", "pkg"}},
}

// free packages stand beside the layers: everybody may import them, and they
// import none of Till.
var free = []string{"pkg/failpoint", "examples/react"}

const module = "till/"

// A listed package is what `go list -json` says of it.
type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	packages := list(t)
	if len(packages) < 20 {
		t.Fatalf("go list finds %d packages: the rule would hold nothing", len(packages))
	}
	for _, p := range packages {
		for _, fault := range faults(p) {
			t.Error(fault)
		}
	}
}

// What the rule refuses, so that it is seen to refuse.
func TestPlantedImports(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		from, to string
		refused  bool
	}{
		"a handler calls a service":                    {"till/api", "till/pkg/payments", false},
		"a service reads the store":                    {"till/pkg/payments", "till/pkg/store", false},
		"anybody marks a step":                         {"till/pkg/effects", "till/pkg/failpoint", false},
		"a subpackage is of its parent's layer":        {"till/api/openapi", "till/pkg/problem", false},
		"siblings within one package":                  {"till/cmd/till", "till/cmd/app", false},
		"the sandbox counts money":                     {"till/pkg/sandbox", "till/pkg/money", false},
		"the gateway speaks to Stripe":                 {"till/pkg/gateway", "github.com/stripe/stripe-go/v76", false},
		"end-to-end tests reach anywhere":              {"till/e2e/rig", "till/cmd/app", false},
		"a service knows HTTP":                         {"till/pkg/payments", "till/api", true},
		"the store knows a domain":                     {"till/pkg/store", "till/pkg/payments", true},
		"effects know a domain":                        {"till/pkg/effects", "till/pkg/payments", true},
		"the sender of events knows a domain":          {"till/pkg/outbound", "till/pkg/payments", true},
		"payments tell the app's backend":              {"till/pkg/payments", "till/pkg/outbound", false},
		"one neighbour uses another":                   {"till/pkg/mail", "till/pkg/timeline", true},
		"the inbox uses the sweep":                     {"till/pkg/inbox", "till/pkg/reconcile", true},
		"a handler starts the command":                 {"till/api", "till/cmd/app", true},
		"the sandbox knows Till's rules":               {"till/pkg/sandbox", "till/pkg/payments", true},
		"Till needs the sandbox outside of the demo":   {"till/pkg/gateway", "till/pkg/sandbox", true},
		"production needs the end-to-end tests":        {"till/cmd/till", "till/e2e/rig", true},
		"a package that no layer names":                {"till/pkg/helpers", "till/pkg/money", true},
		"a package uses one that no layer names":       {"till/pkg/payments", "till/pkg/helpers", true},
		"a name that only begins like a layer's":       {"till/pkg/storekeeper", "till/pkg/money", true},
		"Stripe's library outside of the gateway":      {"till/pkg/payments", "github.com/stripe/stripe-go/v76/webhook", true},
		"Stripe's description in the running sandbox":  {"till/pkg/sandbox", "github.com/stripe/stripe-mock/embedded", true},
		"Echo below the edge":                          {"till/pkg/payments", "github.com/labstack/echo/v4", true},
		"a handler queries the database":               {"till/api", "gorm.io/gorm", true},
		"a failpoint that needs Till":                  {"till/pkg/failpoint", "till/pkg/store", true},
		"a package outside the layers imports a layer": {"till/bench/load", "till/pkg/money", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := faults(listed{ImportPath: tc.from, Imports: []string{tc.to}})
			if tc.refused != (len(found) > 0) {
				t.Errorf("%s → %s: %v", tc.from, tc.to, found)
			}
		})
	}
}

// Each exception is still used; else it would allow what nobody needs.
func TestExceptionsAreUsed(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for arrow := range exceptions {
		used := slices.ContainsFunc(packages, func(p listed) bool {
			return p.ImportPath == module+arrow[0] && slices.Contains(p.Imports, module+arrow[1])
		})
		if !used {
			t.Errorf("%s → %s is not used any more: take the exception away", arrow[0], arrow[1])
		}
	}
}

func faults(p listed) []string {
	from, ours := strings.CutPrefix(p.ImportPath, module)
	if !ours || under(from, "e2e") {
		return nil // tests of the whole
	}
	var out []string
	for _, imported := range p.Imports {
		if why := refuse(from, imported); why != "" {
			out = append(out, fmt.Sprintf("%s imports %s: %s", from, strings.TrimPrefix(imported, module), why))
		}
	}
	return out
}

// refuse says why not, or nothing.
func refuse(from, imported string) string {
	to, ours := strings.CutPrefix(imported, module)
	if !ours {
		for _, d := range doors {
			if under(imported, d.module) && !slices.ContainsFunc(d.owners, func(o string) bool { return under(from, o) }) {
				return "only " + strings.Join(d.owners, " and ") + " may"
			}
		}
		return ""
	}
	switch {
	case exceptions[[2]string{from, to}] != "", layerName(from) != "" && layerName(from) == layerName(to):
		return ""
	case under(from, "pkg/sandbox"):
		if under(to, "pkg/sandbox") || to == "pkg/money" {
			return ""
		}
		return "of Till the sandbox may import pkg/money alone"
	case slices.Contains(free, from):
		return "it stands beside the layers and needs none of them"
	case slices.Contains(free, to):
		return ""
	case under(to, "pkg/sandbox"):
		if under(from, "cmd") {
			return ""
		}
		return "only commands may run the sandbox"
	}
	a, b := layer(from), layer(to)
	switch {
	case a < 0:
		return from + " is in no layer"
	case b < 0:
		return to + " is in no layer"
	case a >= b:
		return "imports point down"
	}
	return ""
}

// layer is the row of layers that a package belongs to, -1 for none.
func layer(path string) int {
	return slices.IndexFunc(layers, func(row []string) bool {
		return slices.ContainsFunc(row, func(name string) bool { return under(path, name) })
	})
}

// layerName is the entry of layers that a package is or lies under.
func layerName(path string) string {
	for _, row := range layers {
		for _, name := range row {
			if under(path, name) {
				return name
			}
		}
	}
	return ""
}

func under(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// list are the packages of the repository, test support among them.
func list(t *testing.T) []listed {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "till/...")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages
		case err != nil:
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
