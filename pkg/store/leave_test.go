package store_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

// nowhere is a row of a table that does not exist, so that its statement cannot even
// be prepared.
type nowhere struct {
	ID string `gorm:"primaryKey"`
}

func probes(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Write(t.Context()).Exec("CREATE TABLE probes (id text PRIMARY KEY)").Error; err != nil {
		t.Fatal(err)
	}
}

func expectProbes(t *testing.T, db *store.DB, want int64) {
	t.Helper()
	var n int64
	if err := db.Read(t.Context()).Table("probes").Count(&n).Error; err != nil || n != want {
		t.Errorf("%d rows, %v; want %d", n, err, want)
	}
}

func leave(tx *gorm.DB, ids ...string) error {
	return store.Leave(tx, func(p *store.Pipe) {
		for _, id := range ids {
			store.Insert(p, []probe{{id}})
		}
	})
}

// What was left for later is there for every statement that follows it, however
// that comes, and for the commit.
func TestWhatWasLeftComesFirst(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		probes(t, db)
		for name, see := range map[string]func(tx *gorm.DB) (int64, error){
			"a query": func(tx *gorm.DB) (n int64, err error) { return n, tx.Table("probes").Count(&n).Error },
			"a pipe": func(tx *gorm.DB) (int64, error) {
				var found []probe
				err := store.Send(tx, func(p *store.Pipe) { store.Find(p, &found, clause.Expr{SQL: "true"}) })
				return int64(len(found)), err
			},
			"a change": func(tx *gorm.DB) (int64, error) {
				res := tx.Exec("UPDATE probes SET id = id")
				return res.RowsAffected, res.Error
			},
			"a row": func(tx *gorm.DB) (n int64, err error) { return n, tx.Raw("SELECT count(*) FROM probes").Row().Scan(&n) },
		} {
			back := errors.New("undo it")
			err := db.Tx(t.Context(), func(tx *gorm.DB) error {
				if err := leave(tx, "a", "b"); err != nil {
					return err
				}
				n, err := see(tx)
				if err != nil || n != 2 {
					t.Errorf("%s sees %d rows, %v", name, n, err)
				}
				if err := leave(tx, "c"); err != nil {
					return err
				}
				return back
			})
			if !errors.Is(err, back) {
				t.Error(name, err)
			}
		}
		expectProbes(t, db, 0)
		if err := db.Tx(t.Context(), func(tx *gorm.DB) error { return leave(tx, "a") }); err != nil {
			t.Error(err)
		}
		expectProbes(t, db, 1)
	})
}

// A failure of what was left is that of the transaction, whatever it comes with,
// and even where its function does not mind it.
func TestWhatWasLeftFails(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		probes(t, db)
		for name, then := range map[string]func(tx *gorm.DB) error{
			"the commit": func(*gorm.DB) error { return nil },
			"a query":    func(tx *gorm.DB) error { return tx.Find(&[]probe{}).Error },
			"a row":      func(tx *gorm.DB) error { return tx.Raw("SELECT count(*) FROM probes").Row().Scan(new(int)) },
			"a statement whose failure is overlooked": func(tx *gorm.DB) error {
				_ = tx.Find(&[]probe{}).Error
				return leave(tx, "c")
			},
			"a change after a row whose failure is overlooked": func(tx *gorm.DB) error {
				_ = tx.Raw("SELECT count(*) FROM probes").Row().Scan(new(int))
				return tx.Exec("INSERT INTO probes VALUES ('c')").Error
			},
		} {
			for what, bad := range map[string]func(tx *gorm.DB) error{
				"a row that is there": func(tx *gorm.DB) error { return leave(tx, "a", "a") },
				"a table that is not": func(tx *gorm.DB) error {
					return store.Leave(tx, func(p *store.Pipe) { store.Insert(p, []nowhere{{"a"}}) })
				},
				"a text that is no text": func(tx *gorm.DB) error { return leave(tx, "a\x00") },
			} {
				err := db.Tx(t.Context(), func(tx *gorm.DB) error {
					if err := bad(tx); err != nil {
						return err
					}
					return then(tx)
				})
				if err == nil && (db.Postgres() || what != "a text that is no text") {
					t.Errorf("%s, then %s: no error", what, name)
				}
			}
		}
		if !db.Postgres() { // it takes any text
			return
		}
		expectProbes(t, db, 0)
	})
}

// What is left within a savepoint goes with it.
func TestWhatIsLeftInASavepoint(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		probes(t, db)
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			if err := leave(tx, "a"); err != nil {
				return err
			}
			for name, fail := range map[string]error{"its function fails": errors.New("fails"), "a statement fails": nil} {
				err := tx.Transaction(func(tx *gorm.DB) error {
					if err := errors.Join(leave(tx, "b", "a"), fail); err != nil {
						return err
					}
					return store.Flush(tx)
				})
				if err == nil {
					t.Error(name)
				}
			}
			return leave(tx, "c")
		})
		if err != nil {
			t.Error(err)
		}
		expectProbes(t, db, 2)
	})
}

// Who inserts what somebody else has stored meanwhile does all of it again.
func TestInsertOnce(t *testing.T) {
	t.Parallel()
	db, err := store.Open(storetest.PostgresURL(t)) // on SQLite nobody can be faster
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	probes(t, db)
	times := 0
	err = db.Tx(t.Context(), func(tx *gorm.DB) error {
		var found []probe
		if err := store.Send(tx, func(p *store.Pipe) { store.Find(p, &found, clause.Expr{SQL: "true"}) }); err != nil {
			return err
		}
		if times++; times == 1 {
			if err := db.Write(t.Context()).Create(&probe{"a"}).Error; err != nil {
				return err
			}
		}
		return store.Leave(tx, func(p *store.Pipe) {
			if len(found) == 0 {
				store.InsertOnce(p, []probe{{"a"}})
			}
			store.Insert(p, []probe{{"b"}})
		})
	})
	if err != nil || times != 2 {
		t.Errorf("%v after %d times", err, times)
	}
	expectProbes(t, db, 2)
}
