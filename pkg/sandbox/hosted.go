package sandbox

import (
	"crypto/subtle"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed hosted/*.html
var hostedFiles embed.FS

var hostedTemplates = template.Must(template.ParseFS(hostedFiles, "hosted/*.html"))

// challengePage is what the 3D Secure page shows.
type challengePage struct {
	Intent, Secret, Amount, Last4 string
	State                         string // asking, passed, failed, over
}

// hostedPages are the pages of Stripe's own that a payer sees. They may be framed
// by anybody: Stripe.js shows the challenge inside the shop's page.
func (s *Sandbox) hostedPages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_hosted/3ds/{intent}", s.showChallenge)
	mux.HandleFunc("POST /_hosted/3ds/{intent}", s.takeChallenge)
	return mux
}

// challenged finds the intent of a 3D Secure page; without its secret there is none.
// The caller reads the secret beforehand: a body that never ends must not hold the state.
func challenged(st *state, id, secret string) (*PaymentIntent, bool) {
	in, ok := st.Intents.find(id)
	if !ok || subtle.ConstantTimeCompare([]byte(secret), []byte(in.Secret)) != 1 {
		return nil, false
	}
	return in, true
}

func (s *Sandbox) pageOf(in *PaymentIntent, state string) challengePage {
	p := challengePage{Intent: in.ID, Secret: in.Secret, Amount: decimal(in.Amount, in.Currency) + " " + strings.ToUpper(string(in.Currency)), State: state}
	if m, ok := s.mu.st.Methods.find(in.Method); ok {
		p.Last4 = m.Card.last4()
	}
	return p
}

func (s *Sandbox) showChallenge(w http.ResponseWriter, r *http.Request) {
	secret := r.URL.Query().Get("client_secret")
	s.mu.RLock()
	in, ok := challenged(s.mu.st, r.PathValue("intent"), secret)
	var page challengePage
	if ok {
		page = s.pageOf(in, "asking")
		if in.Status != RequiresAction {
			page.State = "over"
		}
	}
	s.mu.RUnlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	showPage(w, "3ds.html", page)
}

func (s *Sandbox) takeChallenge(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	passed, secret := r.FormValue("outcome") == "complete", r.FormValue("client_secret")
	c := &call{tables: s.tables, now: s.clock().Unix(), origin: originOf(r)}
	s.mu.Lock()
	c.st = s.mu.st
	in, ok := challenged(c.st, r.PathValue("intent"), secret)
	if !ok {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	page := s.pageOf(in, "over")
	back := ""
	if in.Status == RequiresAction {
		if in.Challenge.Redirect {
			back = in.ReturnURL
		}
		c.answerChallenge(in, passed)
		page.State = "failed"
		if in.Status == Succeeded || in.Status == RequiresCapture {
			page.State = "passed"
		}
	}
	s.mu.Unlock()
	s.webhooks.dispatch(r.Context(), c.events)
	s.touch()

	if back != "" {
		http.Redirect(w, r, returnTo(back, page), http.StatusSeeOther)
		return
	}
	showPage(w, "3ds.html", page)
}

// returnTo is the shop's return_url with what Stripe appends to it.
func returnTo(back string, p challengePage) string {
	u, err := url.Parse(back)
	if err != nil {
		return back // was checked at confirmation
	}
	status := "failed"
	if p.State == "passed" {
		status = "succeeded"
	}
	q := u.Query()
	q.Set("payment_intent", p.Intent)
	q.Set("payment_intent_client_secret", p.Secret)
	q.Set("redirect_status", status)
	q.Set("source_type", "card")
	u.RawQuery = q.Encode()
	return u.String()
}

func showPage(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")   // the address holds a client secret
	_ = hostedTemplates.ExecuteTemplate(w, name, data) // fails only when the payer has left
}
