package idempotency

import (
	"errors"
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
		first, err := claim(t, db, &r, "pay_1", now)
		if err != nil || first != (Earlier{}) {
			t.Fatal(first, err)
		}
		var once sync.Once
		must(t, db.Write(t.Context()).Callback().Create().After("gorm:create").Register("give back", func(*gorm.DB) {
			once.Do(func() {
				must(t, db.Tx(t.Context(), func(tx *gorm.DB) error { return r.Release(tx) }))
			})
		}))
		again := r
		second, err := claim(t, db, &again, "pay_2", now)
		if err != nil || second != (Earlier{}) {
			t.Fatal(second, err)
		}
		must(t, db.Tx(t.Context(), func(tx *gorm.DB) error { return again.Finish(tx, 201, now) }))
		if third, err := claim(t, db, &r, "pay_3", now); err != nil || third != (Earlier{ResourceID: "pay_2", StatusCode: 201}) {
			t.Fatal(third, err)
		}
	})
}

func claim(t *testing.T, db *store.DB, r *Request, id string, now time.Time) (earlier Earlier, err error) {
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

// The first call was slow: a retry has taken over, and what the first says of the
// key then is about a claim that is gone.
func TestALateCallLeavesTheClaimThatTookOver(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		slow := Request{Caller: "c", Method: "POST", Route: "/payments/intent", Key: "k1", BodyHash: "h"}
		retry := slow
		now := store.Truncate(time.Now())
		if _, err := claim(t, db, &slow, "pay_1", now); err != nil {
			t.Fatal(err)
		}
		later := now.Add(Takeover + time.Second)
		if earlier, err := claim(t, db, &retry, "pay_2", later); err != nil || earlier != (Earlier{ResourceID: "pay_1"}) {
			t.Fatal(earlier, err)
		}
		must(t, db.Tx(t.Context(), func(tx *gorm.DB) error { return slow.Release(tx) }))
		must(t, db.Tx(t.Context(), func(tx *gorm.DB) error { return slow.Yield(tx, later) }))
		must(t, db.Tx(t.Context(), func(tx *gorm.DB) error { return slow.Finish(tx, 200, later) }))
		third := Request{Caller: "c", Method: "POST", Route: "/payments/intent", Key: "k1", BodyHash: "h"}
		if _, err := claim(t, db, &third, "pay_3", later.Add(time.Second)); !errors.Is(err, ErrInUse) {
			t.Fatalf("the retry's claim does not hold any more: %v", err)
		}
		must(t, db.Tx(t.Context(), func(tx *gorm.DB) error { return retry.Finish(tx, 201, later) }))
		if earlier, err := claim(t, db, &third, "pay_3", later.Add(time.Second)); err != nil || earlier.StatusCode != 201 {
			t.Fatal(earlier, err)
		}
	})
}
