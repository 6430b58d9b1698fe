package limits

import (
	"context"
	"time"

	"till/pkg/store"
)

// TryWindow is the time that a limit of tries is for, by whole hours of the clock.
const TryWindow = time.Hour

type tryRow struct {
	Hour  int64  `gorm:"primaryKey;autoIncrement:false"`
	Key   string `gorm:"primaryKey"`
	Tries int64
}

func (tryRow) TableName() string { return "limit_tries" }

// Try counts guesses at a secret, or refuses them with a *Refused. Unlike Check it is
// exact among all processes, as there are few. What turns out to be no guess is to be
// given back; if the process dies before, it stays counted.
func (l *Limiter) Try(ctx context.Context, hits ...Hit) (giveBack func(), err error) {
	now := l.now()
	hour := now.Unix() / int64(TryWindow/time.Second)
	var taken []string
	giveBack = func() {
		ctx, stop := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), statementTime)
		defer stop()
		for _, k := range taken {
			if err := l.db.Write(ctx).Exec("UPDATE limit_tries SET tries = tries - 1 WHERE hour = ? AND key = ? AND tries > 0", hour, k).Error; err != nil {
				l.log.WarnContext(ctx, "a try was not given back", "error", err)
			}
		}
	}
	for _, h := range hits {
		var rows []tryRow
		err := l.db.Write(ctx).Raw(`INSERT INTO limit_tries (hour, key, tries) VALUES (?, ?, 1)
			ON CONFLICT (hour, key) DO UPDATE SET tries = limit_tries.tries + 1 WHERE limit_tries.tries < ? RETURNING hour, key, tries`,
			hour, keyOf(h).String(), h.Limit).Find(&rows).Error
		if err != nil {
			giveBack()
			return nil, store.Translate(err)
		}
		if len(rows) == 0 {
			giveBack()
			return nil, &Refused{Hit: h, Window: TryWindow, End: now.Truncate(TryWindow).Add(TryWindow).Sub(now)}
		}
		taken = append(taken, keyOf(h).String())
	}
	return giveBack, nil
}
