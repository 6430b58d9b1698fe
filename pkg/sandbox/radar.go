package sandbox

import "cmp"

// EarlyFraudWarning is an issuer's word that a charge may be fraudulent.
type EarlyFraudWarning struct {
	object
	Charge     string `json:"charge"`
	Intent     string `json:"intent,omitempty"`
	Actionable bool   `json:"actionable"` // neither refunded nor disputed
}

// Review is a payment that Radar wants somebody to look at.
type Review struct {
	object
	Charge string `json:"charge"`
	Intent string `json:"intent,omitempty"`
	Closed string `json:"closed,omitempty"` // why
}

var radarRoutes = []route{
	{pattern: "GET /v1/radar/early_fraud_warnings", answers: "list:radar.early_fraud_warning", handle: listWarnings},
	{pattern: "GET /v1/radar/early_fraud_warnings/{early_fraud_warning}", answers: "radar.early_fraud_warning", handle: retrieveWarning},
	{pattern: "GET /v1/reviews", answers: "list:review", handle: listReviews},
	{pattern: "GET /v1/reviews/{review}", answers: "review", handle: retrieveReview},
	{pattern: "POST /v1/reviews/{review}/approve", answers: "review", handle: approveReview},
}

func (e *EarlyFraudWarning) name() string { return "radar.early_fraud_warning" }

func (e *EarlyFraudWarning) render(w *writer) {
	w.ref("charge", e.Charge)
	w.ref("payment_intent", e.Intent)
	w.bool("actionable", e.Actionable)
	w.str("fraud_type", "misc")
}

func (v *Review) name() string { return "review" }

func (v *Review) render(w *writer) {
	w.ref("payment_intent", v.Intent)
	w.ref("charge", v.Charge)
	w.bool("open", v.Closed == "")
	w.str("opened_reason", "rule")
	w.str("reason", cmp.Or(v.Closed, "rule"))
	w.opt("closed_reason", v.Closed)
}

// warn is an issuer's report of fraud on a charge.
func warn(c *call, id string) {
	ch, ok := c.st.Charges.find(id)
	if !ok {
		return
	}
	e := &EarlyFraudWarning{Charge: ch.ID, Intent: ch.Intent, Actionable: ch.Dispute == "" && ch.left() > 0}
	c.create(&e.object, "issfr_1"+token(23))
	c.st.Warnings.insert(e)
	ch.Warning = e.ID
	c.emit("radar.early_fraud_warning.created", e)
}

// settleWarning is a warning that nothing more can be done about.
func (c *call) settleWarning(ch *Charge) {
	if e, ok := c.st.Warnings.find(ch.Warning); ok {
		before := c.seen(e)
		e.Actionable = false
		c.updated("radar.early_fraud_warning.updated", e, before)
	}
}

// review lays a charge that was authorized before somebody, if Radar wants that.
func (c *call) review(ch *Charge) {
	if !ch.Card.test().review {
		return
	}
	v := &Review{Charge: ch.ID, Intent: ch.Intent}
	c.create(&v.object, "prv_1"+token(23))
	c.st.Reviews.insert(v)
	ch.Review = v.ID
	c.emit("review.opened", v)
}

// closeReview ends a charge's review, if it has an open one.
func (c *call) closeReview(ch *Charge, why string) {
	if v, ok := c.st.Reviews.find(ch.Review); ok && v.Closed == "" {
		v.Closed = why
		c.emit("review.closed", v)
	}
}

func retrieveWarning(c *call) (answer, *Error) {
	e, refused := needInPath(&c.st.Warnings, "radar early fraud warning", "early_fraud_warning", c.path("early_fraud_warning"))
	if refused != nil {
		return nil, refused
	}
	return one{e}, nil
}

func listWarnings(c *call) (answer, *Error) {
	charge, intent := c.params.Str("charge"), c.params.Str("payment_intent")
	return paged(c, &c.st.Warnings, func(e *EarlyFraudWarning) bool {
		return cmp.Or(charge, e.Charge) == e.Charge && cmp.Or(intent, e.Intent) == e.Intent
	})
}

func (c *call) reviewInPath() (*Review, *Error) {
	return needInPath(&c.st.Reviews, "review", "review", c.path("review"))
}

func retrieveReview(c *call) (answer, *Error) {
	v, refused := c.reviewInPath()
	if refused != nil {
		return nil, refused
	}
	return one{v}, nil
}

func listReviews(c *call) (answer, *Error) {
	return paged(c, &c.st.Reviews, func(v *Review) bool { return v.Closed == "" })
}

func approveReview(c *call) (answer, *Error) {
	v, refused := c.reviewInPath()
	switch {
	case refused != nil:
		return nil, refused
	case v.Closed != "":
		return nil, badRequest("This review is already closed: " + v.Closed + ".")
	}
	ch, _ := c.st.Charges.find(v.Charge)
	c.closeReview(ch, "approved")
	return one{v}, nil
}
