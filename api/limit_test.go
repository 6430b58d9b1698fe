package api

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"till/api/openapi"
	"till/pkg/auth"
)

// The contract's own limits, so that none is lost by an edit.
func TestWhatTheContractLimits(t *testing.T) {
	ops, err := contractOperations()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range ops {
		if len(o.limits) > 0 {
			got[o.id] = strings.Join(o.limits, " ")
		}
	}
	want := map[string]string{
		"createPaymentIntent": "user address order promotionCode cards", "createGuestToken": "guest",
		"createOrder": "user address promotionCode", "cancelOrder": "user address", "cancelPayment": "user address",
		"createCheckoutSession": "user address order promotionCode cards", "expireCheckoutSession": "user address",
		"createPaymentSheet": "user address order promotionCode cards", "createSetupIntent": "user address cards", "claimGuestOrders": "user address", "eraseMe": "user address", "exportMe": "user address",
		"listPaymentMethods": "user address", "deletePaymentMethod": "user address", "makePaymentMethodDefault": "user address",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestALimitThatHoldsNobodyIsAFault(t *testing.T) {
	for name, limit := range map[string]string{
		"an unknown word":        "post: {x-access: {user: own}, x-limit: [usr]}",
		"no list":                "post: {x-access: {user: own}, x-limit: user}",
		"an empty list":          "post: {x-access: {user: own}, x-limit: []}",
		"a read by anybody":      "get: {x-access: public, x-limit: [address]}",
		"users where none is":    "post: {x-access: public, x-limit: [user]}",
		"an order of nobody's":   "post: {x-access: public, x-limit: [guest, order]}",
		"a word that is no word": "post: {x-access: {user: own}, x-limit: [1]}",
	} {
		doc, err := openapi3.NewLoader().LoadFromData([]byte("openapi: 3.0.3\ninfo: {title: t, version: v}\npaths: {/x: {" + limit + "}}"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := operations(doc); err == nil || !strings.Contains(err.Error(), "x-limit") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := assemble(Deps{Auth: &auth.Verifier{}, Settings: Settings{Limits: Limits{User: 1}}}, nil); err == nil {
		t.Error("limits without a counter are taken")
	}
}

func TestOneNetworkIsOneSubject(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1":              "192.0.2.1",
		"::ffff:192.0.2.1":       "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":   "2001:db8:1:2::/64",
		"2001:db8:1:2::":         "2001:db8:1:2::/64",
		"2001:0DB8:0001:0002::9": "2001:db8:1:2::/64",
		"fe80::1%eth0":           "fe80::/64",
		"::1":                    "::/64",
		"":                       "",
		"@":                      "@", // a socket of this machine
		"192.0.2.1, 192.0.2.2":   "192.0.2.1, 192.0.2.2",
	} {
		if got := network(address); got != want {
			t.Errorf("%q is counted for %q, want %q", address, got, want)
		}
	}
}

func TestClientAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for name, tc := range map[string]struct {
		proxies   []netip.Prefix
		peer      string
		forwarded []string
		want      string
	}{
		"no proxies are trusted":             {nil, "127.0.0.1:1", []string{"192.0.2.1"}, "127.0.0.1"},
		"a stranger":                         {proxies, "192.0.2.9:1", []string{"192.0.2.1"}, "192.0.2.9"},
		"this machine is no proxy by itself": {proxies, "127.0.0.1:1", []string{"192.0.2.1"}, "127.0.0.1"},
		"nor is a private network":           {proxies, "192.168.1.1:1", []string{"192.0.2.1"}, "192.168.1.1"},
		"nor a link":                         {proxies, "169.254.1.1:1", []string{"192.0.2.1"}, "169.254.1.1"},
		"nor IPv6's private networks":        {proxies, "[fd00::1]:1", []string{"192.0.2.1"}, "fd00::1"},
		"a proxy":                            {proxies, "10.0.0.1:1", []string{"192.0.2.1"}, "192.0.2.1"},
		"a proxy by IPv6":                    {proxies, "[2001:db8::1]:1", []string{"2001:db9::1"}, "2001:db9::1"},
		"a proxy's IPv4 as IPv6":             {proxies, "[::ffff:10.0.0.1]:1", []string{"192.0.2.1"}, "192.0.2.1"},
		"a proxy that says nothing":          {proxies, "10.0.0.1:1", nil, "10.0.0.1"},
		"two proxies":                        {proxies, "10.0.0.1:1", []string{"192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
		"two headers":                        {proxies, "10.0.0.1:1", []string{"192.0.2.1", "192.0.2.2"}, "192.0.2.2"},
		"what the caller wrote before":       {proxies, "10.0.0.1:1", []string{"10.9.9.9, 192.0.2.1, 192.0.2.2"}, "192.0.2.2"},
		"garbage":                            {proxies, "10.0.0.1:1", []string{"192.0.2.1, unknown"}, "10.0.0.1"},
		"garbage before is not looked at":    {proxies, "10.0.0.1:1", []string{"<script>, 192.0.2.2"}, "192.0.2.2"},
		"an address with a port":             {proxies, "10.0.0.1:1", []string{"192.0.2.1:443"}, "10.0.0.1"},
		"IPv6 in brackets":                   {proxies, "10.0.0.1:1", []string{"[2001:db9::1]"}, "2001:db9::1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tc.peer
		r.Header = http.Header{"X-Forwarded-For": tc.forwarded, "X-Real-Ip": {"198.51.100.1"}, "Forwarded": {"for=198.51.100.1"}}
		if tc.forwarded == nil {
			delete(r.Header, "X-Forwarded-For")
		}
		if got := clientAddress(tc.proxies)(r); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// A server key speaks for everybody, from few addresses; who sees everyone's counts for neither.
func TestWhatACallCountsFor(t *testing.T) {
	reference := openapi.CreatePaymentIntentRequestObject{Body: &openapi.CreatePaymentIntentJSONRequestBody{Reference: new("r")}}
	for kind, want := range map[auth.Kind][]string{
		auth.User: {"user i|s", "address 192.0.2.1", "order i|s reference r"}, auth.Guest: {"user i|s", "address 192.0.2.1", "order i|s reference r"},
		auth.Key: {"order i|s reference r"},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		c := echo.New().NewContext(r.WithContext(auth.NewContext(r.Context(), auth.Principal{Kind: kind, Issuer: "i", Subject: "s", Everyone: kind == auth.Key})), httptest.NewRecorder())
		hits, err := operation{limits: []string{perUser, perAddress, perOrder}}.hits(c, reference, Limits{User: 1, Address: 2, Order: 3})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range hits {
			got = append(got, h.Kind+" "+h.Subject)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", kind, got)
		}
	}
	c := echo.New().NewContext(httptest.NewRequest("POST", "/", nil), httptest.NewRecorder())
	o := operation{limits: []string{perOrder}}
	o.access.public = true
	if _, err := o.hits(c, openapi.CancelOrderRequestObject{}, Limits{}); err == nil {
		t.Error("an operation without an order can be limited by it")
	}
}

// Where no body is taken, none is read.
func TestABodyThatNobodyTakes(t *testing.T) {
	e := newEdge(t)
	for body, want := range map[string]string{
		"": "201", "{}": "201", " {\n} ": "201",
		"{" + strings.Repeat(" ", 254) + "}": "201",
		"{" + strings.Repeat(" ", 255) + "}": "413 body_too_large",
		strings.Repeat("4 ", 32<<10):         "413 body_too_large",
		`{"x":1}`:                            "422 validation_failed",
	} {
		if got := outcome(t, e.send(t, request{method: "POST", path: "/auth/guest", body: body})); got != want {
			t.Errorf("a body of %d bytes: %s, want %s", len(body), got, want)
		}
	}
}
