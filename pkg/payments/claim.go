package payments

import (
	"context"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/auth"
	"till/pkg/idempotency"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/timeline"
)

const (
	claimedKind = "order.claimed"
	// claimAtOnce is how many orders one transaction gives to an account.
	claimAtOnce = 1000
	// claimShown is how many of them an answer names.
	claimShown = 100
	// peopleChunk is how many rows or ids one statement about a person takes.
	peopleChunk = 500
)

// ErrClaimed is returned for a guest whom another account has claimed.
var ErrClaimed = problem.New(problem.Conflict, "guest_already_claimed", "Another account has claimed what this guest has ordered.")

// Claimed is an order that was a guest's and is an account's.
type Claimed struct {
	OrderID   OrderID
	Reference string // that it has now
	// Former is the reference that it had and lost, because the account has another
	// order under it.
	Former string
	At     time.Time
}

type guestClaimRow struct {
	Guest     string `gorm:"primaryKey"`
	Owner     string
	ClaimedAt time.Time
}

func (guestClaimRow) TableName() string { return "guest_claims" }

type claimedOrderRow struct {
	OrderID   OrderID `gorm:"primaryKey"`
	Guest     string
	Reference string // former
	ClaimedAt time.Time
}

func (claimedOrderRow) TableName() string { return "claimed_orders" }

// Claim gives the caller all that a guest has ordered, with the guest's idempotency
// keys, and returns the newest of it and whether there is more. Orders keep their
// ids and payments; whatever is under way with them goes on. The same call again
// gets the same answer, and what the guest has ordered since. ErrClaimed says that
// another account was first.
func (s *Service) Claim(ctx context.Context, who, guest auth.Principal) ([]Claimed, bool, error) {
	for n := claimAtOnce; n == claimAtOnce; {
		var payments []ID
		err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
			n, payments, err = s.claim(ctx, tx, who, guest)
			if errors.Is(err, gorm.ErrDuplicatedKey) { // the account has just used a reference or key of the guest's
				err = store.ErrRaced
			}
			return err
		})
		if err != nil {
			return nil, false, err
		}
		for _, id := range payments { // who follows one as the guest is to look again
			s.hub.wake(id)
		}
	}
	return s.claimed(ctx, who, guest)
}

// claim is one transaction of a claim. Locks are taken as Apply takes them: orders
// by id, then payments by id.
func (s *Service) claim(ctx context.Context, tx *gorm.DB, who, guest auth.Principal) (int, []ID, error) {
	var orders []orderRow
	lock := func() *gorm.DB { return tx.Clauses(clause.Locking{Strength: "UPDATE"}) }
	if err := lock().Where("owner = ?", guest.Owner()).Order("id").Limit(claimAtOnce).Find(&orders).Error; err != nil {
		return 0, nil, err
	}
	now := s.now()
	if len(orders) > 0 {
		mine := guestClaimRow{Guest: guest.Owner(), Owner: who.Owner(), ClaimedAt: now}
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&mine).Error; err != nil {
			return 0, nil, err
		}
	}
	var first guestClaimRow
	if err := tx.Where("guest = ?", guest.Owner()).Limit(1).Find(&first).Error; err != nil {
		return 0, nil, err
	}
	switch {
	case first.Owner != "" && first.Owner != who.Owner():
		return 0, nil, ErrClaimed
	case len(orders) == 0:
		return 0, nil, nil
	}
	taken, err := referencesOf(tx, who.Owner(), orders)
	if err != nil {
		return 0, nil, err
	}
	var ids []OrderID
	var lost []OrderID
	var records []claimedOrderRow
	var entries []timeline.Entry
	for _, o := range orders {
		ids = append(ids, o.ID)
		r := claimedOrderRow{OrderID: o.ID, Guest: guest.Owner(), ClaimedAt: now}
		e := timeline.Entry{
			OrderID: string(o.ID), Kind: claimedKind, From: string(auth.Guest), To: string(auth.User), Cause: asked(ctx, who), At: now,
			// Shown to staff alone, as any actor is.
			Actor: string(who.Kind) + ":" + who.Subject, Message: "An account has claimed the order, which was a guest's.",
		}
		if o.CanceledAt == nil && slices.Contains(taken, text(o.Reference)) {
			r.Reference, lost = *o.Reference, append(lost, o.ID)
			e.Message += " It has no reference any more: the account has another order under it."
		}
		records, entries = append(records, r), append(entries, e)
	}
	var payments []ID
	for part := range slices.Chunk(ids, peopleChunk) {
		var some []ID
		if err := lock().Model(&paymentRow{}).Where("order_id IN ?", part).Order("id").Pluck("id", &some).Error; err != nil {
			return 0, nil, err
		}
		payments = append(payments, some...)
	}
	for part := range slices.Chunk(lost, peopleChunk) {
		if err := tx.Model(&orderRow{}).Where("id IN ?", part).Update("reference", nil).Error; err != nil {
			return 0, nil, err
		}
	}
	for part := range slices.Chunk(ids, peopleChunk) {
		err := tx.Model(&orderRow{}).Where("id IN ?", part).Updates(map[string]any{
			"owner":         who.Owner(),
			"account_email": gorm.Expr("CASE WHEN account_email = '' THEN ? ELSE account_email END", who.Email),
			"updated_at":    gorm.Expr("CASE WHEN updated_at < ? THEN ? ELSE updated_at END", now, now),
		}).Error
		if err != nil {
			return 0, nil, err
		}
	}
	if err := idempotency.Move(tx, guest.Owner(), who.Owner()); err != nil {
		return 0, nil, err
	}
	for part := range slices.Chunk(records, peopleChunk) {
		if err := tx.Create(&part).Error; err != nil {
			return 0, nil, err
		}
	}
	for part := range slices.Chunk(entries, peopleChunk) {
		if err := timeline.Write(tx, part); err != nil {
			return 0, nil, err
		}
	}
	return len(orders), payments, nil
}

// referencesOf are those of the orders' references that an owner has an order under.
func referencesOf(tx *gorm.DB, owner string, orders []orderRow) (taken []string, err error) {
	var wanted []string
	for _, o := range orders {
		if o.Reference != nil && o.CanceledAt == nil {
			wanted = append(wanted, *o.Reference)
		}
	}
	for part := range slices.Chunk(wanted, peopleChunk) {
		var some []string
		err := tx.Model(&orderRow{}).Where("owner = ? AND reference IN ? AND canceled_at IS NULL", owner, part).Pluck("reference", &some).Error
		if err != nil {
			return nil, err
		}
		taken = append(taken, some...)
	}
	return taken, nil
}

// claimed are the newest orders that the caller has claimed of a guest.
func (s *Service) claimed(ctx context.Context, who, guest auth.Principal) ([]Claimed, bool, error) {
	var rows []struct {
		OrderID   OrderID
		Reference *string
		Former    string
		ClaimedAt time.Time
	}
	err := s.db.Read(ctx).Table("claimed_orders AS c").Select("c.order_id, o.reference, c.reference AS former, c.claimed_at").
		Joins("JOIN orders AS o ON o.id = c.order_id").Where("c.guest = ? AND o.owner = ?", guest.Owner(), who.Owner()).
		Order("c.order_id DESC").Limit(claimShown + 1).Find(&rows).Error
	if err != nil {
		return nil, false, store.Translate(err)
	}
	more := len(rows) > claimShown
	claimed := make([]Claimed, min(len(rows), claimShown))
	for i := range claimed {
		r := rows[i]
		claimed[i] = Claimed{OrderID: r.OrderID, Reference: text(r.Reference), Former: r.Former, At: r.ClaimedAt.UTC()}
	}
	return claimed, more, nil
}
