package payments

import (
	"till/pkg/timeline"
)

// endsSession reports whether the news is that a page can no longer be paid at.
func (o Observation) endsSession() bool {
	return o.Checkout != nil && SessionStatus(o.Checkout.Status) == SessionExpired
}

// findSession returns the payment whose page an observation is about. Metadata
// tells, as the page is named by it before its own id is known here.
func (b *batch) findSession(o Observation) (*paymentRow, Outcome) {
	if o.Intent.Metadata[metaInstance] != b.s.conf.Instance {
		return nil, Foreign
	}
	p := b.payments[ID(o.Intent.Metadata[metaPayment])]
	switch {
	case p == nil:
		return nil, Early
	case p.Checkout == nil, p.SessionID != nil && *p.SessionID != o.Checkout.ID, p.IntentID != nil && o.Intent.ID != "" && *p.IntentID != o.Intent.ID:
		return nil, Foreign // a page that somebody copied our metadata to
	}
	return p, Applied
}

// followSession takes over what is said of a payment's page. A page says little of
// the money: that is the intent's to tell, and it is read where the page shows that
// we do not know it yet. Only a page that ends without an intent says all there is,
// as nobody can pay it any more.
func (b *batch) followSession(p *paymentRow, o *Observation) {
	c, was := o.Checkout, *p.Checkout
	b.dirtyPayments[p.ID] = true
	if p.SessionID == nil {
		p.SessionID = &c.ID
	}
	if p.IntentID == nil && c.IntentID != "" {
		p.IntentID = new(c.IntentID)
		b.byIntent[c.IntentID] = p
	}
	made := p.Stage == creating || p.Stage == sent
	if made {
		b.adopt(p, nil, *o)
	}
	s := was
	if !c.ExpiresAt.IsZero() {
		s.ExpiresAt = c.ExpiresAt.Unix()
	}
	switch to := SessionStatus(c.Status); {
	case was.over(), to == "":
	case to == SessionOpen:
		s.Status, s.URL, s.Secret = to, c.URL, c.ClientSecret
	default:
		s.Status, s.URL, s.Secret = to, "", ""
	}
	if s.PaymentStatus == "" || s.PaymentStatus == "unpaid" { // what is paid stays paid
		s.PaymentStatus = c.PaymentStatus
	}
	if s != was {
		p.Checkout = &s
		if !made {
			p.Version++
			p.UpdatedAt = b.now
		}
		if s.Status != was.Status && s.over() {
			b.record(p, *o, timeline.Entry{Kind: "checkout.status", From: string(was.Status), To: string(s.Status), Message: "The Checkout session is " + string(s.Status) + "."})
		}
	}
	if end := p.lookAfterExpiry(); !end.IsZero() && p.NextCheckAt != nil && p.NextCheckAt.After(end) {
		p.NextCheckAt = &end
	}
	switch {
	case p.Status.Terminal() || o.Reread || !s.over():
	case s.Status == SessionExpired && p.IntentID == nil:
		o.Intent.Status = string(Canceled)
	case o.Cause.Kind != timeline.ByRead: // a read has told of the intent too
		o.Reread = s.Status == SessionExpired || !p.agrees(s.PaymentStatus)
	}
}

// agrees reports whether a payment's state is what a completed page may show of it.
func (r *paymentRow) agrees(paymentStatus string) bool {
	switch r.Status {
	case Processing, RequiresAction, RequiresCapture:
		return paymentStatus == "unpaid"
	}
	return false
}
