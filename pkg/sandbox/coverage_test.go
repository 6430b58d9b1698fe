package sandbox_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"till/pkg/sandbox"
	"till/pkg/sandbox/internal/form"
	"till/pkg/sandbox/internal/spec"
)

// coverage is what the tests' traffic has shown of one route.
type coverage struct {
	good      bool // a 2xx
	parameter bool // a parameter that was refused before the handler began
	state     bool // a state, or an object that was not there, that the handler refused
}

// seen is what the tests of this run have shown.
var seen = observations{routes: map[string]*coverage{}, events: map[string]int{}, behaviours: map[string]string{}}

type observations struct {
	sync.Mutex
	routes     map[string]*coverage
	events     map[string]int    // by type
	behaviours map[string]string // pages of Stripe's documentation by test
}

// of needs the lock while tests run.
func (o *observations) of(pattern string) *coverage {
	if o.routes[pattern] == nil {
		o.routes[pattern] = &coverage{}
	}
	return o.routes[pattern]
}

// answer takes note of one answer of the API to the request with these
// parameters. What is wrong with the key, the idempotency key or Stripe itself
// says nothing of the route.
func (o *observations) answer(method, path, params string, status int, body []byte) {
	var refusal struct {
		Error struct{ Type, Code, Message string }
	}
	_ = json.Unmarshal(body, &refusal) // what is no refusal has no error
	e := refusal.Error
	pattern, _ := patternOf(method, path)
	o.Lock()
	defer o.Unlock()
	c := o.of(pattern)
	switch {
	case status < 300:
		c.good = true
	case status == 401 || status == 403 || status == 429 || status >= 500 || e.Type == "idempotency_error":
	case status == 400 && (strings.HasPrefix(e.Code, "parameter_") || e.Message == unfit(pattern, params)):
		c.parameter = true
	default:
		c.state = true
	}
}

// unfit is what Stripe's description has against the parameters, "" if nothing.
func unfit(pattern, params string) string {
	v, err := form.Parse(params)
	op := spec.Load().Operations[pattern]
	if err != nil || op == nil {
		return ""
	}
	delete(v.Hash, "key")
	if bad := spec.Load().Check(op, v); bad != nil {
		return bad.Message
	}
	return ""
}

// exceptions are what no test can show, with the reason.
var exceptions = map[string]string{
	"no test has seen a refused state or missing object of POST /v1/test_helpers/test_clocks": "a clock needs nothing else to be there",
	"no test has seen a refused state or missing object of POST /v1/tax/settings":             "the account has them from the start",
}

// missing tells what no test has shown. A route that reads must answer and
// refuse; one that changes something must refuse both parameters and states.
func (c *coverage) missing(pattern string) (faults []string) {
	if !c.good {
		faults = append(faults, "no test has seen a good answer of "+pattern)
	}
	if strings.HasPrefix(pattern, "GET ") {
		if !c.parameter && !c.state {
			faults = append(faults, "no test has seen a refusal of "+pattern)
		}
		return faults
	}
	if !c.parameter {
		faults = append(faults, "no test has seen a refused parameter of "+pattern)
	}
	if !c.state {
		faults = append(faults, "no test has seen a refused state or missing object of "+pattern)
	}
	return faults
}

const documentFile = "../../docs/sandbox.md"

// document holds the generated parts of docs/sandbox.md against what the tests
// have shown, or writes them anew. They say nothing that differs between two runs.
func document(write bool) (faults []string) {
	text, err := os.ReadFile(documentFile)
	if err != nil {
		return []string{err.Error()}
	}
	was := string(text)
	is := was
	for part, content := range map[string]string{"not covered": uncovered(), "covered": covered()} {
		open, end := "<!-- "+part+" -->\n", "<!-- end of "+part+" -->\n"
		before, rest, ok := strings.Cut(is, open)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			return []string{fmt.Sprintf("%s has no part %q", documentFile, part)}
		}
		is = before + open + content + end + after
	}
	switch {
	case is == was:
		return nil
	case !write:
		return []string{documentFile + " is not what the tests show: run go test ./pkg/sandbox -args -update"}
	}
	if err := os.WriteFile(documentFile, []byte(is), 0o644); err != nil {
		return []string{err.Error()}
	}
	return nil
}

func covered() string {
	var b strings.Builder
	yes := func(is bool) string {
		if is {
			return "yes"
		}
		return "—"
	}
	routes := sandbox.Routes()
	slices.SortFunc(routes, func(a, b string) int { return cmp.Or(cmp.Compare(pathOf(a), pathOf(b)), cmp.Compare(a, b)) })
	fmt.Fprintf(&b, "%d endpoints.\n\n| endpoint | answers | refuses a parameter | refuses a state or a missing object |\n|---|---|---|---|\n", len(routes))
	for _, pattern := range routes {
		c := seen.of(pattern)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", pattern, yes(c.good), yes(c.parameter), yes(c.state))
	}
	fmt.Fprintf(&b, "\n%d types of events: ", len(seen.events))
	for i, kind := range slices.Sorted(maps.Keys(seen.events)) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("`" + kind + "`")
	}
	fmt.Fprintf(&b, ".\n\n%d behaviours, each shown by a test and documented by Stripe on the page behind it:\n\n", len(seen.behaviours))
	b.WriteString(behaviours())
	return b.String()
}

// shown is a test's name without the ids that each run makes up anew.
func shown(name string) string {
	test, one, _ := strings.Cut(name, "/")
	if one == "" {
		return test
	}
	return test + "/" + madeUp.ReplaceAllString(strings.ReplaceAll(one, "_", " "), "$1$2 …")
}

// behaviours are one line for each test and page, with the test's cases.
func behaviours() string {
	type line struct{ test, page string }
	cases := map[line][]string{}
	for _, name := range slices.Sorted(maps.Keys(seen.behaviours)) {
		test, one, _ := strings.Cut(name, "/")
		l := line{test, seen.behaviours[name]}
		cases[l] = append(cases[l], one)
	}
	var b strings.Builder
	lines := slices.SortedFunc(maps.Keys(cases), func(a, b line) int { return cmp.Or(cmp.Compare(a.test, b.test), cmp.Compare(a.page, b.page)) })
	for _, l := range lines {
		slices.Sort(cases[l])
		text := fmt.Sprintf("- [%s](%s): %s", sentence(l.test), l.page, markdown.Replace(strings.Join(cases[l], "; ")))
		b.WriteString(strings.TrimSuffix(text, ": ") + "\n")
	}
	return b.String()
}

var markdown = strings.NewReplacer("[", `\[`, "]", `\]`, "*", `\*`, "<", "&lt;")

// uncovered counts the operations of Stripe's description that have no route.
func uncovered() string {
	missing := map[string]int{}
	total := 0
	routes := sandbox.Routes()
	for operation := range spec.Load().Operations {
		if !slices.Contains(routes, operation) {
			missing[strings.Split(pathOf(operation), "/")[2]]++
			total++
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of the description’s %d operations have no route; they answer 404:\n\n", total, len(spec.Load().Operations))
	for i, part := range slices.Sorted(maps.Keys(missing)) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "`%s` %d", part, missing[part])
	}
	b.WriteString(".\n")
	return b.String()
}

func pathOf(pattern string) string {
	_, path, _ := strings.Cut(pattern, " ")
	return path
}

// madeUp are the sandbox's own ids, which differ in every run.
var madeUp = regexp.MustCompile(`\b(?:(cus|prod) [0-9A-Za-z]{14}|([a-z]{2,6}) [13][0-9A-Za-z]{23})\b`)

var (
	wordStart = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	capital   = regexp.MustCompile(`([A-Z])([A-Z][a-z])`) // "IDForms", "ACharge"
)

// sentence reads a test's name: TestACardPaysTwice is "A card pays twice".
func sentence(test string) string {
	name := wordStart.ReplaceAllString(strings.TrimPrefix(test, "Test"), "$1 $2")
	name = capital.ReplaceAllString(name, "$1 $2")
	return name[:1] + strings.ToLower(name[1:])
}
