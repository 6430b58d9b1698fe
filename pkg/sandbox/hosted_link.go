package sandbox

import "net/http"

// notice is a page that says one thing.
type notice struct{ Title, Text string }

func (st *state) linkAt(token string) (*PaymentLink, bool) {
	for _, l := range st.PaymentLinks.order {
		if l.Token == token {
			return l, true
		}
	}
	return nil, false
}

// followLink opens a session for somebody who has come by a payment link.
func (s *Sandbox) followLink(w http.ResponseWriter, r *http.Request) {
	found, to, gone := false, "", ""
	s.change(r.Context(), originOf(r), func(c *call) {
		l, ok := c.st.linkAt(r.PathValue("token"))
		if !ok {
			return
		}
		if found, gone = true, l.closed(); gone != "" {
			return
		}
		session, refused := c.visit(l, r.URL.Query())
		if refused != nil {
			gone = refused.Message
			return
		}
		to = session.page(c.origin)
	})
	switch {
	case !found:
		http.NotFound(w, r)
	case gone != "":
		showPage(w, "notice.html", notice{"This link is not available", gone})
	default:
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// thank is the page after a payment by a link that sends the payer nowhere.
func (s *Sandbox) thank(w http.ResponseWriter, r *http.Request) {
	page := notice{"Thanks for your payment", "A payment has been made to Sandbox."}
	found := false
	s.look(r.Context(), func(st *state) {
		var l *PaymentLink
		l, found = st.linkAt(r.PathValue("token"))
		if found && l.Given["after_completion"].Set("hosted_confirmation", "custom_message") {
			page.Text = l.Given["after_completion"].Str("hosted_confirmation", "custom_message")
		}
	})
	if !found {
		http.NotFound(w, r)
		return
	}
	showPage(w, "notice.html", page)
}
