package sandbox

// remember keeps of m, and of what the intent says of its type, what a charge
// shows for ever. The answer is how the charge's id begins.
func (ch *Charge) remember(in *PaymentIntent, m *PaymentMethod) (prefix string) {
	ch.Type, ch.Bank, ch.Details, ch.Options = m.Type, m.Bank, m.Details, in.methodOptions(m.Type)
	if m.Card != nil {
		ch.Card = *m.Card
		return "ch"
	}
	ch.Mandate = in.Mandate
	if in.awaits(actVoucher) {
		ch.Voucher = in.Action.Number
	}
	return "py"
}

// renderMethodDetails writes payment_method_details of a charge.
func (ch *Charge) renderMethodDetails(w *writer) {
	w.str("type", ch.Type)
	if ch.Type == "card" {
		w.sub("card", nil, ch.renderCard)
		return
	}
	w.sub(ch.Type, ch.Details, func(w *writer) {
		if ch.Bank != nil {
			ch.Bank.render(w)
			if w.t.Index("mandate") >= 0 {
				w.opt("mandate", ch.Mandate)
			}
		}
		if ch.Revealed != "" {
			renderRevealed(w, ch.Revealed)
		}
		ch.renderProvider(w)
	})
}

// renderProvider writes what a provider tells of the payer once he has paid.
func (ch *Charge) renderProvider(w *writer) {
	payer := fingerprint("payer:" + ch.Method)
	switch ch.Type {
	case "oxxo":
		w.opt("number", ch.Voucher)
	case "ideal":
		w.str("iban_last4", "5264")
		w.str("verified_name", "Jenny Rosen")
	case "bancontact", "sofort":
		w.str("iban_last4", "7061")
		w.str("bank_name", "STRIPE TEST BANK")
		w.str("verified_name", "Jenny Rosen")
	case "eps", "giropay":
		w.str("verified_name", "Jenny Rosen")
	case "p24":
		w.str("reference", "P24-"+payer[:3]+"-"+payer[3:6]+"-"+payer[6:9])
		w.str("verified_name", "Jenny Rosen")
	case "klarna":
		w.str("payment_method_category", "pay_later")
		w.str("preferred_locale", "en-US")
	case "afterpay_clearpay":
		w.str("order_id", payer)
		w.str("reference", payer)
	case "cashapp":
		w.str("buyer_id", payer)
		w.str("cashtag", "$sandbox")
	case "alipay":
		w.str("buyer_id", payer)
		w.str("fingerprint", payer)
		w.str("transaction_id", payer)
	case "wechat_pay":
		w.str("fingerprint", payer)
		w.str("transaction_id", payer)
	case "link":
		w.str("country", "US")
	}
}

func (ch *Charge) renderCard(w *writer) {
	t := ch.Card.test()
	w.int("amount_authorized", ch.Amount)
	w.str("brand", t.brand)
	w.str("network", orElse(ch.Options.Str("network"), ch.Card.network()))
	w.str("country", t.country)
	w.int("exp_month", ch.Card.ExpMonth)
	w.int("exp_year", ch.Card.ExpYear)
	w.str("fingerprint", ch.Card.fingerprint())
	w.str("funding", t.funding)
	w.str("last4", ch.Card.last4())
	w.sub("checks", nil, func(w *writer) { ch.Card.renderChecks(w, true) })
	w.sub("extended_authorization", nil, func(w *writer) { w.str("status", "disabled") })
	w.sub("overcapture", nil, func(w *writer) {
		w.int("maximum_amount_capturable", ch.Amount)
		w.str("status", "unavailable")
	})
	for _, feature := range []string{"incremental_authorization", "multicapture"} {
		w.sub(feature, nil, func(w *writer) {
			if ch.offers(feature) {
				w.str("status", "available")
			} else {
				w.str("status", "unavailable")
			}
		})
	}
	w.sub("network_token", nil, func(w *writer) { w.bool("used", false) })
	if !ch.Captured && ch.Paid {
		w.int("capture_before", ch.Created+authorizationLife)
	}
	if ch.Authenticated {
		w.sub("three_d_secure", nil, renderChallengePassed)
	}
}

// renderChallengePassed writes three_d_secure of a payer who has authenticated.
func renderChallengePassed(w *writer) {
	w.str("authentication_flow", "challenge")
	w.str("result", "authenticated")
	w.str("version", "2.2.0")
}
