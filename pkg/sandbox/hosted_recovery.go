package sandbox

import (
	"net/http"
	"strings"

	"till/pkg/sandbox/internal/form"
)

// recoverCheckout opens a copy of a session that has expired.
func (s *Sandbox) recoverCheckout(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := strings.Cut(r.PathValue("token"), "-")
	found, to, gone := false, "", ""
	s.change(r.Context(), originOf(r), func(c *call) {
		old, ok := c.st.Checkouts.find(id)
		if !ok || old.Recovery == "" || old.Recovery != secret {
			return
		}
		found = true
		if c.now > old.ExpiresAt+recoveryLife {
			gone = "The time in which this order could be taken up again is over."
			return
		}
		params := &form.Value{Hash: map[string]*form.Value{}}
		for name, v := range old.Asked.Hash {
			params.Hash[name] = v
		}
		delete(params.Hash, "expires_at")
		if old.Given["after_expiration"].Bool("recovery", "allow_promotion_codes") && !params.Has("discounts") {
			params.Hash["allow_promotion_codes"] = &form.Value{Text: "true"}
		}
		session, refused := c.newCheckout(params)
		if refused != nil {
			gone = refused.Message
			return
		}
		session.RecoveredFrom = old.ID
		to = session.page(c.origin)
	})
	switch {
	case !found:
		http.NotFound(w, r)
	case gone != "":
		showPage(w, "notice.html", notice{"This order is not available", gone})
	default:
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}
