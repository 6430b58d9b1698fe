package badinput

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ledger is all that a request could have changed: every row of every table, and
// how often Stripe was called.
type ledger struct {
	tables  map[string][]string // rows as text, sorted
	commits int
	stripe  int
}

// restless tables change by themselves, without any request.
var restless = map[string]string{
	"river_leader":       "the job queue's leader renews its lease every few seconds",
	"river_queue":        "the job queue says regularly that it is alive",
	"river_notification": "the job queue's own messages on SQLite, written and removed as leaders come and go",
}

// books reads the ledger. The database itself says which tables there are, so that
// a new one is watched from its first day.
func (s *scene) books() ledger {
	s.T.Helper()
	l := ledger{tables: map[string][]string{}, commits: s.commits(), stripe: s.calls()}
	var all []struct{ Name, Line string }
	if err := s.DB.Read(s.T.Context()).Raw(s.everything()).Scan(&all).Error; err != nil {
		s.T.Fatal(err)
	}
	for _, row := range all {
		l.tables[row.Name] = append(l.tables[row.Name], row.Line)
	}
	for _, rows := range l.tables {
		slices.Sort(rows)
	}
	return l
}

// commits is a number that SQLite changes with every commit of another connection,
// so that a look at all tables is only needed where it has changed. Postgres has
// none that is of one database alone.
func (s *scene) commits() int {
	s.T.Helper()
	if s.DB.Postgres() {
		return -1
	}
	if s.witness == nil {
		pool, err := s.DB.Read(s.T.Context()).DB()
		if err == nil {
			s.witness, err = pool.Conn(s.T.Context())
		}
		if err != nil {
			s.T.Fatal(err)
		}
		s.T.Cleanup(func() { _ = s.witness.Close() })
	}
	var n int
	if err := s.witness.QueryRowContext(s.T.Context(), "PRAGMA data_version").Scan(&n); err != nil {
		s.T.Fatal(err)
	}
	return n
}

// calls counts the requests that Stripe's API has had.
func (s *scene) calls() int {
	s.T.Helper()
	return int(s.Door("GET", "/_sandbox/requests", nil)["count"].(float64))
}

func (s *scene) tableNames() []string {
	s.T.Helper()
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
	if s.DB.Postgres() {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
	}
	var names []string
	if err := s.DB.Read(s.T.Context()).Raw(query).Scan(&names).Error; err != nil {
		s.T.Fatal(err)
	}
	for _, known := range []string{"orders", "goose_db_version", "river_job"} {
		if !slices.Contains(names, known) {
			s.T.Fatalf("%s is not among the tables %v", known, names)
		}
	}
	return names
}

// everything is a statement that reads all rows of all tables as text.
func (s *scene) everything() string {
	s.T.Helper()
	if s.statement != "" {
		return s.statement
	}
	var parts []string
	for _, table := range s.tableNames() {
		if _, ok := restless[table]; ok {
			continue
		}
		line := "t::text"
		if !s.DB.Postgres() {
			var columns []string
			if err := s.DB.Read(s.T.Context()).Raw("SELECT name FROM pragma_table_info(?)", table).Scan(&columns).Error; err != nil {
				s.T.Fatal(err)
			}
			for i, c := range columns {
				columns[i] = `quote("` + c + `")`
			}
			line = strings.Join(columns, " || ',' || ")
		}
		parts = append(parts, "SELECT '"+table+"' AS name, "+line+" AS line FROM "+table+" t")
	}
	s.statement = strings.Join(parts, " UNION ALL ")
	return s.statement
}

// differs says what has changed, or nothing.
func (l ledger) differs(after ledger) string {
	var out strings.Builder
	if l.stripe != after.stripe {
		fmt.Fprintf(&out, "Stripe was called %d times\n", after.stripe-l.stripe)
	}
	all := maps.Clone(l.tables)
	maps.Copy(all, after.tables)
	for _, table := range slices.Sorted(maps.Keys(all)) {
		was, is := l.tables[table], after.tables[table]
		if slices.Equal(was, is) {
			continue
		}
		fmt.Fprintf(&out, "%s had %d rows and has %d\n", table, len(was), len(is))
		for _, line := range is {
			if !slices.Contains(was, line) {
				fmt.Fprintf(&out, "  %s\n", shorten(line))
			}
		}
	}
	return out.String()
}

// text is all that is stored, to be searched.
func (l ledger) text() string {
	var out strings.Builder
	for _, rows := range l.tables {
		for _, line := range rows {
			out.WriteString(line)
			out.WriteByte('\n')
		}
	}
	return out.String()
}
