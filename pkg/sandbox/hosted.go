package sandbox

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

//go:embed hosted/*.html
var hostedFiles embed.FS

var hostedTemplates = template.Must(template.ParseFS(hostedFiles, "hosted/*.html"))

// hostedPage is what a page shows to a payer who has something to do.
type hostedPage struct {
	Kind           actionKind
	Setup          bool // nothing is paid, only prepared
	Intent, Secret string
	Amount         string
	Method         string // type of payment method, for people
	Last4          string
	State          string // asking, passed, failed, over
	Number         string // of a voucher
	Expires        string
	Code           string // address of the picture of a code
	Complaint      string // about what was typed in
	Back           string // the shop's page
	Bars           []bar
}

// hostedPages are the pages of Stripe's own that a payer sees. They may be framed
// by anybody: Stripe.js shows the challenge inside the shop's page.
func (s *Sandbox) hostedPages() http.Handler {
	mux := http.NewServeMux()
	for _, kind := range []actionKind{actChallenge, actAuthorize, actScan, actVoucher, actMicrodeposits} {
		mux.HandleFunc("GET /_hosted/"+string(kind)+"/{intent}", func(w http.ResponseWriter, r *http.Request) { s.showAction(w, r, kind) })
		mux.HandleFunc("POST /_hosted/"+string(kind)+"/{intent}", func(w http.ResponseWriter, r *http.Request) { s.takeAction(w, r, kind) })
	}
	mux.HandleFunc("GET /_hosted/mandate/{mandate}", s.showMandate)
	mux.HandleFunc("GET /_hosted/code/{picture}", showCode)
	mux.HandleFunc("GET /_hosted/checkout/{session}", s.showCheckout)
	mux.HandleFunc("POST /_hosted/checkout/{session}", s.takeCheckout)
	mux.HandleFunc("GET /_hosted/links/{token}", s.followLink)
	mux.HandleFunc("GET /_hosted/links/{token}/done", s.thank)
	mux.HandleFunc("GET /_hosted/recover/{token}", s.recoverCheckout)
	mux.HandleFunc("GET /_hosted/receipts/{token}", s.showReceipt)
	return mux
}

// opened finds the intent of a page; without its secret there is none. The caller
// reads the secret beforehand: a body that never ends must not hold the state.
func opened(st *state, id, secret string) (approvable, bool) {
	x, ok := st.approvable(id)
	if !ok || !x.shared().opens(secret) {
		return nil, false
	}
	return x, true
}

func pageFor(st *state, x approvable, kind actionKind, state string) hostedPage {
	in := x.shared()
	p := hostedPage{Kind: kind, Intent: x.base().ID, Secret: in.Secret, State: state}
	switch x := x.(type) {
	case *PaymentIntent:
		p.Amount = decimal(x.Amount, x.Currency) + " " + strings.ToUpper(string(x.Currency))
	case *SetupIntent:
		p.Setup = true
	}
	if m, ok := st.Methods.find(in.Method); ok {
		p.Method = m.kind().label
		switch {
		case m.Card != nil:
			p.Last4 = m.Card.last4()
		case m.Bank != nil:
			p.Last4 = m.Bank.last4()
		}
	}
	if a := in.Action; a != nil {
		p.Number, p.Bars = a.Number, bars(a.Number)
		p.Code = "/_hosted/code/" + a.Source + ".svg"
		if a.Expires != 0 {
			p.Expires = time.Unix(a.Expires, 0).UTC().Format("2 Jan 2006, 15:04 MST")
		}
	}
	return p
}

func (s *Sandbox) showAction(w http.ResponseWriter, r *http.Request, kind actionKind) {
	secret := r.URL.Query().Get("client_secret")
	var page hostedPage
	found := false
	s.look(r.Context(), func(st *state) {
		x, ok := opened(st, r.PathValue("intent"), secret)
		if !ok {
			return
		}
		found, page = true, pageFor(st, x, kind, "asking")
		if !x.shared().awaits(kind) {
			page.State = "over"
		}
	})
	if !found {
		http.NotFound(w, r)
		return
	}
	showPage(w, string(kind)+".html", page)
}

func (s *Sandbox) takeAction(w http.ResponseWriter, r *http.Request, kind actionKind) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	answer, secret := r.FormValue("outcome"), r.FormValue("client_secret") // reads the body
	var page hostedPage
	found := false
	s.change(r.Context(), originOf(r), func(c *call) {
		x, ok := opened(c.st, r.PathValue("intent"), secret)
		if !ok {
			return
		}
		found, page = true, pageFor(c.st, x, kind, "over")
		if x.shared().awaits(kind) {
			c.take(x, answer, r.Form, &page)
		}
	})
	switch {
	case !found:
		http.NotFound(w, r)
	case page.Back != "":
		http.Redirect(w, r, page.Back, http.StatusSeeOther)
	default:
		showPage(w, string(kind)+".html", page)
	}
}

// take does what the payer has chosen and writes on the page what came of it.
func (c *call) take(x approvable, answer string, typed url.Values, page *hostedPage) {
	in, kind := x.shared(), page.Kind
	leaves := kind == actAuthorize || kind == actScan || kind == actChallenge && in.Action.Redirect
	yes := answer == "complete"
	switch kind {
	case actVoucher:
		c.redeemVoucher(x.(*PaymentIntent), yes)
	case actMicrodeposits:
		page.Complaint = c.takeDeposits(x, typed)
	default:
		_ = c.answered(x, yes) // the page shows the state
	}
	switch {
	case in.awaits(kind):
		page.State = "asking"
		return
	case in.Status == RequiresPaymentMethod:
		page.State = "failed"
	default:
		page.State = "passed"
	}
	if leaves && in.ReturnURL != "" && !typed.Has("embedded") { // Stripe.js frames the page and goes on by itself
		page.Back = returnTo(x, page.State == "passed", kind)
	}
}

// takeDeposits reads the form of the microdeposits' page. The answer is what was
// wrong with it.
func (c *call) takeDeposits(x approvable, typed url.Values) string {
	var amounts []string
	for _, name := range []string{"first", "second"} {
		if v := strings.TrimSpace(typed.Get(name)); v != "" {
			amounts = append(amounts, v)
		}
	}
	code := strings.ToUpper(strings.TrimSpace(typed.Get("code")))
	if refused := c.verifyDeposits(x, amounts, code); refused != nil {
		return refused.Message
	}
	return ""
}

// returnTo is the shop's return_url with what Stripe appends to it.
func returnTo(x approvable, passed bool, kind actionKind) string {
	in := x.shared()
	u, err := url.Parse(in.ReturnURL)
	if err != nil {
		return in.ReturnURL // was checked at confirmation
	}
	status := "failed"
	switch {
	case in.Status == Processing:
		status = "pending"
	case passed:
		status = "succeeded"
	}
	q := u.Query()
	q.Set(x.name(), x.base().ID)
	q.Set(x.name()+"_client_secret", in.Secret)
	q.Set("redirect_status", status)
	if kind == actChallenge && x.name() == "payment_intent" {
		q.Set("source_type", "card")
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// mandatePage is what a payer has agreed to.
type mandatePage struct{ Method, Last4, Reference, Accepted, Status string }

func (s *Sandbox) showMandate(w http.ResponseWriter, r *http.Request) {
	var page mandatePage
	found := false
	s.look(r.Context(), func(st *state) {
		md, ok := st.Mandates.find(r.PathValue("mandate"))
		if !ok {
			return
		}
		found = true
		page = mandatePage{Method: typeNamed(md.Kind).label, Reference: md.Reference, Status: md.Status, Accepted: time.Unix(md.Accepted, 0).UTC().Format("2 January 2006")}
		if m, ok := st.Methods.find(md.Method); ok && m.Bank != nil {
			page.Last4 = m.Bank.last4()
		}
	})
	if !found {
		http.NotFound(w, r)
		return
	}
	showPage(w, "mandate.html", page)
}

func showPage(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")   // the address holds a client secret
	_ = hostedTemplates.ExecuteTemplate(w, name, data) // fails only when the payer has left
}
