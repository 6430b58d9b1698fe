package flow

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
)

// disputed sells something whose payer objects, and returns the dispute as Till
// shows it.
func disputed(t *testing.T, r *rig.Rig, card string) (sold, rig.Answer) {
	t.Helper()
	s := sell(t, r, card)
	var list rig.Answer
	r.Until("the dispute is known", func() bool {
		list = r.Call("GET", "/orders/"+s.order+"/disputes", r.Staff("sam"), nil)
		return list.Get("data.0.id") != ""
	})
	return s, r.Call("GET", "/disputes/"+list.Get("data.0.id"), r.Staff("sam"), nil)
}

// becomes waits for a dispute to have a status and what it keeps.
func becomes(r *rig.Rig, id, status string, kept int) rig.Answer {
	r.T.Helper()
	var d rig.Answer
	r.Until("the dispute is "+status, func() bool {
		d = r.Call("GET", "/disputes/"+id, r.Staff("sam"), nil)
		return d.Get("status") == status && r.Count("SELECT count(*) FROM disputes WHERE id = ? AND withdrawn - reinstated = ?", id, kept) == 1
	})
	return d
}

// shows sees what staff, and what the customer, is shown of the order.
func (s sold) shows(r *rig.Rig, status, disputed, amount string) {
	r.T.Helper()
	r.Until("the order shows its disputes", func() bool {
		o := r.Call("GET", "/orders/"+s.order, r.Staff("sam"), nil)
		return o.Get("status") == status && o.Get("disputed") == disputed && o.Get("amountDisputed") == amount
	})
	if o := r.Call("GET", "/orders/"+s.order, s.token, nil); o.Get("disputed")+o.Get("amountDisputed")+o.Get("fraudWarning") != "" {
		r.T.Errorf("the customer is told: %s", o.Body)
	}
}

func answer(r *rig.Rig, want int, id, how string, body any, headers ...string) rig.Answer {
	r.T.Helper()
	a := r.Call("POST", "/disputes/"+id+"/"+how, r.Staff("sam"), body, headers...)
	if a.Status != want {
		r.T.Fatalf("%s %v: %d %s, want %d", how, body, a.Status, a.Body, want)
	}
	return a
}

func send(r *rig.Rig, id, token, field, name string, content []byte) rig.Answer {
	r.T.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile(field, name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err != nil || w.Close() != nil {
		r.T.Fatal(err)
	}
	q, err := http.NewRequest("POST", r.URL+"/disputes/"+id+"/files", &body)
	if err != nil {
		r.T.Fatal(err)
	}
	q.Header.Set("Content-Type", w.FormDataContentType())
	q.Header.Set("Authorization", "Bearer "+token)
	a, err := r.Do(q)
	if err != nil {
		r.T.Fatal(err)
	}
	return a
}

var pdf = []byte("%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n")

// notices counts the mails to staff with a title.
func notices(r *rig.Rig, title string) int {
	n := 0
	for _, l := range r.Mailbox.Letters() {
		if strings.Contains(l.Message.Subject+l.Message.Text, title) {
			n++
		}
	}
	return n
}

func TestADisputeIsAnsweredWithAFileAndWon(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		s, d := disputed(t, r, "pm_card_createDisputeProductNotReceived")
		id := d.Get("id")
		if d.Get("status") != "needs_response" || d.Get("reason") != "product_not_received" || d.Get("amount") != "3600" || d.Get("amountWithdrawn") != "3600" ||
			d.Get("refundable") != "false" || d.Get("orderId") != s.order || d.Get("paymentId") != s.payment || d.Get("evidenceDueBy") == "" || d.Get("closedAt") != "" {
			t.Fatalf("%s", d.Body)
		}
		s.shows(r, "paid", "true", "3600")
		balanced(r)
		if a := s.refund(r, 409, map[string]any{"amount": 100}); a.Get("code") != "charge_disputed" {
			t.Errorf("%s", a.Body)
		}
		file := send(r, id, r.Staff("sam"), "file", `..\proof "of"/receipt.exe`, pdf)
		if file.Status != 201 || file.Get("name") != "receipt.pdf" || file.Get("type") != "pdf" || !strings.HasPrefix(file.Get("id"), "dfi_") {
			t.Fatalf("%d %s", file.Status, file.Body)
		}
		if again := send(r, id, r.Staff("jo"), "file", "other.pdf", pdf); again.Get("id") != file.Get("id") {
			t.Errorf("the same file is another one: %s", again.Body)
		}
		for name, a := range map[string]rig.Answer{
			"file_type_refused": send(r, id, r.Staff("sam"), "file", "a.pdf", []byte("no picture")), "validation_failed": send(r, id, r.Staff("sam"), "files", "a.pdf", pdf),
			"insufficient_scope": send(r, id, s.token, "file", "a.pdf", pdf),
		} {
			if a.Get("code") != name {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		if a := send(r, id, r.Staff("sam"), "file", "a.pdf", append(bytes.Clone(pdf), bytes.Repeat([]byte{0}, 5<<20)...)); a.Get("code") != "validation_failed" || a.Get("param") != "file" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		for name, body := range map[string]any{
			"nothing":                 map[string]any{},
			"submit of nothing":       map[string]any{"submit": true},
			"a file of nobody":        map[string]any{"evidence": map[string]any{"receipt": "dfi_of_nobody"}},
			"a text that is too long": map[string]any{"evidence": map[string]any{"customerName": strings.Repeat("x", 5001)}},
			"an unknown name":         map[string]any{"evidence": map[string]any{"customer_name": "x"}},
		} {
			if a := answer(r, 422, id, "evidence", body); a.Get("param") == "" {
				t.Errorf("%s: %s", name, a.Body)
			}
		}
		staged := answer(r, 200, id, "evidence", map[string]any{"evidence": map[string]any{"receipt": file.Get("id"), "customerName": "Jenny"}})
		if staged.Get("hasEvidence") != "true" || staged.Get("status") != "needs_response" || staged.Get("submissionCount") != "0" {
			t.Errorf("%s", staged.Body)
		}
		given := map[string]any{"evidence": map[string]any{"uncategorizedText": "winning_evidence"}, "submit": true}
		done := answer(r, 200, id, "evidence", given, "Idempotency-Key", "e1")
		if done.Get("submissionCount") != "1" {
			t.Errorf("%s", done.Body)
		}
		won := becomes(r, id, "won", 0)
		if won.Get("amountReinstated") != "3600" || won.Get("closedAt") == "" {
			t.Errorf("%s", won.Body)
		}
		if again := answer(r, 200, id, "evidence", given, "Idempotency-Key", "e1"); again.Header.Get("Idempotency-Replayed") != "true" || again.Get("status") != "won" {
			t.Errorf("%v %s", again.Header, again.Body)
		}
		if late := answer(r, 409, id, "evidence", given); late.Get("code") != "dispute_not_answerable" {
			t.Errorf("%s", late.Body)
		}
		s.shows(r, "paid", "", "")
		at := r.AtStripe("GET", "/v1/disputes/"+d.Get("stripeId"), nil)
		if e := at["evidence"].(map[string]any); e["customer_name"] != "Jenny" || !strings.HasPrefix(fmt.Sprint(e["receipt"]), "file_") {
			t.Errorf("%v", e)
		}
		r.Settle(false)
		if n := notices(r, "A payment is disputed."); n != 1 {
			t.Errorf("%d mails to staff", n)
		}
		history := r.Call("GET", "/payments/"+s.payment+"/timeline?limit=100", r.Staff("sam"), nil)
		for _, want := range []string{`"dispute.answer"`, `"user:sam"`, `"dispute.status"`, `"dispute.funds"`, `"dispute.file"`} {
			if !strings.Contains(string(history.Body), want) {
				t.Errorf("no %s in %s", want, history.Body)
			}
		}
		for _, path := range []string{"/payments/" + s.payment, "/orders/" + s.order} {
			if own := r.Call("GET", path+"/timeline?limit=100", s.token, nil); strings.Contains(string(own.Body), "dispute") {
				t.Errorf("%s", own.Body)
			}
		}
		balanced(r)
	})
}

func TestADisputeIsLostAndAnotherAccepted(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		s, d := disputed(t, r, "pm_card_createDispute")
		answer(r, 200, d.Get("id"), "evidence", map[string]any{"evidence": map[string]any{"uncategorizedText": "losing_evidence"}, "submit": true})
		becomes(r, d.Get("id"), "lost", 3600)
		s.shows(r, "paid", "", "3600")
		if a := s.refund(r, 409, map[string]any{}); a.Get("code") != "nothing_to_refund" {
			t.Errorf("%s", a.Body)
		}
		other, e := disputed(t, r, "pm_card_createDispute")
		_, key := r.Key("disputes:write")
		closed := r.Call("POST", "/disputes/"+e.Get("id")+"/close", key, nil, "Idempotency-Key", "c1")
		if closed.Status != 200 || closed.Get("status") != "lost" {
			t.Fatalf("%d %s", closed.Status, closed.Body)
		}
		other.shows(r, "paid", "", "3600")
		if again := r.Call("POST", "/disputes/"+e.Get("id")+"/close", key, nil, "Idempotency-Key", "c1"); again.Status != 200 || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%d %s", again.Status, again.Body)
		}
		list := r.Call("GET", "/disputes?status=lost&limit=1", r.Staff("sam"), nil)
		if list.Get("data.0.id") != e.Get("id") || list.Get("hasMore") != "true" {
			t.Errorf("%s", list.Body)
		}
		balanced(r)
	})
}

func TestAnInquiryIsRefundedOrEscalated(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		s, d := disputed(t, r, "pm_card_createDisputeInquiry")
		if d.Get("status") != "warning_needs_response" || d.Get("refundable") != "true" || d.Get("amountWithdrawn") != "0" {
			t.Fatalf("%s", d.Body)
		}
		s.shows(r, "paid", "true", "")
		s.refund(r, 201, map[string]any{})
		becomes(r, d.Get("id"), "warning_closed", 0)
		s.shows(r, "refunded", "", "")

		part, e := disputed(t, r, "pm_card_createDisputeInquiry")
		part.refund(r, 201, map[string]any{"amount": 600})
		answer(r, 200, e.Get("id"), "evidence", map[string]any{"evidence": map[string]any{"uncategorizedText": "escalate_inquiry_evidence"}, "submit": true})
		becomes(r, e.Get("id"), "needs_response", 3000)
		part.shows(r, "partially_refunded", "true", "3000")
		if a := part.refund(r, 409, map[string]any{"amount": 1}); a.Get("code") != "charge_disputed" {
			t.Errorf("%s", a.Body)
		}
		r.Settle(false)
		if n := notices(r, "An inquiry became a chargeback."); n != 1 {
			t.Errorf("%d mails to staff", n)
		}
		balanced(r)
	})
}

// Nothing is delivered: the list of what was made at Stripe finds the dispute, and
// the sweep what becomes of it.
func TestADisputeThatNoWebhookTellsOfIsFound(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		r.Webhooks("drop")
		s := startSale(r)
		if code := r.Confirm(s.secret, "pm_card_createDispute"); code != 200 {
			t.Fatal(code)
		}
		r.Await(s.token, s.payment, 0)
		if err := r.DB.Write(t.Context()).Exec("UPDATE till_settings SET value = ? WHERE name = 'disputes_listed'", fmt.Sprint(time.Now().Add(-time.Hour).Unix())).Error; err != nil {
			t.Fatal(err)
		}
		s.shows(r, "paid", "true", "3600")
		d := r.Call("GET", "/orders/"+s.order+"/disputes", r.Staff("sam"), nil)
		at := r.AtStripe("GET", "/v1/disputes/"+d.Get("data.0.stripeId"), nil)
		r.AtStripe("POST", "/v1/disputes/"+at["id"].(string)+"/close", nil)
		due := func() {
			if err := r.DB.Write(t.Context()).Exec("UPDATE disputes SET next_check_at = ?", time.Now().UTC().Truncate(time.Microsecond).Add(-time.Minute)).Error; err != nil {
				t.Fatal(err)
			}
		}
		due()
		becomes(r, d.Get("data.0.id"), "lost", 3600)
		balanced(r)
	})
}

// Stripe acts and its answer is lost: the same call is made again, under its key.
func TestAnAnswerWhoseOutcomeIsLostIsMadeOnce(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, d := disputed(t, r, "pm_card_createDispute")
		r.Fault("POST", "/v1/disputes/*", "reset_after", 20)
		body := map[string]any{"evidence": map[string]any{"productDescription": "mugs"}, "submit": true}
		a := answer(r, 202, d.Get("id"), "evidence", body, "Idempotency-Key", "e1")
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%v", a.Header)
		}
		if b := answer(r, 409, d.Get("id"), "close", nil); b.Get("code") != "dispute_busy" {
			t.Logf("settled already: %s", b.Body)
		}
		r.Door("DELETE", "/_sandbox/faults", nil)
		r.Until("the same request is answered", func() bool {
			return r.Call("POST", "/disputes/"+d.Get("id")+"/evidence", r.Staff("sam"), body, "Idempotency-Key", "e1").Status == 200
		})
		got := becomes(r, d.Get("id"), "under_review", 3600)
		if got.Get("submissionCount") != "1" {
			t.Errorf("%s", got.Body)
		}
		balanced(r)
	})
}

// Every event again, the last first, changes nothing and tells nobody.
func TestEventsOfDisputesTwiceAndBackwards(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		s, d := disputed(t, r, "pm_card_createDispute")
		answer(r, 200, d.Get("id"), "evidence", map[string]any{"evidence": map[string]any{"uncategorizedText": "winning_evidence"}, "submit": true})
		becomes(r, d.Get("id"), "won", 0)
		r.Settle(false)
		before := r.Count("SELECT count(*) FROM timeline WHERE order_id = ?", s.order)
		mails := len(r.Mailbox.Letters())
		again(t, r, "charge.dispute.")
		r.Settle(false)
		becomes(r, d.Get("id"), "won", 0)
		if n := r.Count("SELECT count(*) FROM timeline WHERE order_id = ?", s.order); n != before || len(r.Mailbox.Letters()) != mails {
			t.Errorf("%d entries and then %d, %d mails and then %d", before, n, mails, len(r.Mailbox.Letters()))
		}
		balanced(r)
	})
}
