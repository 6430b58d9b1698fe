package sandbox

import "net/url"

// action is the step that an intent in requires_action waits for.
type action struct {
	Kind     actionKind `json:"kind"`
	Redirect bool       `json:"redirect,omitempty"` // 3D Secure: the payer is sent to the page and back to ReturnURL
	Source   string     `json:"source"`
	Number   string     `json:"number,omitempty"`   // of a voucher
	Expires  int64      `json:"expires,omitempty"`  // a voucher or code; microdeposits arrive then
	Due      int64      `json:"due,omitempty"`      // when time decides about it
	Pays     bool       `json:"pays,omitempty"`     // time pays the voucher, else lets it expire
	Failures int64      `json:"failures,omitempty"` // wrong microdeposits so far
}

// actionKind is what the payer has to do.
type actionKind string

const (
	actChallenge     actionKind = "3ds"
	actAuthorize     actionKind = "authorize" // on a provider's page
	actScan          actionKind = "scan"      // a code, with a provider's app
	actVoucher       actionKind = "voucher"
	actMicrodeposits actionKind = "microdeposits"
)

// pageOf is the address of the hosted page for an intent's action.
func (r *renderer) pageOf(x approvable) string {
	in := x.shared()
	return r.origin + "/_hosted/" + string(in.Action.Kind) + "/" + x.base().ID + "?client_secret=" + url.QueryEscape(in.Secret)
}

// renderAction writes next_action.
func renderAction(w *writer, x approvable) {
	in := x.shared()
	a, page := in.Action, w.r.pageOf(x)
	image := w.r.origin + "/_hosted/code/" + a.Source
	kind := ""
	if m, ok := w.r.st.Methods.find(in.Method); ok {
		kind = m.Type
	}
	switch {
	case a.Kind == actVoucher && kind == "boleto":
		w.str("type", "boleto_display_details")
		w.sub("boleto_display_details", nil, func(w *writer) {
			w.int("expires_at", a.Expires)
			w.str("number", a.Number)
			w.str("hosted_voucher_url", page)
			w.str("pdf", page+"&print=1")
		})
	case a.Kind == actVoucher:
		w.str("type", "oxxo_display_details")
		w.sub("oxxo_display_details", nil, func(w *writer) {
			w.int("expires_after", a.Expires)
			w.str("number", a.Number)
			w.str("hosted_voucher_url", page)
		})
	case a.Kind == actMicrodeposits:
		w.str("type", "verify_with_microdeposits")
		w.sub("verify_with_microdeposits", nil, func(w *writer) {
			w.int("arrival_date", a.Expires)
			w.str("hosted_verification_url", page)
			w.str("microdeposit_type", depositsOf(kind))
		})
	case a.Kind == actScan && kind == "cashapp":
		w.str("type", "cashapp_handle_redirect_or_display_qr_code")
		w.sub("cashapp_handle_redirect_or_display_qr_code", nil, func(w *writer) {
			w.str("hosted_instructions_url", page)
			w.str("mobile_auth_url", page)
			w.sub("qr_code", nil, func(w *writer) {
				w.int("expires_at", a.Expires)
				w.str("image_url_png", image+".png")
				w.str("image_url_svg", image+".svg")
			})
		})
	case a.Kind == actScan:
		w.str("type", "wechat_pay_display_qr_code")
		w.sub("wechat_pay_display_qr_code", nil, func(w *writer) {
			w.str("data", page)
			w.str("hosted_instructions_url", page)
			w.str("image_data_url", "data:image/png;base64,"+codeBase64(a.Source))
			w.str("image_url_png", image+".png")
			w.str("image_url_svg", image+".svg")
		})
	case a.Kind == actAuthorize && kind == "alipay":
		w.str("type", "alipay_handle_redirect")
		w.sub("alipay_handle_redirect", nil, func(w *writer) {
			w.opt("return_url", in.ReturnURL)
			w.str("url", page)
		})
	case a.Kind == actAuthorize || a.Redirect:
		w.str("type", "redirect_to_url")
		w.sub("redirect_to_url", nil, func(w *writer) {
			w.opt("return_url", in.ReturnURL)
			w.str("url", page)
		})
	default:
		w.str("type", "use_stripe_sdk")
		w.free("use_stripe_sdk", "type", "three_d_secure_redirect", "stripe_js", page, "source", a.Source)
	}
}

// approach is what the payer has to do first so that m can be used, nil if
// nothing. authenticate says that a card's issuer or the shop wants 3D Secure.
func (c *call) approach(in *intent, m *PaymentMethod, authenticate bool) *action {
	a := &action{Source: "src_1" + token(23)}
	switch m.kind().flow {
	case flowCard:
		if !authenticate {
			return nil
		}
		a.Kind, a.Redirect = actChallenge, !c.browser && in.ReturnURL != "" && !c.params.Bool("use_stripe_sdk")
	case flowRedirect:
		a.Kind = actAuthorize
	case flowCode:
		a.Kind, a.Expires = actScan, c.now+codeLife
	case flowDebit:
		if m.Bank.Verified || !m.Bank.verifiable() {
			return nil
		}
		a.Kind, a.Expires = actMicrodeposits, c.now+depositsArrive
	default:
		return nil
	}
	return a
}

// giveTime plans when the payer has had time enough for what x waits for.
func (c *call) giveTime(x approvable, m *PaymentMethod) {
	switch a := x.shared().Action; a.Kind {
	case actMicrodeposits:
		c.awaitMicrodeposits(x, m)
	case actScan:
		c.later(a.Expires-c.now, "code", x.base().ID)
	}
}

// answered is the payer's answer on a hosted page, or what the microdeposits say. A
// decline is in the intent's state, and the answer to who called.
func (c *call) answered(x approvable, yes bool) *Error {
	switch x := x.(type) {
	case *PaymentIntent:
		return c.answerPayment(x, yes)
	case *SetupIntent:
		return c.answerSetup(x, yes)
	}
	return nil
}

const (
	codeLife       = 10 * 60
	depositsArrive = 2 * day
	depositsWindow = 10 * day
)
