package limits

import (
	"context"
	"time"

	"gorm.io/gorm"

	"till/pkg/store"
)

type alertRow struct {
	Span  int64 `gorm:"primaryKey;autoIncrement:false"` // of BurstWindow, since 1970
	Tries int64
}

func (alertRow) TableName() string { return "card_alerts" }

// Burst looks for many declined or tiny payments at once, and tells of them within a
// transaction: among all processes at most once in BurstWindow, so that a burst which
// lasts past the turn of a span is told of once. It returns how many there were in the
// last BurstWindow.
func (g *Guard) Burst(ctx context.Context, tell func(tx *gorm.DB, span, tries int64) error) (tries int64, err error) {
	if g.most.Burst <= 0 {
		return 0, nil
	}
	now := g.now()
	err = g.db.Read(ctx).Model(&CardTry{}).Where("second > ? AND (declined OR small)", now.Add(-BurstWindow).Unix()).Count(&tries).Error
	if err != nil || tries < g.most.Burst {
		return tries, store.Translate(err)
	}
	span := now.Unix() / int64(BurstWindow/time.Second)
	var told int64
	if err := g.db.Read(ctx).Model(&alertRow{}).Where("span >= ?", span-1).Count(&told).Error; err != nil || told > 0 {
		return tries, store.Translate(err)
	}
	err = g.db.Tx(ctx, func(tx *gorm.DB) error {
		res := tx.Exec("INSERT INTO card_alerts (span, tries) VALUES (?, ?) ON CONFLICT (span) DO NOTHING", span, tries)
		if res.Error != nil || res.RowsAffected == 0 {
			return res.Error
		}
		return tell(tx, span, tries)
	})
	return tries, err
}

// DeleteOld deletes tries that no limit looks at any more.
func (g *Guard) DeleteOld(ctx context.Context) error {
	if g == nil {
		return nil
	}
	before := g.now().Add(-max(triesKept, 2*g.most.Window))
	err := g.db.Write(ctx).Exec("DELETE FROM card_tries WHERE second < ?", before.Unix()).Error
	if err == nil {
		err = g.db.Write(ctx).Exec("DELETE FROM card_alerts WHERE span < ?", before.Unix()/int64(BurstWindow/time.Second)).Error
	}
	return store.Translate(err)
}
