package idempotency

import (
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

// The first call is refused by Stripe and gives its key back just when the second
// has seen that it is taken.
func TestAKeyThatIsGivenBackInBetweenIsClaimed(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		if !db.Postgres() {
			t.Skip("SQLite has one writer")
		}
		r := Request{Caller: "c", Method: "POST", Route: "/payments/intent", Key: "k1", BodyHash: "h"}
		now := store.Truncate(time.Now())
		first, err := claim(t, db, r, "pay_1", now)
		if err != nil || first != (Earlier{}) {
			t.Fatal(first, err)
		}
		var once sync.Once
		must(t, db.Write(t.Context()).Callback().Create().After("gorm:create").Register("give back", func(*gorm.DB) {
			once.Do(func() {
				must(t, db.Tx(t.Context(), func(tx *gorm.DB) error { return r.Release(tx) }))
			})
		}))
		second, err := claim(t, db, r, "pay_2", now)
		if err != nil || second != (Earlier{}) {
			t.Fatal(second, err)
		}
		must(t, db.Tx(t.Context(), func(tx *gorm.DB) error { return r.Finish(tx, 201, now) }))
		if third, err := claim(t, db, r, "pay_3", now); err != nil || third != (Earlier{ResourceID: "pay_2", StatusCode: 201}) {
			t.Fatal(third, err)
		}
	})
}

func claim(t *testing.T, db *store.DB, r Request, id string, now time.Time) (earlier Earlier, err error) {
	t.Helper()
	err = db.Tx(t.Context(), func(tx *gorm.DB) (err error) {
		earlier, err = r.Claim(tx, id, now)
		return err
	})
	return earlier, err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
