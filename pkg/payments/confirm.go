package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/customers"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/timeline"
)

// Confirmation is what Till confirms a payment with: a Token of what the payer has
// entered, or a Method that they have saved.
type Confirmation struct {
	Token     string
	Method    gateway.MethodID
	ReturnURL string // where the payer comes back to from a bank; on an allowed origin
}

// confirmation is what is kept of one, so that the call can be made again to the letter.
type confirmation struct {
	Token     string           `json:"token,omitempty"`
	Method    gateway.MethodID `json:"method,omitempty"`
	ReturnURL string           `json:"returnUrl"`
	Future    customers.Usage  `json:"future,omitempty"` // as in terms
}

// confirmStage is how far a confirming call got. It never leaves Till.
type confirmStage string

const (
	confirmKnown   confirmStage = ""        // none was made, or its outcome is stored
	confirmAsked   confirmStage = "asked"   // written down, the call is under way
	confirmUnknown confirmStage = "unknown" // its outcome is
)

// declinedCode is what a declined confirm answers with.
const declinedCode = http.StatusPaymentRequired

// stripesNames are the fields that Stripe's refusals of a confirm are about.
var stripesNames = map[string]string{"confirmation_token": "confirmationToken", "payment_method": "paymentMethod", "return_url": "returnUrl"}

// confirming reports whether the outcome of a confirm is not known. An intent at its end
// can be confirmed no more.
func (r *paymentRow) confirming() bool { return r.ConfirmStage != confirmKnown && r.live() }

// confirmDue reports whether nobody waits for the answer to a confirm any more.
func (r *paymentRow) confirmDue(now time.Time) bool {
	return r.ConfirmStage == confirmUnknown || now.Sub(*r.ConfirmAt) > idempotency.Takeover
}

// confirmKey is the same for every try of one confirm.
func (r *paymentRow) confirmKey() gateway.Key {
	return gateway.Key(fmt.Sprintf("%s:confirm:%d", r.ID, r.ConfirmNumber))
}

// confirmedWith reports whether the last confirm was with the same.
func (r *paymentRow) confirmedWith(c *Confirmation) bool {
	return r.Confirm != nil && r.Confirm.Token == c.Token && r.Confirm.Method == c.Method
}

// carriesOn reports whether a request that is sent again has only to look at the payment:
// it has been confirmed with this, or there is nothing to confirm any more.
func (r *paymentRow) carriesOn(c *Confirmation) bool {
	return r.ID != "" && r.Stage == attached && (r.confirmedWith(c) || !r.confirmable())
}

// creates is the client's key as the call that makes the intent finishes it: where the
// payment is confirmed as well, that is left to the confirm, so that the same request
// again goes on with it.
func (r *StartRequest) creates() idempotency.Request {
	if r.Confirm != nil {
		return idempotency.Request{}
	}
	return r.Idempotency
}

// calls is how many calls to Stripe a request may wait for, one after the other.
func (r *StartRequest) calls() time.Duration {
	if r.Confirm != nil {
		return 2
	}
	return 1
}

// checkConfirm refuses what cannot be confirmed with, and what is another's.
func (s *Service) checkConfirm(ctx context.Context, who auth.Principal, r *StartRequest) error {
	c := r.Confirm
	switch {
	case c == nil:
		return nil
	case c.Token == "" && c.Method == "", c.Token != "" && c.Method != "":
		return errValidation.Detailf("Send exactly one of confirmationToken and paymentMethod with returnUrl.").At("confirmationToken")
	case c.ReturnURL == "":
		return errValidation.Detailf("returnUrl is required: where does the payer come back to from a bank?").At("returnUrl")
	case strings.ContainsAny(c.ReturnURL, "{}"):
		return ErrRedirect.Detailf("returnUrl may have no braces.").At("returnUrl")
	case r.OrderID == "" && r.Reference == "":
		// Else a double click would make two orders and pay both.
		return errValidation.Detailf("reference (or orderId) is required where Till confirms: it tells a second try from a second order.").At("reference")
	case c.Method != "" && who.Kind != auth.User:
		return customers.ErrGuest.At("paymentMethod")
	}
	if err := checkRedirect(s.conf.Origins, c.ReturnURL, "returnUrl"); err != nil || c.Method == "" {
		return err
	}
	r.Saved = true // it is their customer's
	err := s.customers.Own(ctx, who, c.Method)
	if errors.Is(err, customers.ErrNotFound) {
		err = ErrNotFound.At("paymentMethod")
	}
	return err
}

// confirm has Stripe confirm the attempt that a request has made or found, and finishes
// the request's key. again means that the attempt has changed and the request is to be
// looked at anew.
//
// However often and at once it is asked for, one confirm is under way at a time: another
// one is made only once the outcome of the last is known.
func (s *Service) confirm(ctx context.Context, who auth.Principal, r *StartRequest, p plan, out Started) (Started, bool, error) {
	switch {
	case out.Unknown:
		return out, false, s.conclude(ctx, r.Idempotency, false)
	case p.replayed && p.declined && p.payment.declined():
		return Started{}, false, declinedAs(*p.payment.Failure, &p.payment, r)
	case p.replayed:
		out.Secret = p.payment.goesOn()
		return out, false, nil
	}
	var row paymentRow
	var refused error
	for todo := join; todo == join; {
		var err error
		if row, todo, err = s.openConfirm(ctx, who, r, &p.payment); err != nil {
			return Started{}, false, err
		}
		switch todo {
		case replace:
			if row.StopFor != "" && row.live() {
				err = s.stop(ctx, row)
			}
			return Started{}, err == nil, err
		case ask:
			row, refused, err = s.callConfirm(ctx, row, true)
		case join:
			row, err = s.await(ctx, row)
		}
		if err != nil {
			return Started{}, false, err
		}
		if row.pending() && row.live() {
			return s.started(plan{payment: row, created: p.created}, true), false, s.conclude(ctx, r.Idempotency, false)
		}
	}
	var failed *failure
	if why, ok := errors.AsType[*gateway.Refusal](refused); ok && errors.Is(refused, gateway.ErrDeclined) {
		failed = &failure{Code: why.Code, DeclineCode: why.DeclineCode}
	} else if refused == nil && row.declined() {
		failed = row.Failure
	}
	switch {
	case failed != nil && row.confirmable():
		if err := s.finish(ctx, r.Idempotency, declinedCode); err != nil {
			return Started{}, false, err
		}
		return Started{}, false, declinedAs(*failed, &row, r)
	case refused != nil && row.confirmable():
		return Started{}, false, inOurWords(refused)
	}
	return s.started(plan{payment: row, created: p.created, secret: row.goesOn()}, false), false, s.finish(ctx, r.Idempotency, statusCode(p.created))
}

// openConfirm decides what a request to confirm means for a payment as it is now, and
// writes down the call before it is made: ask is to make it, join to wait for another
// one, replace to look at the request anew; with answer there is nothing to confirm.
func (s *Service) openConfirm(ctx context.Context, who auth.Principal, r *StartRequest, seen *paymentRow) (row paymentRow, todo step, err error) {
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		_, payments, err := s.lockSeen(tx, who, *seen.OrderID)
		if err != nil {
			return err
		}
		found := newest(payments, func(p *paymentRow) bool { return p.ID == seen.ID })
		if found == nil {
			return ErrNotFound
		}
		row = *found
		switch {
		case row.confirming():
			todo = join
			return nil
		case row.Status == Succeeded, row.live() && !row.pending() && !row.confirmable():
			todo = answer
			return nil
		case !row.live(), row.pending(), row.StopFor != "", row.IntentID == nil:
			todo = replace
			return nil
		case row.confirmedWith(r.Confirm) && (row.Confirm.Token != "" || row.Status == RequiresAction):
			todo = answer // a token is good for one confirm
			return nil
		case row.Revision != seen.Revision: // the payer may have seen another amount
			todo = replace
			return nil
		}
		now := s.now()
		todo = ask
		row.Confirm = &confirmation{Token: r.Confirm.Token, Method: r.Confirm.Method, ReturnURL: r.Confirm.ReturnURL, Future: row.FutureUsage}
		row.ConfirmNumber, row.ConfirmStage, row.ConfirmAt = row.ConfirmNumber+1, confirmAsked, &now
		row.Version, row.UpdatedAt = row.Version+1, latest(row.UpdatedAt, now)
		if soon := now.Add(s.conf.SweepAfter); row.NextCheckAt == nil || row.NextCheckAt.After(soon) {
			row.NextCheckAt = &soon
		}
		if err := overwrite(tx, []paymentRow{row}); err != nil {
			return err
		}
		return timeline.Write(tx, []timeline.Entry{{
			OrderID: string(*row.OrderID), PaymentID: string(row.ID), Kind: "payment.confirm", Version: row.Version,
			Message: "Till asks Stripe to confirm.", Cause: asked(ctx, who), Actor: who.Actor(), At: now,
		}})
	})
	return row, todo, err
}

// declined reports whether the last try did not go through.
func (r *paymentRow) declined() bool { return r.Status == RequiresPaymentMethod && r.Failure != nil }

// goesOn reports whether the app has to go on with Stripe.js, and so needs the secret.
func (r *paymentRow) goesOn() bool {
	return r.live() && (r.Status == RequiresAction || r.Status == RequiresConfirmation)
}

// declinedAs tells the payer why, as far as payers are told.
func declinedAs(f failure, row *paymentRow, r *StartRequest) error {
	told := explain(f, "en").ToPayer(row.Withheld).In(r.AcceptLanguage)
	e := gateway.ErrDeclined.Detailf("%s", told.Message)
	e.Code, e.DeclineCode = told.Code, told.DeclineCode
	return e
}

// inOurWords names the field that Stripe refuses as the client knows it.
func inOurWords(refused error) error {
	if p, ok := problem.As(refused); ok && stripesNames[p.Param] != "" {
		return p.At(stripesNames[p.Param])
	}
	return refused
}

// finish records what the request with this key answers.
func (s *Service) finish(ctx context.Context, key idempotency.Request, status int) error {
	if key.Key == "" {
		return nil
	}
	return s.db.Tx(ctx, func(tx *gorm.DB) error { return key.Finish(tx, status, s.now()) })
}
