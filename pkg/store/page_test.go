package store_test

import (
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

type pageRow struct{ ID string }

func (pageRow) TableName() string { return "page_rows" }

// FuzzPage holds that any text is a place in a list and no more: a page is a run of
// the list's own rows, in order, no longer than its limit, on one side of the cursor.
func FuzzPage(f *testing.F) {
	db := storetest.SQLite(f)
	var ids []string
	for c := 'a'; c <= 'z'; c++ {
		ids = append(ids, "ord_"+string(c))
	}
	err := db.Tx(f.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec("CREATE TABLE page_rows (id text PRIMARY KEY)").Error; err != nil {
			return err
		}
		for _, id := range ids {
			if err := tx.Create(&pageRow{id}).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, cursor := range []string{"", "ord_m", "ord_", "zzz", "' OR '1'='1", "%", "ord_a; DROP TABLE page_rows", "é", "\xff", "?", "@id"} {
		f.Add(cursor, "", 5, true)
		f.Add("", cursor, 5, false)
		f.Add(cursor, cursor, 100, true)
	}
	f.Fuzz(func(t *testing.T, after, before string, limit int, newest bool) {
		if strings.ContainsRune(after+before, 0) {
			return // the edge lets no NUL through
		}
		limit = max(-1, min(limit, 100))
		rows, more, err := store.Fetch[pageRow](db.Read(t.Context()), store.Page{Limit: limit, StartingAfter: after, EndingBefore: before}, "id", store.Order(newest))
		if err != nil {
			t.Fatal(err)
		}
		var want []string // between the cursors, as the list runs
		for _, id := range ids {
			behind, ahead := id > after, id < before
			if newest {
				behind, ahead = id < after, id > before
			}
			if (after == "" || behind) && (before == "" || ahead) {
				want = append(want, id)
			}
		}
		if newest {
			slices.Reverse(want)
		}
		if limit <= 0 {
			limit = 20
		}
		cut := len(want) > limit
		switch {
		case cut && before != "" && after == "":
			want = want[len(want)-limit:]
		case cut:
			want = want[:limit]
		}
		var got []string
		for _, r := range rows {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, want) || more != cut {
			t.Fatalf("after %q before %q, %d of them, newest first: %v: got %v and more: %v, want %v and more: %v", after, before, limit, newest, got, more, want, cut)
		}
	})
}
