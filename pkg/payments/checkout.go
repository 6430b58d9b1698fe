package payments

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/problem"
)

// SessionID is a Checkout Session's id, ours, chk_…. A session is how one attempt
// is made, so its id is the payment's with another beginning.
type SessionID string

const sessionPrefix = "chk_"

func (id ID) session() SessionID {
	return SessionID(sessionPrefix + strings.TrimPrefix(string(id), "pay_"))
}

// UIMode is where the payer sees Checkout. Stripe's words.
type UIMode string

// Where a payer sees Checkout.
const (
	Hosted   UIMode = "hosted"   // on Stripe's own page
	Embedded UIMode = "embedded" // in a frame of the app's
)

// SessionStatus is Stripe's word for the state of a Checkout Session, or
// SessionUnknown. It only goes from open to one of the others.
type SessionStatus string

// The states of a session. https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-status
const (
	SessionOpen     SessionStatus = "open"
	SessionComplete SessionStatus = "complete" // the payer is done; the money may still be on its way
	SessionExpired  SessionStatus = "expired"
	// SessionUnknown is ours: Stripe's answer to our call is not known yet.
	SessionUnknown SessionStatus = "unknown"
)

// Session is a Checkout Session of Stripe's at which a payment is made.
type Session struct {
	ID            SessionID
	Mode          UIMode
	Status        SessionStatus
	PaymentStatus string    // Stripe's word: unpaid, paid, no_payment_required
	URL           string    // for the payer alone; while a hosted one is open
	ClientSecret  string    // likewise, of an embedded one; never logged
	ExpiresAt     time.Time // zero until Stripe has answered
}

// nothingToPay is Stripe's word for the payment status of a page that takes no money.
const nothingToPay = "no_payment_required"

// Page is how the payer is to see Checkout, and where it leads back to.
type Page struct {
	Mode       UIMode
	SuccessURL string // of a hosted one
	CancelURL  string // likewise, may be left out
	ReturnURL  string // of an embedded one
}

var (
	// ErrSessionComplete is returned for ending a session that the payer has completed.
	ErrSessionComplete = problem.New(problem.Conflict, "checkout_session_complete", "The payer has completed this Checkout Session, so it cannot be expired.")
	errUIMode          = errValidation.Detailf("uiMode must be hosted or embedded.").At("uiMode")
)

// Checkout starts paying for an order at a page of Stripe's, as Start does by a
// client secret. A live attempt that is another page, or none, is ended at Stripe
// first and seen dead. The payment that comes back has its session.
func (s *Service) Checkout(ctx context.Context, who auth.Principal, page Page, r StartRequest) (Started, error) {
	if err := page.check(s.conf.Origins); err != nil {
		return Started{}, err
	}
	r.page = &page
	out, err := s.Start(ctx, who, r)
	switch {
	case err != nil || out.Payment.Session != nil:
		return out, err
	case out.Payment.Status == Succeeded:
		return Started{}, ErrAlreadyPaid
	}
	return Started{}, ErrInProgress.Detailf("This order is being paid another way.")
}

func (p Page) check(origins []string) error {
	addresses := []struct {
		name, text     string
		of             UIMode
		mayBeLeftEmpty bool
	}{
		{"successUrl", p.SuccessURL, Hosted, false}, {"cancelUrl", p.CancelURL, Hosted, true}, {"returnUrl", p.ReturnURL, Embedded, false},
	}
	if p.Mode != Hosted && p.Mode != Embedded {
		return errUIMode
	}
	for _, a := range addresses {
		switch {
		case a.of != p.Mode && a.text != "":
			return errValidation.Detailf("%s belongs to uiMode %s; leave it out.", a.name, a.of).At(a.name)
		case a.of == p.Mode && a.text == "" && !a.mayBeLeftEmpty:
			return errValidation.Detailf("%s is required with uiMode %s.", a.name, p.Mode).At(a.name)
		case a.text == "":
			continue
		}
		if err := checkRedirect(origins, a.text, a.name); err != nil {
			return err
		}
	}
	return nil
}

// checkout is what is kept of an attempt's session, beside its id.
type checkout struct {
	Mode          UIMode        `json:"mode"`
	Status        SessionStatus `json:"status,omitempty"` // empty until Stripe has answered
	PaymentStatus string        `json:"paymentStatus,omitempty"`
	URL           string        `json:"url,omitempty"`
	Secret        string        `json:"secret,omitempty"`
	ExpiresAt     int64         `json:"expiresAt,omitempty"` // Stripe's second
}

// over reports whether nobody can pay at it any more.
func (c *checkout) over() bool { return c.Status == SessionComplete || c.Status == SessionExpired }

// open reports whether somebody may. nil is an attempt without a page.
func (c *checkout) open() bool { return c != nil && !c.over() }

func (c *checkout) expires() time.Time {
	if c.ExpiresAt == 0 {
		return time.Time{}
	}
	return time.Unix(c.ExpiresAt, 0).UTC()
}

func (r *paymentRow) session() *Session {
	c := r.Checkout
	if c == nil {
		return nil
	}
	out := &Session{
		ID: r.ID.session(), Mode: c.Mode, Status: cmp.Or(c.Status, SessionUnknown), PaymentStatus: cmp.Or(c.PaymentStatus, "unpaid"),
		URL: c.URL, ClientSecret: c.Secret, ExpiresAt: c.expires(),
	}
	if c.Status == "" && !r.live() { // refused by Stripe, or never there
		out.Status = SessionExpired
	}
	return out
}

// nextAction is what the app does while the payer may still pay at the page; false
// once its payment goes the way of all.
func (s *Session) nextAction() (*NextAction, bool) {
	switch {
	case s.Status != SessionOpen:
		return nil, false
	case s.Mode == Hosted:
		return &NextAction{Type: ActRedirect, URL: s.URL, ExpiresAt: s.ExpiresAt}, true
	}
	return &NextAction{Type: ActCheckout, ExpiresAt: s.ExpiresAt}, true
}

// withoutPages is what others than the payer may see of it.
func (s *Session) withoutPages() *Session {
	if s == nil {
		return nil
	}
	out := *s
	out.URL, out.ClientSecret = "", ""
	return &out
}

// CheckoutSession returns the payment that a session which the caller may see is
// for, by our id or by Stripe's, which is what a payer comes back with.
func (s *Service) CheckoutSession(ctx context.Context, who auth.Principal, id SessionID) (Payment, error) {
	row, err := s.seenSession(ctx, who, id)
	if err != nil {
		return Payment{}, err
	}
	return shown(row.payment(), who), nil
}

func (s *Service) seenSession(ctx context.Context, who auth.Principal, id SessionID) (paymentRow, error) {
	column, value := "session_id", string(id)
	if own, ok := strings.CutPrefix(value, sessionPrefix); ok {
		column, value = "id", "pay_"+own
	}
	row, err := s.seenUnder(ctx, who, column, value)
	if err == nil && row.Checkout == nil {
		err = ErrNotFound
	}
	return row, err
}

// beside decides what a request means where the live attempt or what is asked for
// is a page of Stripe's. A page cannot be changed: it is the one that is asked for,
// or it gives way, as does an intent to a page.
func (s *Service) beside(tx *gorm.DB, order *orderRow, current *paymentRow, cart *priced, said *terms, page *Page, total money.Amount) (plan, error) {
	away := plan{step: replace, payment: *current}
	switch {
	case page == nil && said == nil: // the order is brought up to date, and nobody asks to pay
		if current.Call.Params.Amount != total {
			return away, nil
		}
		return plan{step: answer, payment: *current}, s.becomes(tx, order, cart)
	case page == nil || current.Checkout == nil || current.Checkout.over() || current.pastItsTime(s.now()):
		return away, nil
	}
	want, err := s.pageCall(tx, order, current.ID, total, cart, *page, said.over(terms{}))
	if err != nil {
		return plan{}, err
	}
	same, err := want.equal(current.Call)
	if err != nil || !same || want.mode() != current.Checkout.Mode {
		return away, err
	}
	p := plan{step: answer, payment: *current, secret: true}
	if current.Stage == creating || current.Stage == sent {
		p.step = join
	}
	return p, s.becomes(tx, order, cart)
}

func (r *paymentRow) pastItsTime(now time.Time) bool {
	end := r.Checkout.expires()
	return !end.IsZero() && !now.Before(end)
}

// lookAfterExpiry is when an open page is to be looked at because its time is over;
// zero where there is none, or it is not known.
func (r *paymentRow) lookAfterExpiry() time.Time {
	if !r.Checkout.open() || r.Checkout.ExpiresAt == 0 {
		return time.Time{}
	}
	return r.Checkout.expires().Add(expiryGrace)
}

// openPage turns a new attempt into one at a page.
func (s *Service) openPage(tx *gorm.DB, order *orderRow, row *paymentRow, total money.Amount, cart *priced, page Page, want terms) error {
	asked, err := s.pageCall(tx, order, row.ID, total, cart, page, want)
	row.Call, row.Checkout = asked, &checkout{Mode: page.Mode}
	return err
}

// pageCall is the call that makes a page for an attempt.
func (s *Service) pageCall(tx *gorm.DB, order *orderRow, id ID, total money.Amount, cart *priced, page Page, want terms) (call, error) {
	var items []itemRow
	if cart != nil {
		items = cart.items
	} else if err := tx.Where("order_id = ?", order.ID).Order("position").Find(&items).Error; err != nil {
		return call{}, err
	}
	row := paymentRow{Call: call{Params: s.intentParams(order, id, 1, total)}}
	row.ask(want, terms{})
	asked := &gateway.CheckoutParams{
		Embedded: page.Mode == Embedded, SuccessURL: page.SuccessURL, CancelURL: page.CancelURL, ReturnURL: page.ReturnURL,
		Lines: pageLines(items, total, order.Description), Reference: string(order.ID),
	}
	if want.customer == "" {
		asked.Email = order.ReceiptEmail
		if asked.Email == "" && plainAddress(order.AccountEmail) {
			asked.Email = order.AccountEmail
		}
	}
	row.Call.Checkout = asked
	return row.Call, nil
}

// linesLimit is how many lines a page may have.
// https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-line_items
const linesLimit = 100

// pageLines are the order's lines as a page shows them. Where they do not come to
// the total, or are too many, it is one line: what is paid is the order's total.
func pageLines(items []itemRow, total money.Amount, description string) []gateway.CheckoutLine {
	lines := make([]gateway.CheckoutLine, len(items))
	sum := int64(0)
	for i, item := range items {
		lines[i] = gateway.CheckoutLine{Name: title(item.Name), Unit: item.UnitAmount, Quantity: item.Quantity}
		sum += item.UnitAmount * item.Quantity
	}
	if sum != total.Minor || len(lines) == 0 || len(lines) > linesLimit {
		return []gateway.CheckoutLine{{Name: title(description), Unit: total.Minor, Quantity: 1}}
	}
	return lines
}

// title is a name of the length that Stripe takes.
func title(name string) string {
	letters := []rune(cmp.Or(strings.TrimSpace(name), "Order"))
	return string(letters[:min(len(letters), 250)])
}

// equal compares calls as they are stored.
func (c call) equal(other call) (bool, error) {
	a, err := json.Marshal(c)
	b, otherErr := json.Marshal(other)
	return bytes.Equal(a, b), cmp.Or(err, otherErr)
}

func (c call) mode() UIMode {
	if c.Checkout.Embedded {
		return Embedded
	}
	return Hosted
}

// giveWay ends an attempt at Stripe so that another one, or none, takes its place,
// and sees it dead. It does not where the payer was faster: then the order says so,
// and is to be looked at anew.
func (s *Service) giveWay(ctx context.Context, who auth.Principal, row paymentRow) error {
	row, err := s.cancelAtStripe(ctx, who, row)
	switch {
	case errors.Is(err, ErrNotCancelable):
		return nil
	case err == nil && row.Status != Canceled:
		return errStripeSilent
	}
	return err
}

// shown is the payment as this caller may see it.
func shown(p Payment, who auth.Principal) Payment {
	if who.Everyone {
		p.NextAction, p.Session = p.NextAction.withoutPages(), p.Session.withoutPages()
	}
	return p
}
