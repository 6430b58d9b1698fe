package sandbox

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// Dispute is a payer's objection to a charge: an inquiry, which only asks, or a
// chargeback, which takes the money until it is won.
type Dispute struct {
	object
	Amount       int64          `json:"amount"`
	Currency     money.Currency `json:"currency"`
	Charge       string         `json:"charge"`
	Intent       string         `json:"intent,omitempty"`
	Reason       string         `json:"reason"`
	Status       string         `json:"status"`
	DueBy        int64          `json:"due_by"`
	Evidence     *form.Value    `json:"evidence,omitempty"`
	Submissions  int64          `json:"submissions,omitempty"`
	PastDue      bool           `json:"past_due,omitempty"`
	Transactions []string       `json:"transactions,omitempty"`
}

var disputeRoutes = []route{
	{pattern: "GET /v1/disputes", answers: "list:dispute", handle: listDisputes},
	{pattern: "GET /v1/disputes/{dispute}", answers: "dispute", handle: retrieveDispute},
	{pattern: "POST /v1/disputes/{dispute}", answers: "dispute", handle: updateDispute},
	{pattern: "POST /v1/disputes/{dispute}/close", answers: "dispute", handle: closeDisputeByCall},
	{pattern: "GET /v1/charges/{charge}/dispute", answers: "dispute", handle: retrieveDispute},
	{pattern: "POST /v1/charges/{charge}/dispute", answers: "dispute", handle: updateDispute},
	{pattern: "POST /v1/charges/{charge}/dispute/close", answers: "dispute", handle: closeDisputeByCall},
}

const (
	disputeFee = 1500 // in the smallest unit of any currency
	// evidenceTime is how long the merchant has to answer, verdictTime how long the
	// bank then thinks where the evidence does not say what is to come of it.
	evidenceTime = 9 * day
	verdictTime  = 75 * day
	// inquiryTime is when an inquiry is over that nobody made a chargeback of.
	inquiryTime = 120 * day
	// maxEvidence is how many characters all evidence may have.
	maxEvidence = 150000
)

func (d *Dispute) name() string { return "dispute" }

func (d *Dispute) inquiry() bool { return strings.HasPrefix(d.Status, "warning_") }

// open says whether the merchant can still do something about it.
func (d *Dispute) open() bool {
	return d.Status == "needs_response" || d.Status == "warning_needs_response"
}

func (d *Dispute) closed() bool {
	return d.Status == "won" || d.Status == "lost" || d.Status == "warning_closed"
}

func (d *Dispute) render(w *writer) {
	w.int("amount", d.Amount)
	w.str("currency", string(d.Currency))
	w.ref("charge", d.Charge)
	w.ref("payment_intent", d.Intent)
	w.str("reason", d.Reason)
	w.str("status", d.Status)
	ch, _ := w.r.st.Charges.find(d.Charge)
	w.bool("is_charge_refundable", d.inquiry() && d.Status != "warning_closed" && ch.left() > 0)
	var moved []resource
	for _, id := range d.Transactions {
		b, _ := w.r.st.Transactions.find(id)
		moved = append(moved, b)
	}
	w.embeds("balance_transactions", moved)
	w.sub("evidence", d.Evidence, nil)
	w.sub("evidence_details", nil, func(w *writer) {
		w.int("due_by", d.DueBy)
		w.bool("has_evidence", d.Evidence != nil)
		w.bool("past_due", d.PastDue)
		w.int("submission_count", d.Submissions)
	})
	if ch.Card.Number != "" {
		w.sub("payment_method_details", nil, func(w *writer) {
			w.str("type", "card")
			w.sub("card", nil, func(w *writer) { w.str("brand", ch.Card.test().brand) })
		})
	}
}

// openDispute is what the bank does to a charge whose payer objects.
func openDispute(c *call, id string) {
	ch, ok := c.st.Charges.find(id)
	if !ok || ch.Dispute != "" || ch.left() == 0 {
		return
	}
	d := &Dispute{Amount: ch.left(), Currency: ch.Currency, Charge: ch.ID, Intent: ch.Intent,
		Reason: ch.disputed(), Status: "needs_response", DueBy: (c.now+evidenceTime)/day*day + day - 1}
	c.create(&d.object, "dp_1"+token(23))
	if d.Reason == "warning_needs_response" {
		d.Reason, d.Status = "general", "warning_needs_response"
		c.later(inquiryTime, "inquiry_ends", d.ID)
	} else {
		c.withdraw(d)
		c.later(d.DueBy-c.now, "evidence_due", d.ID)
	}
	c.st.Disputes.insert(d)
	before := c.seen(ch)
	ch.Dispute = d.ID
	c.updated("charge.updated", ch, before)
	c.emit("charge.dispute.created", d)
	if !d.inquiry() {
		c.emit("charge.dispute.funds_withdrawn", d)
		c.closeReview(ch, "disputed")
		c.settleWarning(ch)
	}
}

// withdraw takes the money of a chargeback, and Stripe's fee.
func (c *call) withdraw(d *Dispute) {
	d.Transactions = append(d.Transactions, c.book(&BalanceTransaction{Type: "adjustment", Category: "dispute", Amount: -d.Amount, Fee: disputeFee,
		Currency: d.Currency, Source: d.ID, Text: "Chargeback withdrawal for " + d.Charge}).ID)
}

// closeDispute ends d; what is won comes back with its fee.
func (c *call) closeDispute(d *Dispute, status string) {
	if d.closed() || (status == "warning_closed") != d.inquiry() {
		return
	}
	d.Status = status
	if status == "won" {
		d.Transactions = append(d.Transactions, c.book(&BalanceTransaction{Type: "adjustment", Category: "dispute_reversal", Amount: d.Amount, Fee: -disputeFee,
			Currency: d.Currency, Source: d.ID, Text: "Chargeback reversal for " + d.Charge}).ID)
		c.emit("charge.dispute.funds_reinstated", d)
	}
	c.emit("charge.dispute.closed", d)
}

// dispute is the one in the address, by its own id or its charge's.
func (c *call) dispute() (*Dispute, *Error) {
	charge := c.path("charge")
	if charge == "" {
		return needInPath(&c.st.Disputes, "dispute", "dispute", c.path("dispute"))
	}
	ch, refused := needInPath(&c.st.Charges, "charge", "id", charge)
	if refused != nil {
		return nil, refused
	}
	d, ok := c.st.Disputes.find(ch.Dispute)
	if !ok {
		return nil, missingInPath("dispute", "charge", charge)
	}
	return d, nil
}

func retrieveDispute(c *call) (answer, *Error) {
	d, refused := c.dispute()
	if refused != nil {
		return nil, refused
	}
	return one{d}, nil
}

func listDisputes(c *call) (answer, *Error) {
	charge, intent := c.params.Str("charge"), c.params.Str("payment_intent")
	return paged(c, &c.st.Disputes, func(d *Dispute) bool {
		return cmp.Or(charge, d.Charge) == d.Charge && cmp.Or(intent, d.Intent) == d.Intent
	})
}

func updateDispute(c *call) (answer, *Error) {
	d, refused := c.dispute()
	if refused != nil {
		return nil, refused
	}
	sent := c.params.At("evidence")
	if sent != nil && !d.open() {
		return nil, invalidRequest("", "evidence", "This dispute's evidence can no longer be changed: its status is "+d.Status+".")
	}
	evidence := d.Evidence
	if sent != nil {
		evidence = merged(d.Evidence, sent)
		size := 0
		for _, name := range evidence.Names() {
			size += utf8.RuneCountInString(evidence.Str(name))
		}
		if size > maxEvidence {
			return nil, invalidRequest("", "evidence", "The combined character count of all evidence fields may not exceed 150,000.")
		}
	}
	before := c.seen(d)
	if refused := d.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	d.Evidence = evidence
	if submit := !c.params.Has("submit") || c.params.Bool("submit"); submit && d.open() && d.Evidence != nil {
		c.submitEvidence(d)
	}
	c.updated("charge.dispute.updated", d, before)
	return one{d}, nil
}

// submitEvidence hands it to the bank, which decides by what is written in it.
// https://docs.stripe.com/testing#evidence
func (c *call) submitEvidence(d *Dispute) {
	d.Submissions++
	d.Status = map[bool]string{true: "warning_under_review", false: "under_review"}[d.inquiry()]
	wait := int64(0)
	switch d.Evidence.Str("uncategorized_text") {
	case "winning_evidence", "losing_evidence", "escalate_inquiry_evidence":
	default:
		wait = verdictTime
	}
	c.later(wait, "verdict", d.ID)
}

// decideDispute is the bank's verdict on the evidence.
func decideDispute(c *call, id string) {
	d, ok := c.st.Disputes.find(id)
	if !ok || d.closed() || d.open() {
		return
	}
	said := d.Evidence.Str("uncategorized_text")
	switch {
	case d.inquiry() && said == "escalate_inquiry_evidence":
		before := c.seen(d)
		ch, _ := c.st.Charges.find(d.Charge)
		d.Amount = min(d.Amount, ch.left()) // some of it may have been refunded meanwhile
		d.Status, d.Submissions, d.DueBy = "needs_response", 0, (c.now+evidenceTime)/day*day+day-1
		c.withdraw(d)
		c.later(d.DueBy-c.now, "evidence_due", d.ID)
		c.updated("charge.dispute.updated", d, before)
		c.emit("charge.dispute.funds_withdrawn", d)
	case d.inquiry():
		c.closeDispute(d, "warning_closed")
	case said == "winning_evidence":
		c.closeDispute(d, "won")
	default:
		c.closeDispute(d, "lost")
	}
}

// loseDispute is what comes of evidence that was not submitted in time.
func loseDispute(c *call, id string) {
	if d, ok := c.st.Disputes.find(id); ok && d.Status == "needs_response" && d.DueBy <= c.now {
		d.PastDue = true
		c.closeDispute(d, "lost")
	}
}

func endInquiry(c *call, id string) {
	if d, ok := c.st.Disputes.find(id); ok {
		c.closeDispute(d, "warning_closed")
	}
}

func closeDisputeByCall(c *call) (answer, *Error) {
	d, refused := c.dispute()
	switch {
	case refused != nil:
		return nil, refused
	case !d.open():
		return nil, badRequest("This dispute is already closed or under review: its status is " + d.Status + ".")
	case d.inquiry():
		c.closeDispute(d, "warning_closed")
	default:
		c.closeDispute(d, "lost")
	}
	return one{d}, nil
}
