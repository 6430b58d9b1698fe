package store_test

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

type word string

// thing has a field of each kind that a bulk statement knows.
type thing struct {
	ID       word `gorm:"primaryKey"`
	Name     string
	Nickname *word
	Count    int64
	Score    *int64
	Active   bool
	At       time.Time
	Until    *time.Time
	Tags     map[string]string `gorm:"serializer:json"`
	Note     *note             `gorm:"serializer:json"`
	Body     []byte
}

type note struct{ Text string }

func (thing) TableName() string { return "things" }

func things(t *testing.T, db *store.DB) {
	t.Helper()
	stamp, blob, object := "datetime", "blob", "text"
	if db.Postgres() {
		stamp, blob, object = "timestamptz", "bytea", "jsonb"
	}
	err := db.Write(t.Context()).Exec(fmt.Sprintf(`CREATE TABLE things (id text PRIMARY KEY, name text NOT NULL, nickname text UNIQUE, count bigint NOT NULL, score bigint,
		active boolean NOT NULL, at %s NOT NULL, until %s, tags %s NOT NULL, note %s, body %s NOT NULL)`, stamp, stamp, object, object, blob)).Error
	if err != nil {
		t.Fatal(err)
	}
}

// What is written in bulk is read back by GORM as it was.
func TestBulkStatements(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		things(t, db)
		now := store.Truncate(time.Now())
		rows := []thing{
			{ID: "a", Name: `quo"te, 'and' {brace} \ ü`, Count: 1 << 60, At: now, Tags: map[string]string{"k": `v"x`}, Body: []byte{0, 1, 255}},
			{ID: "b", Nickname: new(word("bee")), Score: new(int64(-3)), Active: true, At: now.Add(time.Second), Until: new(now.Add(time.Hour)), Tags: map[string]string{}, Note: &note{"n"}, Body: []byte("x")},
		}
		inTx(t, db, func(tx *gorm.DB) error {
			return store.Send(tx, func(p *store.Pipe) { store.Insert(p, rows) })
		})
		same(t, db, rows)

		clash := []thing{
			{ID: "a", At: now, Tags: map[string]string{}, Body: []byte("y")},
			{ID: "c", At: now, Tags: map[string]string{}, Body: []byte("y")},
			{ID: "d", Nickname: new(word("bee")), At: now, Tags: map[string]string{}, Body: []byte("y")},
		}
		inTx(t, db, func(tx *gorm.DB) error {
			var stored []string
			err := store.Send(tx, func(p *store.Pipe) { store.InsertNewOf(p, clash, "id", &stored) })
			if !slices.Equal(stored, []string{"c"}) {
				t.Errorf("stored %v", stored)
			}
			return err
		})
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			return store.Send(tx, func(p *store.Pipe) { store.Insert(p, clash) })
		})
		if err == nil {
			t.Error("a row that is there already is stored")
		}

		rows[0].Name, rows[0].Nickname, rows[0].Note, rows[0].Until = "other", new(word("ay")), &note{"m"}, &now
		rows[1].Name, rows[1].Nickname, rows[1].Note, rows[1].Until = "more", nil, nil, nil
		inTx(t, db, func(tx *gorm.DB) error {
			return store.Send(tx, func(p *store.Pipe) { store.Update(p, rows, "name", "nickname", "note", "until") })
		})
		same(t, db, append(rows, clash[1]))

		some := []word{"b", "a", `x"y`}
		var byGORM []thing
		if err := db.Read(t.Context()).Where(store.In("id", some)).Order("id").Find(&byGORM).Error; err != nil {
			t.Fatal(err)
		}
		inTx(t, db, func(tx *gorm.DB) error {
			which := store.In("id", some)
			which.SQL += " AND count < ?" + store.ForUpdate(tx, "id")
			which.Vars = append(which.Vars, int64(1)<<62)
			var found []thing
			err := store.Send(tx, func(p *store.Pipe) { store.Find(p, &found, which) })
			if len(found) != 2 || !reflect.DeepEqual(utc(found), utc(byGORM)) {
				t.Errorf("found\n%+v\nand by GORM\n%+v", found, byGORM)
			}
			return err
		})
	})
}

func inTx(t *testing.T, db *store.DB, fn func(tx *gorm.DB) error) {
	t.Helper()
	if err := db.Tx(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, db *store.DB, want []thing) {
	t.Helper()
	var got []thing
	if err := db.Read(t.Context()).Order("id").Find(&got).Error; err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(utc(got), want) {
		t.Errorf("stored\n%+v\nwant\n%+v", got, want)
	}
}

func utc(things []thing) []thing {
	for i := range things {
		things[i].At = things[i].At.UTC()
		if things[i].Until != nil {
			things[i].Until = new(things[i].Until.UTC())
		}
	}
	return things
}

// Statements of one pipe run in order, whatever they are, and one that fails ends
// them all.
func TestAPipe(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		things(t, db)
		now := store.Truncate(time.Now())
		row := func(id word) thing { return thing{ID: id, At: now, Tags: map[string]string{}, Body: []byte("b")} }
		all := clause.Expr{SQL: "count >= ? ORDER BY id", Vars: []any{0}}
		var before, after []thing
		var stored []string
		fill := func(more ...thing) func(p *store.Pipe) {
			return func(p *store.Pipe) {
				store.Find(p, &before, all)
				store.InsertNewOf(p, []thing{row("a"), row("b")}, "id", &stored)
				store.Insert(p, []thing{row("c")})
				store.UpdateIf(p, []thing{{ID: "a", Name: "x", Count: 7}, {ID: "b", Name: "y", Count: 0}}, "things.count = v.count", []string{"count"}, "name")
				store.Insert(p, more)
				store.Find(p, &after, all)
			}
		}
		inTx(t, db, func(tx *gorm.DB) error { return store.Send(tx, fill()) })
		if len(before) != 0 || !slices.Equal(stored, []string{"a", "b"}) || len(after) != 3 || after[0].Name != "" || after[1].Name != "y" || after[2].ID != "c" {
			t.Errorf("before %v, stored %v, after %v", before, stored, after)
		}
		err := db.Tx(t.Context(), func(tx *gorm.DB) error { return store.Send(tx, fill(row("e"), row("e"))) })
		if err == nil {
			t.Error("a row is stored twice")
		}
		var left int64
		if err := db.Read(t.Context()).Model(&thing{}).Count(&left).Error; err != nil || left != 3 {
			t.Errorf("%d rows are left, %v", left, err)
		}
	})
}

// What the database refuses of one row is an error of its statement and no more:
// the server takes no NUL in a text, and a text must be UTF-8.
func TestRowsThatTheDatabaseRefuses(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		things(t, db)
		at := store.Truncate(time.Now())
		for name, bad := range map[string]thing{
			"NUL":           {ID: "a\x00b", At: at, Tags: map[string]string{}, Body: []byte{}},
			"invalid UTF-8": {ID: "a\xff", At: at, Tags: map[string]string{}, Body: []byte{}},
			"NUL in JSON":   {ID: "c", At: at, Tags: map[string]string{"k": "\x00"}, Body: []byte{}},
		} {
			b := store.NewBatcher(db, func(_ context.Context, tx *gorm.DB, batch []thing) ([]int64, func(), error) {
				err := store.Send(tx, func(p *store.Pipe) { store.Insert(p, batch) })
				return make([]int64, len(batch)), nil, err
			})
			var callers sync.WaitGroup
			for i := range 10 {
				callers.Go(func() {
					good := thing{ID: word(fmt.Sprint(name, i)), At: at, Tags: map[string]string{}, Body: []byte{0}}
					if _, err := b.Do(t.Context(), good); err != nil {
						t.Errorf("beside %s: %v", name, err)
					}
				})
			}
			callers.Go(func() {
				_, err := b.Do(t.Context(), bad)
				if store.Transient(err) || db.Postgres() && err == nil { // SQLite takes anything
					t.Errorf("%s: %v", name, err)
				}
			})
			callers.Wait()
		}
	})
}

// More rows than a statement of SQLite's has arguments for, and large ones.
func TestManyAndLargeRows(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		things(t, db)
		at := store.Truncate(time.Now())
		rows := make([]thing, 7000)
		for i := range rows {
			rows[i] = thing{ID: word(fmt.Sprintf("%05d", i)), At: at, Tags: map[string]string{}, Body: []byte("x")}
		}
		rows[1].Body = bytes.Repeat([]byte{0, 1}, 1<<20)
		rows[2].Name = strings.Repeat("ü", 1<<20)
		inTx(t, db, func(tx *gorm.DB) error {
			return store.Send(tx, func(p *store.Pipe) { store.Insert(p, rows[:5000]) })
		})
		inTx(t, db, func(tx *gorm.DB) error {
			var stored []string
			err := store.Send(tx, func(p *store.Pipe) { store.InsertNewOf(p, rows, "id", &stored) })
			if len(stored) != 2000 {
				t.Errorf("%d more stored", len(stored))
			}
			return err
		})
		for i := range rows {
			rows[i].Count = int64(i)
		}
		inTx(t, db, func(tx *gorm.DB) error {
			return store.Send(tx, func(p *store.Pipe) { store.Update(p, rows, "count", "name", "at", "active") })
		})
		var got []thing
		if err := db.Read(t.Context()).Order("id").Find(&got).Error; err != nil || len(got) != len(rows) {
			t.Fatalf("%d rows, %v", len(got), err)
		}
		for i, row := range utc(got) {
			if !reflect.DeepEqual(row, rows[i]) {
				t.Fatalf("row %d is\n%.300v\nwant\n%.300v", i, fmt.Sprint(row), fmt.Sprint(rows[i]))
			}
		}
	})
}
