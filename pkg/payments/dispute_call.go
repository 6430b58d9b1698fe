package payments

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

// What can be wrong with an answer to a dispute.
var (
	// ErrNotAnswerable is returned for a dispute that takes no answer any more.
	ErrNotAnswerable = problem.New(problem.Conflict, "dispute_not_answerable", "This dispute takes no answer any more.")
	// ErrDisputeBusy is returned while what came of an earlier answer is not known.
	ErrDisputeBusy = problem.New(problem.Conflict, "dispute_busy", "Stripe has not answered an earlier call about this dispute yet. Try again shortly.")
	// ErrDisputeRefused is returned where Stripe will not have the answer.
	ErrDisputeRefused = problem.New(problem.Conflict, "dispute_refused", "Stripe refused this.")
	// ErrDisputed is returned for a refund of what is under an open dispute.
	ErrDisputed = problem.New(problem.Conflict, "charge_disputed", "This payment is disputed, and Stripe takes no refund of it: its money goes back by the dispute. Accept the dispute, or give evidence.")
)

// disputeCall is what a revision asks of Stripe, so that it can be repeated to the
// letter. It is not kept longer: evidence tells much about a person.
type disputeCall struct {
	Close    bool             `json:"close,omitempty"`
	Evidence gateway.Evidence `json:"evidence,omitempty"`
	Submit   bool             `json:"submit,omitempty"`
	By       string           `json:"by"`
}

// DisputeAnswer is a dispute after a call that answers it.
type DisputeAnswer struct {
	Dispute    Dispute
	Unknown    bool          // Stripe's answer is not known yet
	RetryAfter time.Duration // with Unknown
	Replayed   bool          // an earlier call with the same Idempotency-Key did it
}

// CloseDispute gives a dispute up. It goes on when the client hangs up.
func (s *Service) CloseDispute(ctx context.Context, who auth.Principal, id DisputeID, key idempotency.Request) (DisputeAnswer, error) {
	return s.answerDispute(ctx, who, id, key, func(*gorm.DB, *disputeRow) (disputeCall, error) { return disputeCall{Close: true}, nil })
}

// answerDispute writes down what decide makes of the locked dispute, calls Stripe and
// records what came of it.
func (s *Service) answerDispute(ctx context.Context, who auth.Principal, id DisputeID, key idempotency.Request, decide func(tx *gorm.DB, d *disputeRow) (disputeCall, error)) (DisputeAnswer, error) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), callTimeout+2*time.Second)
	defer stop()
	var row disputeRow
	var replayed bool
	err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		row, replayed, err = s.openAnswer(ctx, tx, who, id, &key, decide)
		return err
	})
	if err != nil {
		return DisputeAnswer{}, err
	}
	telemetry.Note(ctx, telemetry.OrderKey, string(row.OrderID))
	telemetry.Note(ctx, telemetry.PaymentKey, string(row.PaymentID))
	if row.asked() && !replayed {
		called, err := s.callDispute(ctx, row, key)
		switch {
		case store.Transient(err): // it is on record, and perhaps at Stripe
			s.log.WarnContext(ctx, "what came of an answer to a dispute is not recorded yet", "dispute", row.ID, "error", err)
			if err := s.leaveAnswerOpen(ctx, row, key); err != nil {
				s.log.WarnContext(ctx, "nor that it is open; the sweep finds it", "dispute", row.ID, "error", err)
			}
		case err != nil:
			return DisputeAnswer{}, err
		default:
			row = called
		}
	}
	out := DisputeAnswer{Dispute: row.dispute(), Unknown: row.asked(), Replayed: replayed}
	if out.Unknown {
		out.RetryAfter = 2 * time.Second
	}
	return out, nil
}

// openAnswer is the first transaction. With a key that was used before it returns
// the dispute which that call was about.
func (s *Service) openAnswer(ctx context.Context, tx *gorm.DB, who auth.Principal, id DisputeID, key *idempotency.Request, decide func(tx *gorm.DB, d *disputeRow) (disputeCall, error)) (row disputeRow, replayed bool, err error) {
	earlier, err := key.Claim(tx, string(id), s.now())
	if err != nil {
		return row, false, err
	}
	if row, err = lockDispute(tx, who, id); err != nil {
		return row, false, err
	}
	if before, revision, found := strings.Cut(earlier.ResourceID, ":"); found && before == string(id) {
		mine := revision == strconv.FormatInt(row.Revision, 10)
		switch {
		case earlier.StatusCode != 0:
			return row, true, nil
		case mine && row.asked():
			return row, false, nil // it is called again
		case !mine || row.Refusal == "":
			return row, false, key.Finish(tx, statusCode(false), s.now()) // settled meanwhile
		}
	}
	switch {
	case row.asked():
		return row, false, ErrDisputeBusy.After(2 * time.Second)
	case !row.Status.answerable():
		return row, false, ErrNotAnswerable.Detailf("This dispute takes no answer any more: its status is %s.", row.Status)
	}
	call, err := decide(tx, &row)
	if err != nil {
		return row, false, err
	}
	call.By = string(who.Kind) + ":" + who.Subject
	now := s.now()
	row.Revision, row.Stage, row.Call, row.Refusal, row.CalledAt, row.NextCheckAt, row.Looks = row.Revision+1, creating, &call, "", &now, new(now.Add(s.conf.SweepAfter)), 0
	err = tx.Select("revision", "stage", "call", "refusal", "called_at", "next_check_at", "looks").Updates(&row).Error
	if err != nil {
		return row, false, err
	}
	if err := key.Bind(tx, string(id)+":"+strconv.FormatInt(row.Revision, 10)); err != nil {
		return row, false, err
	}
	e := row.entry(timeline.Cause{Kind: timeline.ByAPI, ID: telemetry.RequestID(ctx)}, now)
	e.Kind, e.To, e.Message, e.Actor = "dispute.answer", call.kind(), call.words()+" ("+string(id)+").", call.By
	return row, false, timeline.Write(tx, []timeline.Entry{e})
}

// lockDispute locks a dispute that the caller may see.
func lockDispute(tx *gorm.DB, who auth.Principal, id DisputeID) (row disputeRow, err error) {
	lock := clause.Locking{Strength: "UPDATE", Table: clause.Table{Name: "disputes"}}
	err = disputesSeenBy(tx, who).Clauses(lock).Where("disputes.id = ?", id).Limit(1).Find(&row).Error
	if err == nil && row.ID == "" {
		err = ErrNotFound
	}
	return row, err
}

func (r *disputeRow) entry(cause timeline.Cause, at time.Time) timeline.Entry {
	return timeline.Entry{OrderID: string(r.OrderID), PaymentID: string(r.PaymentID), Cause: cause, At: at}
}

func (c *disputeCall) kind() string {
	switch {
	case c.Close:
		return "accepted"
	case c.Submit:
		return "submitted"
	}
	return "staged"
}

func (c *disputeCall) words() string {
	switch {
	case c.Close:
		return "The dispute was accepted"
	case c.Submit:
		return "Evidence was given to the bank"
	}
	return "Evidence was laid ready"
}

// callDispute makes the call that the row holds, first or again, and stores what
// came of it. The row comes back as it is then; a definitive refusal is an error.
func (s *Service) callDispute(ctx context.Context, row disputeRow, key idempotency.Request) (disputeRow, error) {
	ctx, cancel := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), callTimeout+2*time.Second)
	defer cancel()
	if s.now().Sub(*row.CalledAt) >= keyLifetime {
		return s.lookForAnswer(ctx, row, key) // its key may no longer replay
	}
	again := row.Stage == sent || s.now().Sub(*row.CalledAt) >= idempotency.Takeover
	ask, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	stripeKey := gateway.Key(string(row.ID) + ":answer:" + strconv.FormatInt(row.Revision, 10))
	var answer gateway.DisputeAnswer
	var err error
	if row.Call.Close {
		answer, err = s.gateway.CloseDispute(ask, row.StripeID, stripeKey)
	} else {
		answer, err = s.gateway.GiveEvidence(ask, row.StripeID, row.Call.Evidence, row.Call.Submit, stripeKey)
	}
	var refusal *gateway.Refusal
	switch {
	case err == nil:
		return s.storeAnswer(ctx, row, key, attached, observeDispute(answer, timeline.ByCall))
	case errors.Is(err, gateway.ErrSaved):
		return s.lookForAnswer(ctx, row, key)
	case again && errors.Is(err, gateway.ErrRejected), !errors.As(err, &refusal): // a refused key tells nothing about a call before
		s.log.WarnContext(ctx, "stripe's answer is not known", "dispute", row.ID, telemetry.PaymentKey, row.PaymentID, "error", err)
		if err := s.leaveAnswerOpen(ctx, row, key); err != nil {
			return row, err
		}
		row.Stage = sent
		return row, nil
	}
	return s.refuseAnswer(ctx, row, key, err, refusal)
}

// observeDispute is the news in an answer. What Stripe repeats from an earlier call
// is as old as the dispute, and says that it is to be read.
func observeDispute(a gateway.DisputeAnswer, by string) Observation {
	o := Observation{Intent: gateway.Intent{ID: a.Dispute.Intent}, Dispute: &a.Dispute, At: a.At, Cause: timeline.Cause{Kind: by, ID: a.RequestID}}
	if a.Replayed {
		o.At, o.Reread = a.Dispute.Created, true
	}
	return o
}

// leaveAnswerOpen records that the call's outcome is not known, for the sweep, and
// lets the client's next call with its key carry on.
func (s *Service) leaveAnswerOpen(ctx context.Context, row disputeRow, key idempotency.Request) error {
	ctx, stop := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), recordTimeout) // the call may have used up its own
	defer stop()
	now := s.now()
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		err := tx.Model(&disputeRow{}).Where("id = ? AND revision = ? AND stage IN ?", row.ID, row.Revision, []stage{creating, sent}).
			Updates(map[string]any{"stage": sent, "next_check_at": now.Add(min(sentCheck<<min(row.Looks, 12), lastRepeat)), "looks": gorm.Expr("looks + 1")}).Error
		if err != nil || !key.Claimed() {
			return err
		}
		return key.Yield(tx, now)
	})
	if err != nil {
		return fmt.Errorf("record unknown outcome of an answer to %s: %w", row.ID, err)
	}
	return nil
}

// storeAnswer applies what Stripe said about the dispute, ends the call and finishes
// the key.
func (s *Service) storeAnswer(ctx context.Context, called disputeRow, key idempotency.Request, as stage, news Observation) (row disputeRow, err error) {
	var changes []Change
	err = s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		changes, err = s.apply(ctx, tx, []Observation{news}, allNew, func(p *store.Pipe) {
			idempotency.FinishAll(p, []idempotency.Request{key}, []int{statusCode(false)}, s.now())
		})
		if err != nil {
			return err
		}
		if err := endCall(tx, called, as, ""); err != nil {
			return err
		}
		row = disputeRow{}
		return tx.Where("id = ?", called.ID).Take(&row).Error
	})
	if err != nil {
		return called, fmt.Errorf("record an answer to dispute %s: %w", called.ID, err)
	}
	s.Announce(changes)
	return row, nil
}

// endCall ends the call of the row's revision.
func endCall(tx *gorm.DB, row disputeRow, as stage, refusal string) error {
	return tx.Model(&disputeRow{}).Where("id = ? AND revision = ? AND stage IN ?", row.ID, row.Revision, []stage{creating, sent}).
		Updates(map[string]any{"stage": as, "call": nil, "refusal": refusal, "looks": 0}).Error
}

// lookForAnswer is for a call that cannot be repeated: what the dispute is now says
// whether it was accepted. Evidence does not show who gave it, so of that the
// timeline says that it may have to be given again.
func (s *Service) lookForAnswer(ctx context.Context, row disputeRow, key idempotency.Request) (disputeRow, error) {
	answer, err := s.gateway.ReadDispute(ctx, row.StripeID)
	if err != nil {
		return row, errors.Join(err, s.leaveAnswerOpen(ctx, row, key))
	}
	if DisputeStatus(answer.Dispute.Status).answerable() {
		e := row.entry(timeline.Cause{Kind: timeline.BySweep}, s.now())
		e.Kind, e.To, e.Message = "dispute.answer", "unknown", "What came of an answer to the dispute is not known; look at its evidence ("+string(row.ID)+")."
		if err := s.db.Tx(ctx, func(tx *gorm.DB) error { return timeline.Write(tx, []timeline.Entry{e}) }); err != nil {
			return row, err
		}
	}
	return s.storeAnswer(ctx, row, key, abandoned, observeDispute(answer, timeline.ByRead))
}

// refuseAnswer records that Stripe will not have this answer. The client's key is
// free again, and the dispute is read: Stripe may know more of it than Till.
func (s *Service) refuseAnswer(ctx context.Context, row disputeRow, key idempotency.Request, cause error, refusal *gateway.Refusal) (disputeRow, error) {
	code := refusal.Code
	if code == "" {
		code = "refused"
	}
	now := s.now()
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := endCall(tx, row, abandoned, code); err != nil {
			return err
		}
		if err := tx.Model(&disputeRow{}).Where("id = ?", row.ID).Update("next_check_at", now).Error; err != nil {
			return err
		}
		e := row.entry(timeline.Cause{Kind: timeline.ByCall, ID: refusal.RequestID}, now)
		e.Kind, e.To, e.Message = "dispute.answer", "refused", "Stripe refused the answer to the dispute: "+refusal.Message+" ("+string(row.ID)+")"
		if err := timeline.Write(tx, []timeline.Entry{e}); err != nil || !key.Claimed() {
			return err
		}
		return key.Release(tx)
	})
	if err != nil {
		return row, fmt.Errorf("record a refused answer to %s: %w", row.ID, err)
	}
	s.nudge()
	if errors.Is(cause, gateway.ErrRejected) {
		return row, cause
	}
	return row, ErrDisputeRefused.Detailf("Stripe refused this (%s): %s", code, refusal.Message).Because(cause)
}
