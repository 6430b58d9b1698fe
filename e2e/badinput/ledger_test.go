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
	tables map[string][]string // rows as text, sorted
	stripe int
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
	l := ledger{tables: map[string][]string{}, stripe: s.calls()}
	for _, table := range s.tableNames() {
		if _, ok := restless[table]; ok {
			continue
		}
		rows := []string{}
		if err := s.DB.Read(s.T.Context()).Raw("SELECT " + s.rowText(table) + " AS line FROM " + table + " t ORDER BY line").Scan(&rows).Error; err != nil {
			s.T.Fatalf("read %s: %v", table, err)
		}
		l.tables[table] = rows
	}
	return l
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

// rowText is an expression that writes a whole row of t as text.
func (s *scene) rowText(table string) string {
	s.T.Helper()
	if s.DB.Postgres() {
		return "t::text"
	}
	if columns, ok := s.columns[table]; ok {
		return columns
	}
	var names []string
	if err := s.DB.Read(s.T.Context()).Raw("SELECT name FROM pragma_table_info(?)", table).Scan(&names).Error; err != nil {
		s.T.Fatal(err)
	}
	for i, n := range names {
		names[i] = `quote("` + n + `")`
	}
	if s.columns == nil {
		s.columns = map[string]string{}
	}
	s.columns[table] = strings.Join(names, " || ',' || ")
	return s.columns[table]
}

// differs says what has changed, or nothing.
func (l ledger) differs(after ledger) string {
	var out strings.Builder
	if l.stripe != after.stripe {
		fmt.Fprintf(&out, "Stripe was called %d times\n", after.stripe-l.stripe)
	}
	for _, table := range slices.Sorted(maps.Keys(after.tables)) {
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
