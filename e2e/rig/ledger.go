package rig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"till/pkg/store"
)

// Ledger is all that a request could have changed: every row of every table, and
// how often Stripe was called.
type Ledger struct {
	Tables  map[string][]string // rows as text, sorted
	commits int
	stripe  int
}

// restless tables change by themselves, without any request.
var restless = map[string]string{
	"balance_cursor":     "what has moved the balance at Stripe is listed every ten minutes",
	"river_leader":       "the job queue's leader renews its lease every few seconds",
	"river_queue":        "the job queue says regularly that it is alive",
	"river_notification": "the job queue's own messages on SQLite, written and removed as leaders come and go",
}

// Books reads the ledger. The database itself says which tables there are, so that
// a new one is watched from its first day.
func (r *Rig) Books() Ledger {
	r.T.Helper()
	l := Ledger{Tables: map[string][]string{}, commits: r.commits(), stripe: r.calls()}
	var all []struct{ Name, Line string }
	if err := r.DB.Read(r.T.Context()).Raw(r.everything()).Scan(&all).Error; err != nil {
		r.T.Fatal(err)
	}
	for _, row := range all {
		l.Tables[row.Name] = append(l.Tables[row.Name], row.Line)
	}
	for _, rows := range l.Tables {
		slices.Sort(rows)
	}
	return l
}

// Unchanged reads the ledger again, unless the database says that nobody has
// written since before.
func (r *Rig) Unchanged(before Ledger, but ...string) (after Ledger, difference string) {
	r.T.Helper()
	if n := r.commits(); n >= 0 && n == before.commits && r.calls() == before.stripe {
		return before, ""
	}
	after = r.Books()
	return after, before.Differs(after, but...)
}

// Settle waits until all of Stripe's news is there, unless it is dropped on
// purpose, what it tells of is read, invoices are issued, and all jobs are done.
func (r *Rig) Settle(dropped bool) {
	r.T.Helper()
	r.Until("all is quiet", func() bool {
		undelivered := 0.0
		for _, e := range r.AtStripe("GET", "/v1/events?limit=100", nil)["data"].([]any) {
			undelivered += e.(map[string]any)["pending_webhooks"].(float64)
		}
		return (undelivered == 0 || dropped) &&
			r.Count("SELECT count(*) FROM webhook_deliveries WHERE state IN ('pending', 'failed')") == 0 &&
			r.Count("SELECT (SELECT count(*) FROM prices WHERE unread > 0) + (SELECT count(*) FROM coupons WHERE unread > 0) + (SELECT count(*) FROM promotion_codes WHERE unread > 0)") == 0 &&
			r.Count("SELECT count(*) FROM effects WHERE state = 'pending'") == 0 &&
			(r.conf.SweepInterval > time.Minute ||
				r.Count("SELECT (SELECT count(*) FROM invoices_due) + (SELECT count(*) FROM payments WHERE next_check_at <= ?)", store.Truncate(r.now())) == 0) &&
			r.Count("SELECT count(*) FROM outbound_deliveries WHERE settled_at IS NULL") == 0 &&
			r.Count("SELECT count(*) FROM river_job WHERE finalized_at IS NULL") == 0
	})
}

// commits is a number that SQLite changes with every commit of another connection,
// so that a look at all tables is only needed where it has changed. Postgres has
// none that is of one database alone.
func (r *Rig) commits() int {
	r.T.Helper()
	if r.DB.Postgres() {
		return -1
	}
	if r.witness == nil {
		pool, err := r.DB.Read(r.T.Context()).DB()
		if err == nil {
			r.witness, err = pool.Conn(r.T.Context())
		}
		if err != nil {
			r.T.Fatal(err)
		}
		r.T.Cleanup(func() { _ = r.witness.Close() })
	}
	var n int
	if err := r.witness.QueryRowContext(r.T.Context(), "PRAGMA data_version").Scan(&n); err != nil {
		r.T.Fatal(err)
	}
	return n
}

// calls counts the requests that Stripe's API has had.
func (r *Rig) calls() int {
	r.T.Helper()
	return int(r.Door("GET", "/_sandbox/requests", nil)["count"].(float64))
}

func (r *Rig) tableNames() []string {
	r.T.Helper()
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
	if r.DB.Postgres() {
		query = "SELECT table_name FROM information_schema.Tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
	}
	var names []string
	if err := r.DB.Read(r.T.Context()).Raw(query).Scan(&names).Error; err != nil {
		r.T.Fatal(err)
	}
	for _, known := range []string{"orders", "goose_db_version", "river_job"} {
		if !slices.Contains(names, known) {
			r.T.Fatalf("%s is not among the tables %v", known, names)
		}
	}
	return names
}

// everything is a statement that reads all rows of all tables as text.
func (r *Rig) everything() string {
	r.T.Helper()
	if r.statement != "" {
		return r.statement
	}
	var parts []string
	for _, table := range r.tableNames() {
		if _, ok := restless[table]; ok {
			continue
		}
		line := "t::text"
		if !r.DB.Postgres() {
			var columns []string
			if err := r.DB.Read(r.T.Context()).Raw("SELECT name FROM pragma_table_info(?)", table).Scan(&columns).Error; err != nil {
				r.T.Fatal(err)
			}
			for i, c := range columns {
				columns[i] = `quote("` + c + `")`
			}
			line = strings.Join(columns, " || ',' || ")
		}
		parts = append(parts, "SELECT '"+table+"' AS name, "+line+" AS line FROM "+table+" t")
	}
	r.statement = strings.Join(parts, " UNION ALL ")
	return r.statement
}

// StripesCalls stands for the calls of Stripe among what Differs is to leave out,
// for what has to be looked at there to be refused.
const StripesCalls = "Stripe's calls"

// Differs says what has changed in all tables but some, or nothing.
func (l Ledger) Differs(after Ledger, but ...string) string {
	var out strings.Builder
	if l.stripe != after.stripe && !slices.Contains(but, StripesCalls) {
		fmt.Fprintf(&out, "Stripe was called %d times\n", after.stripe-l.stripe)
	}
	all := maps.Clone(l.Tables)
	maps.Copy(all, after.Tables)
	for _, table := range slices.Sorted(maps.Keys(all)) {
		was, is := l.Tables[table], after.Tables[table]
		if slices.Equal(was, is) || slices.Contains(but, table) {
			continue
		}
		fmt.Fprintf(&out, "%s had %d rows and has %d\n", table, len(was), len(is))
		for _, line := range is {
			if !slices.Contains(was, line) {
				fmt.Fprintf(&out, "  %s\n", line)
			}
		}
	}
	return out.String()
}

// Text is all that is stored, to be searched.
func (l Ledger) Text() string {
	var out strings.Builder
	for _, rows := range l.Tables {
		for _, line := range rows {
			out.WriteString(line)
			out.WriteByte('\n')
		}
	}
	return out.String()
}
