package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// trouble remembers that there was no room to write, which a database that can
// still be read does not show.
type trouble struct{ last atomic.Pointer[noRoom] }

type noRoom struct {
	at  time.Time
	why error
}

// troubleFor is how long Ready speaks of it: longer than the pause between two of
// Till's own writes, which find it again while it lasts.
const troubleFor = 10 * time.Second

// translate is the package's, and takes note.
func (t *trouble) translate(err error) error {
	if full(err) {
		t.last.Store(&noRoom{time.Now(), err})
	}
	return translate(err)
}

// err is what Ready has to say about it.
func (t *trouble) err() error {
	if n := t.last.Load(); n != nil && time.Since(n.at) < troubleFor {
		return fmt.Errorf("the database has no room to write: %w", n.why)
	}
	return nil
}

func full(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "53100"
	}
	lite, ok := errors.AsType[*modernc.Error](err)
	return ok && lite.Code()&0xff == sqlite3.SQLITE_FULL
}

type ownWork struct{}

// OwnWork marks what Till does whoever calls: its transactions and reads have
// connections of their own, so that no crowd of callers holds them up.
func OwnWork(ctx context.Context) context.Context { return context.WithValue(ctx, ownWork{}, true) }

func isOwnWork(ctx context.Context) bool { return ctx.Value(ownWork{}) != nil }
