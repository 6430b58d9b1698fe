package payments

import (
	"context"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/auth"
	"till/pkg/effects"
	"till/pkg/erasure"
	"till/pkg/failpoint"
	"till/pkg/idempotency"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/timeline"
)

const (
	// eraseCancels is how many open orders one call cancels on its way.
	eraseCancels = 200
	// ownLine stands in for the name of a line that did not come from the catalogue.
	ownLine = "Item"
)

// What stands against an erasure.
var (
	// ErrDisputeOpen is returned while what a person has ordered is evidence.
	ErrDisputeOpen = problem.New(problem.Conflict, "dispute_open", "A payment is disputed: what is known of its order is needed until that is decided.")

	errMoneyUnderWay = ErrInProgress.Detailf("A payment is in progress, its money is held, or what came of it is not known yet. Ask again once it is decided.")
)

// Erase takes the caller's personal data away. What is left are the books, under a
// pseudonym that nothing leads back from; whoever comes with the same token again
// begins with nothing. What nobody has paid is canceled first. The rest, of what
// Stripe has sent, what the app's backend was told, and the customer at Stripe, is
// done by FinishErasure, in whatever process.
//
// ErrInProgress and ErrDisputeOpen say what stands against it, and then nothing has
// changed. To erase twice is to erase once.
func (s *Service) Erase(ctx context.Context, who auth.Principal) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*callTimeout)
	defer stop()
	if who.Kind == auth.User {
		if err := s.customers.Settle(ctx, who); err != nil {
			return err
		}
	}
	for range 3 { // another tab may order in between
		var open []OrderID
		err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
			open, err = s.erase(ctx, tx, who)
			return err
		})
		if err != nil {
			return err
		}
		if len(open) == 0 {
			failpoint.Here("erasure.committed")
			s.nudge()
			return nil
		}
		for _, id := range open {
			if _, err := s.CancelOrder(ctx, who, id, idempotency.Request{}); err != nil && !errors.Is(err, ErrAlreadyPaid) && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
	}
	return errStripeSilent.Detailf("There is more to be canceled. Send the same request again.")
}

// erase is the transaction of an erasure. It returns orders that are to be canceled
// first, and then has changed nothing.
func (s *Service) erase(ctx context.Context, tx *gorm.DB, who auth.Principal) ([]OrderID, error) {
	orders, err := lockOwned(tx, who.Owner())
	if err != nil {
		return nil, err
	}
	of := func(owner string) *gorm.DB { return tx.Model(&orderRow{}).Select("id").Where("owner = ?", owner) }
	if err := s.mayErase(tx, of(who.Owner())); err != nil {
		return nil, err
	}
	var open []OrderID
	err = tx.Model(&orderRow{}).Where("owner = ? AND status = ?", who.Owner(), OrderOpen).Order("id").Limit(eraseCancels).Pluck("id", &open).Error
	if err != nil || len(open) > 0 {
		return open, err
	}
	pseudonym, now := erasure.NewOwner(), s.now()
	customers, objects, err := s.customers.Forget(tx, who.Owner(), pseudonym)
	if err != nil {
		return nil, err
	}
	for _, claim := range []string{"owner = ?", "guest = ?"} {
		if err := tx.Where(claim, who.Owner()).Delete(&guestClaimRow{}).Error; err != nil {
			return nil, err
		}
	}
	if err := idempotency.Forget(tx, who.Owner()); err != nil {
		return nil, err
	}
	if len(orders) == 0 && len(customers) == 0 {
		return nil, nil
	}
	// Those that were looked at alone: what another tab has ordered since stays theirs.
	for part := range slices.Chunk(orders, peopleChunk) {
		err := tx.Model(&orderRow{}).Where("id IN ?", part).Updates(map[string]any{
			"owner": pseudonym, "updated_at": gorm.Expr("CASE WHEN updated_at < ? THEN ? ELSE updated_at END", now, now),
		}).Error
		if err != nil {
			return nil, err
		}
	}
	if err := s.blank(tx, pseudonym); err != nil {
		return nil, err
	}
	for _, column := range []string{"intent_id", "session_id"} {
		var some []string
		if err := tx.Model(&paymentRow{}).Where(column+" IS NOT NULL AND order_id IN (?)", of(pseudonym)).Pluck(column, &some).Error; err != nil {
			return nil, err
		}
		objects = append(objects, some...)
	}
	var files []string // of evidence
	disputes := tx.Model(&disputeRow{}).Select("id").Where("order_id IN (?)", of(pseudonym))
	if err := tx.Model(&disputeFileRow{}).Where("stripe_id IS NOT NULL AND dispute_id IN (?)", disputes).Pluck("stripe_id", &files).Error; err != nil {
		return nil, err
	}
	entries := make([]timeline.Entry, len(orders))
	for i, id := range orders {
		entries[i] = timeline.Entry{
			OrderID: string(id), Kind: "order.erased", Message: "The customer had their personal data erased.", Cause: timeline.Cause{Kind: timeline.ByAPI}, At: now,
		}
	}
	for part := range slices.Chunk(entries, peopleChunk) {
		if err := timeline.Write(tx, part); err != nil {
			return nil, err
		}
	}
	return nil, erasure.Begin(tx, pseudonym, customers, append(objects, files...), now)
}

// lockOwned locks an owner's orders and their payments as Apply does, and returns the orders.
func lockOwned(tx *gorm.DB, owner string) (orders []OrderID, err error) {
	lock := func() *gorm.DB { return tx.Clauses(clause.Locking{Strength: "UPDATE"}) }
	if err := lock().Model(&orderRow{}).Where("owner = ?", owner).Order("id").Pluck("id", &orders).Error; err != nil {
		return nil, err
	}
	var payments []ID
	of := tx.Model(&orderRow{}).Select("id").Where("owner = ?", owner)
	return orders, lock().Model(&paymentRow{}).Where("order_id IN (?)", of).Order("id").Pluck("id", &payments).Error
}

// mayErase refuses while money is under way, or what is known is evidence.
func (s *Service) mayErase(tx, orders *gorm.DB) error {
	var live []paymentRow
	// In the words of the index.
	err := tx.Where("order_id IN (?) AND stage <> 'abandoned' AND status NOT IN ('succeeded', 'canceled')", orders).Find(&live).Error
	if err != nil {
		return err
	}
	for _, p := range live {
		if p.Stage == creating || p.Stage == sent || !p.confirmable() {
			return errMoneyUnderWay
		}
	}
	var disputes []disputeRow
	if err := tx.Where("order_id IN (?)", orders).Find(&disputes).Error; err != nil {
		return err
	}
	for _, d := range disputes {
		if !d.Status.closed() || d.asked() {
			return ErrDisputeOpen
		}
	}
	return nil
}

// blank takes out of a pseudonym's rows all that tells of a person. The books stay:
// amounts, states, times, Stripe's ids, lines of the catalogue and steps of the
// timeline. It may be done again.
func (s *Service) blank(tx *gorm.DB, pseudonym string) error {
	orders := func() *gorm.DB { return tx.Model(&orderRow{}).Select("id").Where("owner = ?", pseudonym) }
	payments := func() *gorm.DB { return tx.Model(&paymentRow{}).Select("id").Where("order_id IN (?)", orders()) }
	for _, step := range []func() error{
		func() error {
			return tx.Model(&orderRow{}).Where("owner = ?", pseudonym).Updates(map[string]any{
				"reference": nil, "description": "", "metadata": gorm.Expr("'{}'"), "locale": "", "receipt_email": "", "account_email": "", "billing_email": "",
			}).Error
		},
		func() error {
			return tx.Model(&itemRow{}).Where("price_id = '' AND order_id IN (?)", orders()).Update("name", ownLine).Error
		},
		func() error {
			return tx.Model(&paymentRow{}).Where("order_id IN (?)", orders()).Update("network", "").Error
		},
		func() error { // what an ended payment has asked for is asked no more
			return tx.Model(&paymentRow{}).Where("order_id IN (?) AND (stage = 'abandoned' OR status IN ('succeeded', 'canceled'))", orders()).
				Updates(map[string]any{"call": gorm.Expr("'{}'"), "client_secret": "", "next_action": nil}).Error
		},
		func() error {
			return tx.Model(&refundRow{}).Where("note <> '' AND order_id IN (?)", orders()).Update("note", "").Error
		},
		func() error {
			disputes := tx.Model(&disputeRow{}).Select("id").Where("order_id IN (?)", orders())
			return tx.Model(&disputeFileRow{}).Where("dispute_id IN (?)", disputes).Updates(map[string]any{"name": "", "sha256": gorm.Expr("id")}).Error
		},
		func() error { return tx.Where("order_id IN (?)", orders()).Delete(&claimedOrderRow{}).Error },
		func() error { return timeline.Forget(tx, orders, payments, claimedKind, noteKind, "dispute.answer") },
		func() error {
			return s.eachSubject(tx, pseudonym, func(subjects []string) error { return effects.Forget(tx, subjects, s.now()) })
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// eachSubject gives the ids of a pseudonym's orders, and of all that these have, to
// each, some at a time, with the occasions that effects of payments have.
func (s *Service) eachSubject(tx *gorm.DB, pseudonym string, each func(subjects []string) error) error {
	for last := ""; ; {
		var orders []string
		err := tx.Model(&orderRow{}).Where("owner = ? AND id > ?", pseudonym, last).Order("id").Limit(peopleChunk).Pluck("id", &orders).Error
		if err != nil || len(orders) == 0 {
			return err
		}
		last = orders[len(orders)-1]
		subjects := slices.Clone(orders)
		for _, model := range []any{&refundRow{}, &disputeRow{}, &warningRow{}} {
			var ids []string
			if err := tx.Model(model).Where("order_id IN ?", orders).Pluck("id", &ids).Error; err != nil {
				return err
			}
			subjects = append(subjects, ids...)
		}
		var payments []paymentRow
		if err := tx.Select("id", "version").Where("order_id IN ?", orders).Find(&payments).Error; err != nil {
			return err
		}
		for _, p := range payments {
			subjects = append(subjects, string(p.ID))
			for v := range p.Version + 1 {
				subjects = append(subjects, occasionOf(p.ID, v))
			}
		}
		for part := range slices.Chunk(subjects, peopleChunk) {
			if err := each(part); err != nil {
				return err
			}
		}
	}
}

// FinishErasure takes the data out of what the app's backend was told of a
// pseudonym's orders, and once more out of their rows, where somebody may have
// written just then. It may be done again.
func (s *Service) FinishErasure(ctx context.Context, pseudonym string) error {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		if _, err := lockOwned(tx, pseudonym); err != nil {
			return err
		}
		return s.blank(tx, pseudonym)
	})
	if err != nil {
		return err
	}
	if s.outbound == nil {
		return nil
	}
	return store.Translate(s.eachSubject(s.db.Read(ctx), pseudonym, func(subjects []string) error {
		return s.outbound.Rewrite(ctx, subjects, func(body []byte) ([]byte, error) { return forgetTold(body, pseudonym) })
	}))
}
