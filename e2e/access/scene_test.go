package access

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/auth"
	"till/pkg/config"
	"till/pkg/store"
)

// kind is what an id is of.
type kind string

const (
	none    kind = ""
	order   kind = "ord_"
	payment kind = "pay_"
	over    kind = "pay_ that is over"
	session kind = "chk_"
	holding kind = "pay_ that holds money"
	paid    kind = "ord_ that is paid"
	refund  kind = "ref_"
	dispute kind = "dsp_"
	// contested is what a dispute is of.
	contested kind = "ord_ that is disputed"
	entry     kind = "tle_"
	delivery  kind = "evt_"
	product   kind = "prod_"
	method    kind = "pm_" // of a user: guests have none
	endpoint  kind = "whe_"
	sent      kind = "msg_"
)

// missing is an id of this kind that nothing has.
func (k kind) missing() string {
	prefix, _, _ := strings.Cut(string(k), " ")
	return prefix + "01jd8w3k5v9x2m4n6p8q0r1s2t"
}

// actor is somebody who calls.
type actor struct {
	name, token string
	kind        string // user, guest or key; empty: nobody known
	scopes      []string
	owns        string // the name of the owner that it is; empty: owns nothing
}

// may says whether a rule lets this actor in, and whether it then sees everyone's.
func (a actor) may(r rule) (in, everyone bool) {
	staff := r.staff && slices.Contains(a.scopes, "staff")
	switch a.kind {
	case "user":
		return r.public || r.user || staff, staff
	case "guest":
		return r.public || r.guest, false
	case "key":
		in := staff || r.key != "" && slices.Contains(a.scopes, r.key)
		return r.public || in, in
	}
	return r.public, false
}

// owned are the ids of what one owner has.
type owned map[kind]string

// scene is a Till in which a user and a guest have an order with a payment under
// way each, and one whose payment is over.
type scene struct {
	*rig.Rig
	owners map[string]string // tokens
	has    map[string]owned
	keys   map[string][2]string // id and token, by scopes
	stripe map[string]string    // users' customers at Stripe
}

func newScene(t *testing.T, db *store.DB) *scene {
	// No look at Stripe may fall between two countings.
	quiet := func(c *config.Config) {
		c.SweepAfter, c.SweepInterval, c.OutboundAllow = time.Hour, time.Second, []string{"127.0.0.0/8"}
		c.AllowedOrigins = []string{"https://shop.example"}
	}
	s := &scene{Rig: rig.Start(t, db, quiet), keys: map[string][2]string{}, has: map[string]owned{}, stripe: map[string]string{}}
	s.owners = map[string]string{"jenny": s.User("jenny"), "a guest": s.Guest(), "mallory": s.User("mallory"), "another guest": s.Guest()}
	for _, name := range []string{"jenny", "a guest", "mallory", "another guest"} {
		s.has[name] = s.fresh(name)
	}
	s.owners["sam"] = s.User("sam")
	s.hold("sam") // staff are users as well
	s.Settle(false)
	// A charge's event that came before Stripe's answer to a refund has it read soon.
	// While it is read, its next check is as far away as that of a live payment; once
	// it is read, an ended payment has none.
	s.Until("nothing is read", func() bool {
		return s.Count("SELECT count(*) FROM payments WHERE next_check_at <= ? OR next_check_at IS NOT NULL AND status IN ('succeeded', 'canceled')",
			time.Now().UTC().Add(30*time.Minute)) == 0
	})
	return s
}

// backend names an endpoint and has it told of one event; nothing else is sent there.
func (s *scene) backend() owned {
	s.T.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.T.Cleanup(receiver.Close)
	staff := s.Staff("sam")
	made := s.Call("POST", "/webhook-endpoints", staff, map[string]any{"url": receiver.URL, "events": []string{"order.canceled"}})
	path := "/webhook-endpoints/" + made.Get("id")
	order := s.Call("POST", "/orders", s.owners["jenny"], cart()).Get("id")
	s.Call("POST", "/orders/"+order+"/cancel", s.owners["jenny"], nil)
	s.Settle(false)
	told := s.Call("GET", path+"/deliveries", staff, nil).Get("data.0.id")
	if a := s.Call("PATCH", path, staff, map[string]any{"events": []string{"payment.action_required"}}); a.Status != 200 || told == "" {
		s.T.Fatalf("%d %s", a.Status, a.Body)
	}
	return owned{endpoint: made.Get("id"), sent: told}
}

// fresh makes an order with a payment under way, one whose payment is over, one that
// holds money and one that is paid and refunded in part; for nobody an endpoint.
func (s *scene) fresh(owner string) owned {
	s.T.Helper()
	if owner == "" {
		made := s.Call("POST", "/webhook-endpoints", s.Staff("sam"), hook)
		if made.Status != 201 {
			s.T.Fatalf("endpoint: %d %s", made.Status, made.Body)
		}
		return owned{endpoint: made.Get("id")}
	}
	token := s.owners[owner]
	ended := s.Intent(201, token, cart()).Get("id")
	if a := s.Call("POST", "/payments/"+ended+"/cancel", token, nil); a.Status != 200 {
		s.T.Fatalf("cancel: %d %s", a.Status, a.Body)
	}
	hold := s.hold(owner)
	live := s.Intent(201, token, cart())
	history := s.Call("GET", "/payments/"+live.Get("id")+"/timeline", token, nil)
	sold := s.Intent(201, token, cart())
	s.Confirm(sold.Get("clientSecret"), "pm_card_visa")
	s.Await(token, sold.Get("id"), 0)
	back := s.Call("POST", "/orders/"+sold.Get("orderId")+"/refunds", s.Staff("sam"), map[string]any{"amount": 100})
	if back.Status != 201 {
		s.T.Fatalf("refund: %d %s", back.Status, back.Body)
	}
	against := s.Intent(201, token, cart())
	shown := s.Call("POST", "/checkout/sessions", token, page(cart()))
	if shown.Status != 201 {
		s.T.Fatalf("checkout: %d %s", shown.Status, shown.Body)
	}
	return owned{
		order: live.Get("orderId"), payment: live.Get("id"), over: ended, holding: hold.Get("id"), entry: history.Get("data.0.id"), session: shown.Get("id"),
		paid: sold.Get("orderId"), refund: back.Get("id"), method: s.save(owner), contested: against.Get("orderId"), dispute: s.contest(token, against),
	}
}

// creditNote is the number of an order's, or one that another order's has.
func (s *scene) creditNote(order string) string {
	s.T.Helper()
	number := "CN-000001"
	if err := s.DB.Read(s.T.Context()).Raw("SELECT number FROM credit_notes WHERE order_id = ?", order).Find(&number).Error; err != nil {
		s.T.Fatal(err)
	}
	return number
}

// form is a small PDF as a browser sends it.
const (
	form     = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.4\n%%EOF\n\r\n--b--\r\n"
	formType = "multipart/form-data; boundary=b"
)

// contest pays with a card whose payer objects, and returns the dispute.
func (s *scene) contest(token string, started rig.Answer) (dispute string) {
	s.T.Helper()
	s.Confirm(started.Get("clientSecret"), "pm_card_createDispute")
	s.Await(token, started.Get("id"), 0)
	s.Until("the dispute is known", func() bool {
		dispute = s.Call("GET", "/orders/"+started.Get("orderId")+"/disputes", s.Staff("sam"), nil).Get("data.0.id")
		return dispute != ""
	})
	return dispute
}

// hold has money of the owner's held.
func (s *scene) hold(owner string) rig.Answer {
	s.T.Helper()
	token := s.owners[owner]
	held := s.Intent(201, token, map[string]any{"orderId": s.manual(owner)})
	if status := s.Confirm(held.Get("clientSecret"), "pm_card_visa"); status != 200 {
		s.T.Fatalf("hold: %d", status)
	}
	s.Await(token, held.Get("id"), 0)
	return held
}

// manual makes an order of the owner's whose money is held first.
func (s *scene) manual(owner string) (order string) {
	s.T.Helper()
	subject := s.subject(s.owners[owner])
	body := map[string]any{"subject": subject, "captureMethod": "manual", "amount": 1800, "currency": "eur"}
	if strings.HasSuffix(owner, "guest") {
		body["issuer"] = auth.GuestIssuer
	}
	_, key := s.key("", "orders:write")
	a := s.Call("POST", "/orders", key, body)
	if a.Status != 201 {
		s.T.Fatalf("order: %d %s", a.Status, a.Body)
	}
	return a.Get("id")
}

// save saves a card for a user. A guest's is one that nobody has.
func (s *scene) save(owner string) string {
	s.T.Helper()
	if strings.Contains(owner, "guest") {
		return "pm_of_" + strings.ReplaceAll(owner, " ", "_")
	}
	if s.stripe[owner] == "" {
		if a := s.Call("POST", "/me/setup-intents", s.owners[owner], map[string]any{"usage": "off_session"}); a.Status != 201 {
			s.T.Fatalf("a customer: %d %s", a.Status, a.Body)
		}
		last := s.AtStripe("GET", "/v1/customers?limit=1", nil)["data"].([]any)[0]
		s.stripe[owner] = last.(map[string]any)["id"].(string)
	}
	return s.AtStripe("POST", "/v1/payment_methods/pm_card_visa/attach", url.Values{"customer": {s.stripe[owner]}})["id"].(string)
}

// key returns the id and token of a server key with just these scopes.
func (s *scene) key(name string, scopes ...string) (id, token string) {
	s.T.Helper()
	name += strings.Join(scopes, " ")
	if s.keys[name][1] == "" {
		id, token := s.Key(scopes...)
		s.keys[name] = [2]string{id, token}
	}
	return s.keys[name][0], s.keys[name][1]
}

// cast are all who make a call: each kind of caller, with and without what the
// rule asks for.
func (s *scene) cast(r rule) []actor {
	s.T.Helper()
	with := []string{r.key}
	if r.key == "" {
		with = auth.Scopes() // no scope helps
	}
	without := slices.DeleteFunc(auth.Scopes(), func(scope string) bool { return scope == r.key || r.staff && scope == auth.Staff })
	_, good := s.key("", with...)
	_, bad := s.key("", without...)
	_, staff := s.key("", auth.Staff)
	id, revoked := s.key("revoked: ", with...)
	if _, err := s.App.Keys.Revoke(s.T.Context(), id); err != nil {
		s.T.Fatal(err)
	}
	return []actor{
		{"the user who owns one", s.owners["jenny"], "user", nil, "jenny"},
		{"another user", s.owners["mallory"], "user", nil, "mallory"},
		{"a user with the scopes of a key", s.User("mallory", map[string]any{"scope": strings.Join(without, " ")}), "user", without, "mallory"},
		{"the guest who owns one", s.owners["a guest"], "guest", nil, "a guest"},
		{"another guest", s.owners["another guest"], "guest", nil, "another guest"},
		{"staff", s.Staff("sam"), "user", []string{"openid", "staff"}, ""},
		{"staff by scp", s.User("sam", map[string]any{"scp": []any{"staff"}}), "user", []string{"staff"}, ""},
		{"a key with the scope", good, "key", with, ""},
		{"a key without the scope", bad, "key", without, ""},
		{"a key of staff", staff, "key", []string{auth.Staff}, ""},
		{"a revoked key", revoked, "", nil, ""},
		{"a key that was never made", "till_sk_01jd8w3k5v9x2m4n6p8q0r1s2t_AAAAAAAAAAAAAAAAAAAAAAAAAA", "", nil, ""},
		{"nobody", "", "", nil, ""},
	}
}
