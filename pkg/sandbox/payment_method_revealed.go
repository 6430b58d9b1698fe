package sandbox

// reveal makes the SEPA debit by which a payer can be charged again who has paid,
// or agreed, with iDEAL, Bancontact or Sofort: these show whose account it was.
// from is the charge or the setup attempt. The answer is the debit's id.
// https://docs.stripe.com/payments/ideal/set-up-payment
func (c *call) reveal(m *PaymentMethod, from string) (id string) {
	debit := c.addPaymentMethod(&PaymentMethod{
		Type: "sepa_debit", Billing: m.Billing, From: from,
		Bank: &DebitAccount{Kind: "sepa_debit", Number: m.kind().account, Verified: true},
	})
	c.addMandate(c.newMandate(debit, nil), debit)
	return debit.ID
}

// renderRevealed writes which debit a payment or a setup has revealed.
func renderRevealed(w *writer, id string) {
	w.ref("generated_sepa_debit", id)
	if debit, ok := w.r.st.Methods.find(id); ok {
		w.ref("generated_sepa_debit_mandate", debit.Mandate)
	}
}

// renderOrigin writes sepa_debit.generated_from.
func (m *PaymentMethod) renderOrigin(w *writer) {
	w.sub("generated_from", nil, func(w *writer) {
		if _, ok := w.r.st.Charges.find(m.From); ok {
			w.ref("charge", m.From)
		} else {
			w.ref("setup_attempt", m.From)
		}
	})
}
