package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
)

func (s *Sandbox) showCheckout(w http.ResponseWriter, r *http.Request) {
	var page checkoutPage
	found := false
	s.look(r.Context(), func(st *state) {
		session, ok := st.Checkouts.find(r.PathValue("session"))
		if !ok {
			return
		}
		found, page = true, session.show(st)
		page.Countries = s.countries()
		page.Next = session.after()
		page.choose("")
		if r.URL.Query().Get("redirect_status") == "failed" && page.Status == "open" {
			page.Wrong = wrong{"form", session.failure(st)}
		}
	})
	switch {
	case !found:
		http.NotFound(w, r)
	case page.Status == "complete" && !page.Embedded:
		http.Redirect(w, r, page.Next, http.StatusSeeOther)
	default:
		showPage(w, "checkout.html", page)
	}
}

// failure is why the latest try to pay came to nothing.
func (s *CheckoutSession) failure(st *state) string {
	if in, ok := st.Intents.find(s.Intent); ok && in.LastError != nil && in.LastError.Type == "card_error" {
		return in.LastError.Message
	}
	return "We are unable to authenticate your payment method. Please choose a different payment method and try again."
}

// countries are all that Stripe knows.
func (s *Sandbox) countries() []string {
	params := s.tables.Operations["POST /v1/checkout/sessions"].Params
	return s.tables.Member(params.Prop("shipping_address_collection").Type).Prop("allowed_countries").Type.Elem.Enum
}

// takeCheckout is the payer's turn: a change of the order, or the payment. A
// script is told in JSON what came of it; without one the page is shown anew.
func (s *Sandbox) takeCheckout(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if r.ParseForm() != nil {
		http.Error(w, "The form could not be read.", http.StatusBadRequest)
		return
	}
	var page checkoutPage
	var next string
	found := false
	s.change(r.Context(), originOf(r), func(c *call) {
		session, ok := c.st.Checkouts.find(r.PathValue("session"))
		if !ok {
			return
		}
		found = true
		var trouble wrong
		if session.Status == "open" {
			trouble = c.turn(session, r.PostForm)
		}
		page = session.show(c.st)
		page.Wrong, page.Typed, page.Countries, page.Next = trouble, r.PostForm, s.countries(), session.after()
		page.choose(r.PostForm.Get("method"))
		switch page.Status {
		case "open":
			next = c.approvalPage(session)
		case "complete":
			next = page.Next
		}
	})
	switch {
	case !found:
		http.NotFound(w, r)
	case r.Header.Get("Accept") == "application/json":
		page.answer(w, next)
	case next != "" && !(page.Embedded && page.Status == "complete"):
		http.Redirect(w, r, next, http.StatusSeeOther)
	default:
		showPage(w, "checkout.html", page)
	}
}

// approvalPage is where the payer has to approve what they have chosen, "" if nowhere.
func (c *call) approvalPage(s *CheckoutSession) string {
	x, ok := c.st.approvable(cmp.Or(s.Intent, s.Setup))
	if !ok || x.shared().Status != RequiresAction {
		return ""
	}
	return c.renderer().pageOf(x)
}

// answer tells the page's script what came of a turn.
func (p *checkoutPage) answer(w http.ResponseWriter, next string) {
	var summary bytes.Buffer
	_ = hostedTemplates.ExecuteTemplate(&summary, "summary", p) // into memory: cannot fail
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"status": p.Status, "next": next, "wrong": p.Wrong, "summary": summary.String(), "button": p.Button, "free": p.Free && p.Mode == "payment",
	})
}
