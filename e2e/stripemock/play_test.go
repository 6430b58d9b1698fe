package stripemock

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// otherVersion are the gateway's methods that send another Stripe-Version than Till's,
// and why.
var otherVersion = map[string]string{
	"CreateEphemeralKey": "an app's SDK reads the key, in the version that it speaks",
}

// count is what came of an operation's requests.
type count struct{ shapes, taken, refused int }

func TestStripeTakesWhatTillAsks(t *testing.T) {
	calls, err := Read("../out/requests")
	if err != nil {
		t.Fatal(err)
	}
	quietly(t)
	mock, err := NewMock()
	if err != nil {
		t.Fatal(err)
	}
	methods, ops := operations(t, "../../pkg/gateway")
	byMethod, byOp := map[string]*count{}, map[string]int{}
	for _, name := range methods {
		byMethod[name] = &count{}
	}
	for _, c := range calls {
		if c.By == "" || c.ByToken() {
			continue // v185's
		}
		n := byMethod[c.By]
		if n == nil {
			t.Errorf("a request of %s, which the gateway does not have", c.By)
			continue
		}
		n.shapes++
		status, refusal := mock.Play(c, otherVersion[c.By] != "")
		switch {
		case status < 300:
			n.taken++
			byOp[c.Op]++
		case c.Status < 300:
			t.Errorf("%s: the sandbox takes what stripe-mock refuses with %d: %s %s?%s %q\n%s", c.By, status, c.Method, c.Path, c.Query, c.Body, refusal)
		default:
			n.refused++ // a test that asks for something wrong: both say so
		}
	}
	var report strings.Builder
	fmt.Fprintf(&report, "Till's requests to Stripe, by shape, held against stripe-mock of 2023-10-16:\n")
	for _, name := range slices.Sorted(maps.Keys(byMethod)) {
		n := byMethod[name]
		fmt.Fprintf(&report, "%5d  %-22s %d taken, %d refused by both\n", n.shapes, name, n.taken, n.refused)
		if n.taken == 0 {
			t.Errorf("no test has Till call gateway.%s with success: nothing holds it against Stripe's description", name)
		}
	}
	for _, op := range ops {
		if byOp[op] == 0 {
			t.Errorf("no test has Till %s", op)
		}
	}
	fmt.Fprintf(&report, "%5d  operations in %d methods\n", len(ops), len(methods))
	if err := os.WriteFile("../out/stripemock.txt", []byte(report.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A judge that takes everything judges nothing.
func TestStripeMockRefuses(t *testing.T) {
	quietly(t)
	mock, err := NewMock()
	if err != nil {
		t.Fatal(err)
	}
	const form = "application/x-www-form-urlencoded"
	good := Call{Method: "POST", Path: "/v1/payment_intents", ContentType: form, Version: "2023-10-16", Body: []byte("amount=1800&currency=eur")}
	if status, refusal := mock.Play(good, false); status != 200 {
		t.Fatalf("%d %s", status, refusal)
	}
	for name, change := range map[string]func(c *Call){
		"a parameter that is not there": func(c *Call) { c.Body = []byte("amount=1800&currency=eur&price=3") },
		"an amount that is a word":      func(c *Call) { c.Body = []byte("amount=much&currency=eur") },
		"a word that is not one of the list": func(c *Call) {
			c.Body = []byte("amount=1800&currency=eur&capture_method=never")
		},
		"a missing parameter":        func(c *Call) { c.Body = []byte("amount=1800") },
		"a path that is not there":   func(c *Call) { c.Path = "/v1/payments" },
		"a method that is not there": func(c *Call) { c.Method = "PUT" },
		"another version":            func(c *Call) { c.Version = "2022-11-15" },
	} {
		c := good
		change(&c)
		if status, _ := mock.Play(c, false); status < 400 {
			t.Errorf("%s is taken", name)
		}
	}
}

// operations are the gateway's exported methods that call Stripe, and its words for
// what it does there, both from its code.
func operations(t *testing.T, dir string) (methods, ops []string) {
	t.Helper()
	files := token.NewFileSet()
	packages, err := parser.ParseDir(files, dir, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	literal := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			op, _ := strconv.Unquote(l.Value)
			found[op] = true
		}
	}
	for _, f := range packages["gateway"].Files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.IsExported() && receiver(n) == "Gateway" && takesContext(n) {
					methods = append(methods, n.Name.Name)
				}
			case *ast.CompositeLit:
				if name, ok := n.Type.(*ast.Ident); !ok || name.Name != "request" {
					return true
				}
				for _, e := range n.Elts {
					kv := e.(*ast.KeyValueExpr)
					if kv.Key.(*ast.Ident).Name == "op" {
						literal(kv.Value)
					}
				}
			case *ast.ValueSpec: // const op = "…", for where a function names it twice
				for i, name := range n.Names {
					if name.Name == "op" && i < len(n.Values) {
						literal(n.Values[i])
					}
				}
			}
			return true
		})
	}
	if len(methods) < 30 || len(found) < 30 {
		t.Fatalf("the gateway's code shows %d methods and %d operations: it is read wrongly", len(methods), len(found))
	}
	return methods, slices.Sorted(maps.Keys(found))
}

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) != 1 {
		return ""
	}
	star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
	if !ok {
		return ""
	}
	name, _ := star.X.(*ast.Ident)
	if name == nil {
		return ""
	}
	return name.Name
}

func takesContext(f *ast.FuncDecl) bool {
	if len(f.Type.Params.List) == 0 {
		return false
	}
	sel, ok := f.Type.Params.List[0].Type.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Context"
}

// quietly keeps stripe-mock from printing each request.
func quietly(t *testing.T) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	was := os.Stdout
	os.Stdout = null
	t.Cleanup(func() {
		os.Stdout = was
		_ = null.Close()
	})
}
