package payments

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/gateway"
	"till/pkg/store"
)

const (
	// movementsEvery is how often the account's new movements are listed.
	movementsEvery = catchUpEvery
	// movementsHeld is longer than it takes to read and book one page.
	movementsHeld = time.Minute
	// movementPages are read in one run. A list that is longer goes on in the next,
	// where it was left.
	movementPages = 20
)

// balanceCursor is how far the account's movements have been listed, one row.
type balanceCursor struct {
	Name        string                `gorm:"primaryKey"`
	ListedUntil int64                 // Unix seconds: all that was made up to then is seen
	ListFrom    int64                 // where a list that is under way began, and when; Unix seconds
	ListBegan   int64                 // 0: none is under way
	After       gateway.TransactionID // the movement of it that was read last
	Version     int64                 // one more each time somebody takes the cursor
	DueAt       time.Time             // when it may be taken: for more, or as its holder has died
}

func (balanceCursor) TableName() string { return "balance_cursor" }

// BookFees lists what has moved the account's balance since the last time, if that
// was long enough ago, and writes down what of it is for payments of this Till. One
// process does so at a time. Movements are written once, so to list a second twice,
// as is done with the last quarter of an hour before, does no harm.
func (s *Service) BookFees(ctx context.Context) error {
	var waits balanceCursor
	if err := s.db.Read(ctx).Take(&waits).Error; err != nil || waits.DueAt.After(s.now()) {
		return store.Translate(err)
	}
	c, ok, err := s.takeCursor(ctx)
	if err != nil || !ok {
		return err
	}
	for page := 1; ; page++ {
		movements, more, err := s.gateway.BalanceTransactions(ctx, time.Unix(c.ListFrom, 0), c.After)
		if c.After != "" && gateway.Missing(err) { // it begins anew: that movement is another account's, or was deleted
			return errors.Join(err, store.Translate(s.db.Write(ctx).Model(&balanceCursor{}).Where("version = ?", c.Version).Updates(map[string]any{"list_began": 0, "after": ""}).Error))
		}
		if errors.Is(err, gateway.ErrRejected) { // a key that may not read them
			return errors.Join(err, s.postponeFees(ctx, c))
		}
		if err != nil {
			return err // the next try is when the cursor is free again
		}
		if c, ok, err = s.bookPage(ctx, c, movements, more, page == movementPages); err != nil || !ok || !more || page == movementPages {
			return err
		}
	}
}

// postponeFees leaves a list until it is time for the next one.
func (s *Service) postponeFees(ctx context.Context, c balanceCursor) error {
	err := s.db.Write(ctx).Model(&balanceCursor{}).Where("version = ?", c.Version).Update("due_at", s.now().Add(movementsEvery)).Error
	return store.Translate(err)
}

// takeCursor takes the cursor if it is due, and begins a list where none is under way.
func (s *Service) takeCursor(ctx context.Context) (c balanceCursor, ok bool, err error) {
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		now := s.now()
		if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&c).Error; err != nil {
			return err
		}
		if ok = !c.DueAt.After(now); !ok {
			return nil
		}
		if c.ListBegan == 0 {
			c.ListFrom, c.ListBegan, c.After = time.Unix(c.ListedUntil, 0).Add(-findSpan).Unix(), now.Unix(), ""
		}
		c.Version++
		c.DueAt = now.Add(movementsHeld)
		return tx.Save(&c).Error
	})
	return c, ok, err
}

// bookPage writes down a page and how far the list has come by it, and returns that.
// It reports false where somebody else has taken the cursor meanwhile: then nothing
// is written.
func (s *Service) bookPage(ctx context.Context, was balanceCursor, movements []gateway.BalanceTransaction, more, last bool) (c balanceCursor, held bool, err error) {
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&c).Error; err != nil {
			return err
		}
		if held = c.Version == was.Version; !held {
			return nil
		}
		if err := s.bookMovements(tx, movements); err != nil {
			return err
		}
		now := s.now()
		switch {
		case more && last: // the rest of it is due at once
			c.After, c.DueAt = movements[len(movements)-1].ID, now
		case more:
			c.After, c.DueAt = movements[len(movements)-1].ID, now.Add(movementsHeld)
		default: // what was made since the list began came before its first page
			c.ListedUntil = c.ListBegan
			c.ListFrom, c.ListBegan, c.After, c.DueAt = 0, 0, "", now.Add(movementsEvery)
		}
		return tx.Save(&c).Error
	})
	return c, held, err
}

// bookMovements writes down those movements that are for payments of this Till and
// are not written down yet.
func (s *Service) bookMovements(tx *gorm.DB, movements []gateway.BalanceTransaction) error {
	var intents []gateway.IntentID
	for _, m := range movements {
		if m.Intent != "" {
			intents = append(intents, m.Intent)
		}
	}
	if len(intents) == 0 {
		return nil
	}
	var payments []paymentRow
	err := tx.Select("id", "account", "livemode", "intent_id").Where("intent_id IN ? AND livemode = ?", intents, s.conf.Livemode).Find(&payments).Error
	if err != nil {
		return err
	}
	of := map[gateway.IntentID]*paymentRow{}
	for i := range payments {
		of[*payments[i].IntentID] = &payments[i]
	}
	var rows []movementRow
	for _, m := range movements {
		p := of[m.Intent]
		if p == nil {
			continue
		}
		rows = append(rows, movementRow{
			Account: p.Account, Livemode: p.Livemode, StripeID: m.ID, PaymentID: p.ID, Type: m.Type, Category: m.Category, Source: m.Source,
			Currency: m.Currency, Amount: m.Amount, Fee: m.Fee, Net: m.Net, ExchangeRate: m.ExchangeRate, AvailableAt: m.AvailableOn, CreatedAt: m.Created,
		})
	}
	if len(rows) == 0 {
		return nil
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&rows).Error
}
