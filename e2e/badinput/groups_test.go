package badinput

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"till/e2e/rig"
)

// groups are the tests of this package by what they are about. Beside them stands
// what is shown elsewhere over HTTP, as "folder Test": that test has to exist.
var groups = map[string][]string{
	"tokens":            {"TestTokens", "TestPublicKeyIsNoSecret", "TestKeySets", "TestNoGuestsAllowed", "TestNoTokenOnAnyRoute", "pkg/config TestFaultsNameTheVariable", "pkg/auth TestANewKeyAmongStrangers"},
	"server keys":       {"TestServerKeys", "TestOrdersByKey", "e2e/access TestWhatABackendMayNotAskFor", "e2e/access TestTheBackendsOrders"},
	"what is another's": {"TestWhatIsAnothers", "TestIDsOfOtherKinds", "e2e/access TestMatrix", "e2e/access TestCursorsRevealNothing", "e2e/access TestListsShowWhatTheirReaderMaySee"},
	"fields not theirs": {"TestMassAssignment"},
	"amounts":           {"TestAmounts", "TestNoAmountsAllowed", "TestAmountsOfOtherCurrencies", "TestQuantities", "TestPrices", "TestAmountsByKey", "TestRefunds", "e2e/flow TestAPaymentInProgressIsLeftAlone"},
	"promotion codes":   {"TestPromotionCodes", "e2e/flow TestManyWantTheLastRedemption"},
	"JSON":              {"TestExactlyOneOf", "TestBodies", "TestContentTypes", "TestFields", "TestControlCharacters", "api TestABodyThatNobodyTakes"},
	"card numbers":      {"TestCardNumbers", "TestNumbersThatAreNoCards"},
	"headers and paths": {"TestRequestsThatHTTPForbids", "TestQueriesAndPaths", "TestHostsAndProxies", "TestStreams", "e2e/limits TestHeadersAreBounded"},
	"staff":             {"TestStaffRoutes", "TestSearches", "TestNotes", "e2e/flow TestStaffsActsAndNotes", "e2e/staff TestWhatStaffMayNotAsk", "e2e/staff TestTheInboxIsStaffsAlone"},
	"invoices":          {"TestInvoices", "e2e/flow TestInvoicesAndCreditNotes", "pkg/invoices TestHostileText"},
	"endpoints":         {"TestWebhookEndpoints", "pkg/outbound TestWhatIsNotPublicIsNotDialed", "pkg/outbound TestURLsOfEndpoints", "e2e/outbound TestRedirectsAreFailures", "e2e/outbound TestSlowAndEndlessReplies"},
	"webhooks":          {"TestWebhooks", "TestSignedButNotOurs", "TestSecretsInTurn", "e2e/flow TestStripeTookAnotherAmount", "e2e/flow TestAnEventOfAnotherVersionIsReadFromStripe", "e2e/flow TestWhatIsNotOursIsIgnored", "pkg/config TestFaultsNameTheVariable"},
	"origins":           {"TestOrigins", "TestNoOriginsAllowed", "TestOriginsOfAnswers"},
	"saved ways to pay": {"TestSaving", "e2e/customers TestAnothersMethod", "e2e/customers TestPaymentSheet"},
	"Checkout":          {"TestCheckoutRedirects", "e2e/flow TestExpireCheckout", "e2e/flow TestOneWayToPayAtATime"},
	"people":            {"TestClaims", "e2e/flow TestWhatProvesAGuest", "e2e/flow TestOneOfTwoAccountsClaims", "e2e/flow TestMoneyUnderWayStandsAgainstAnErasure", "e2e/leaks TestErasedIsErased"},
	"rate limits":       {"TestWhatDoesNotHideACaller", "e2e/limits TestAnAddressIsNotTakenFromAStranger", "e2e/limits TestAddressesFromOurProxies", "e2e/limits TestReplicasShareTheLimits", "api TestClientAddress", "api TestOneNetworkIsOneSubject"},
	"idempotency keys":  {"TestIdempotencyKeys", "TestIdempotencyTheft", "TestOneIdempotencyKeyOfManyAtOnce", "e2e/access TestKeysDoNotShareIdempotencyKeys", "e2e/flow TestOneKeySixteenTimesAtOnce"},
	"leaks":             {"e2e/leaks TestNothingLeaks", "e2e/leaks TestALeakIsSeen"},
	"slow and many":     {"e2e/limits TestSlowClients", "e2e/limits TestIdleConnectionsGiveWay", "e2e/limits TestConnectionsAreBounded", "e2e/flow TestWhatAStreamRefuses"},
}

var total struct {
	mu    sync.Mutex
	rows  map[string]map[string]int // by engine and group
	names map[string]bool           // "TestTokens: expired"
}

func count(s *scene) {
	total.mu.Lock()
	defer total.mu.Unlock()
	engine := "SQLite"
	if s.DB.Postgres() {
		engine = "Postgres"
	}
	if total.rows == nil {
		total.rows, total.names = map[string]map[string]int{}, map[string]bool{}
	}
	if total.rows[engine] == nil {
		total.rows[engine] = map[string]int{}
	}
	total.rows[engine][groupOf(testOf(s))]++
	s.rows++
}

// noted remembers that a row was tried; the table of named cases asks for it.
func noted(s *scene, name string) {
	total.mu.Lock()
	defer total.mu.Unlock()
	total.names[testOf(s)+": "+name] = true
}

func testOf(s *scene) string {
	name, _, _ := strings.Cut(s.T.Name(), "/")
	return name
}

func groupOf(test string) string {
	for group, tests := range groups {
		if slices.Contains(tests, test) {
			return group
		}
	}
	return test + ", which is in no group"
}

// TestMain says how much was shown: a green run of no rows would show nothing. After
// a whole run it holds the tables to account: each group and each named case was tried.
func TestMain(m *testing.M) {
	rig.Parallel(4)
	code := m.Run()
	var text strings.Builder
	for _, engine := range slices.Sorted(maps.Keys(total.rows)) {
		sum := 0
		var parts []string
		for _, group := range slices.Sorted(maps.Keys(total.rows[engine])) {
			n := total.rows[engine][group]
			sum += n
			parts = append(parts, fmt.Sprintf("%s %d", group, n))
		}
		fmt.Fprintf(&text, "bad input: %d cases on %s (%s)\n", sum, engine, strings.Join(parts, ", "))
	}
	if err := rig.Keep("badinput.txt", text.String()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	if code == 0 && whole() {
		for _, gap := range gaps() {
			fmt.Println("bad input: " + gap)
			code = 1
		}
	}
	os.Exit(code)
}

// whole is whether all tests were to run.
func whole() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return true
}

func gaps() (out []string) {
	for engine, rows := range total.rows {
		for group, tests := range groups {
			if rows[group] == 0 && slices.ContainsFunc(tests, func(test string) bool { return !strings.Contains(test, " ") }) {
				out = append(out, fmt.Sprintf("no case of %q was tried on %s", group, engine))
			}
		}
		for group := range rows {
			if groups[group] == nil {
				out = append(out, group)
			}
		}
	}
	for group, tests := range groups {
		for _, test := range tests {
			if strings.Contains(test, " ") && !exists(test) {
				out = append(out, fmt.Sprintf("%s: there is no %s", group, test))
			}
		}
	}
	for group, cases := range named {
		if groups[group] == nil {
			out = append(out, "named cases of an unknown group: "+group)
		}
		for name, where := range cases {
			folder, _, isElsewhere := strings.Cut(where, " Test")
			switch {
			case isElsewhere && !strings.Contains(folder, ":") && exists(where), total.names[where]:
			default:
				out = append(out, fmt.Sprintf("%s, %s: %q was not tried", group, name, where))
			}
		}
	}
	return out
}

// exists finds "folder Test" in the source.
func exists(where string) bool {
	folder, test, _ := strings.Cut(where, " ")
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		return false
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(text), "func "+test+"(") {
			return true
		}
	}
	return false
}
