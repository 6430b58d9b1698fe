// Package docs keeps the documents true that repeat what the code says.
package docs

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated parts anew")

// configuration.md lists the settings as pkg/config declares and explains them.
func TestConfigurationIsUpToDate(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| variable | flag | default | what it does |\n|---|---|---|---|\n")
	for _, s := range settings(t) {
		table.WriteString(fmt.Sprintf("| %s | %s | %s | %s |\n", s.variable, s.flag, s.byDefault, s.text))
	}
	compare(t, "configuration.md", "settings", table.String())
}

// architecture.md shows the moves that the payments' rule knows.
func TestMovesAreUpToDate(t *testing.T) {
	t.Parallel()
	file := parse(t, "../pkg/payments/transition.go")
	words := statusWords(t, parse(t, "../pkg/payments/payment.go"))
	var table strings.Builder
	table.WriteString("| from | to |\n|---|---|\n")
	rows := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "moves" {
			return true
		}
		for _, element := range spec.Values[0].(*ast.CompositeLit).Elts {
			row := element.(*ast.KeyValueExpr)
			var to []string
			for _, status := range row.Value.(*ast.CompositeLit).Elts {
				to = append(to, "`"+words[status.(*ast.Ident).Name]+"`")
			}
			fmt.Fprintf(&table, "| `%s` | %s |\n", words[row.Key.(*ast.Ident).Name], strings.Join(to, ", "))
			rows++
		}
		return false
	})
	if rows < 6 {
		t.Fatalf("found %d rows of moves in pkg/payments/transition.go", rows)
	}
	compare(t, "architecture.md", "moves", table.String())
}

// Every path that a document names is there.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	t.Parallel()
	path := regexp.MustCompile("`((?:api|cmd|pkg|e2e|docs|examples)/[a-zA-Z0-9_./-]*)`")
	for _, document := range []string{"architecture.md", "configuration.md", "going-live.md", "invoices.md", "mails.md", "operations.md", "sandbox.md", "webhooks.md", "../README.md", "../SECURITY.md"} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range path.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat("../" + found[1]); err != nil {
				t.Errorf("%s names %s: %v", document, found[1], err)
			}
		}
	}
}

type setting struct{ variable, flag, byDefault, text string }

// settings reads the struct with its comments, which say more than the flags' help.
func settings(t *testing.T) []setting {
	t.Helper()
	file := parse(t, "../pkg/config/config.go")
	var out []setting
	variables := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Config" {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`"))
			variable := "`" + tag.Get("env") + "`"
			variables[field.Names[0].Name] = variable
			s := setting{variable: variable}
			if _, hidden := tag.Lookup("hidden"); !hidden {
				s.flag = "`--" + tag.Get("name") + "`"
			}
			if d := tag.Get("default"); d != "" {
				s.byDefault = "`" + d + "`"
			}
			if field.Doc != nil {
				s.text = strings.Join(strings.Fields(field.Doc.Text()), " ")
			} else {
				s.text = "See the row above."
			}
			out = append(out, s)
		}
		return false
	})
	if len(out) < 20 {
		t.Fatalf("found %d settings in pkg/config/config.go", len(out))
	}
	word := regexp.MustCompile(`[A-Z][A-Za-z]+`)
	for i := range out {
		out[i].text = word.ReplaceAllStringFunc(out[i].text, func(name string) string {
			if variable := variables[name]; variable != "" {
				return variable
			}
			return name
		})
		out[i].text = strings.ReplaceAll(out[i].text, "|", `\|`)
		for _, is := range []string{" is ", " are "} {
			out[i].text = strings.TrimPrefix(out[i].text, out[i].variable+is) // the row says which
		}
	}
	return out
}

// statusWords are the values of the constants of type Status.
func statusWords(t *testing.T, file *ast.File) map[string]string {
	t.Helper()
	words := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Status" {
			words[spec.Names[0].Name] = strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)
		}
		return true
	})
	return words
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// compare holds the part of a document between its two markers against want, or
// writes it with -update.
func compare(t *testing.T, document, part, want string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "<!-- "+part+" -->\n")
	got, after, ok2 := strings.Cut(rest, "<!-- end -->\n")
	switch {
	case !ok || !ok2:
		t.Fatalf("%s has no part %q between <!-- %s --> and <!-- end -->", document, part, part)
	case got == want:
	case *update:
		if err := os.WriteFile(document, []byte(before+"<!-- "+part+" -->\n"+want+"<!-- end -->\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what the code says: run `make generate`. It should say:\n%s", document, want)
	}
}
