package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// The statements of hot paths, for many rows at once. Postgres prepares a statement
// for each text, so a text for each number of rows would have it prepare all the
// time; and a plan that is made for arrays of any length is made anew each time.
// So these come for 1, 2, 4, 8 … rows only, and rows of NULL fill them up.

const mostRows = 128 // of one statement

// In is the condition that a column has one of the values.
func In[V ~string](column string, values []V) clause.Expr {
	if len(values) == 0 {
		return clause.Expr{SQL: "false"}
	}
	n := size(len(values))
	vars := make([]any, n)
	for i := range vars {
		vars[i] = string(values[min(i, len(values)-1)])
	}
	return clause.Expr{SQL: column + " IN (?" + strings.Repeat(",?", n-1) + ")", Vars: vars}
}

// InPairs is the condition that two columns have one of the pairs of values.
func InPairs(columns string, pairs [][2]string) clause.Expr {
	n := size(len(pairs))
	vars := make([]any, 0, 2*n)
	for i := range n {
		pair := pairs[min(i, len(pairs)-1)]
		vars = append(vars, pair[0], pair[1])
	}
	return clause.Expr{SQL: "(" + columns + ") IN (VALUES (?,?)" + strings.Repeat(",(?,?)", n-1) + ")", Vars: vars}
}

// size is the number of rows that a statement for n of them is written for.
func size(n int) int {
	power := 1
	for power < n {
		power *= 2
	}
	return power
}

// Find reads the rows of Row's table that a condition, with what may follow it,
// holds for: GORM's Find without most of its cost.
func Find[Row any](p *Pipe, into *[]Row, rest clause.Expr) {
	FindFrom(p, into, quote(bulkOf[Row](p.tx).schema.Table), rest)
}

// FindFrom is Find in another table, or in what a query in parentheses finds.
func FindFrom[Row any](p *Pipe, into *[]Row, from string, rest clause.Expr) {
	s := bulkOf[Row](p.tx)
	fields := s.schema.Fields
	text := s.text(p.tx, 0, from+rest.SQL, func() string {
		return placed(p.tx, "SELECT "+list(fields)+" FROM "+from+" WHERE "+rest.SQL)
	})
	*into = nil // it may run again
	places := make([]any, len(fields))
	p.queued = append(p.queued, queued{text: text, args: rest.Vars, read: func(found scanner) error {
		var row Row
		v := reflect.ValueOf(&row).Elem()
		for i, f := range fields {
			if f.Serializer != nil {
				places[i] = new([]byte)
			} else {
				places[i] = v.FieldByIndex(f.StructField.Index).Addr().Interface()
			}
		}
		if err := found.Scan(places...); err != nil {
			return err
		}
		for i, f := range fields {
			if f.Serializer == nil {
				continue
			}
			if text := *places[i].(*[]byte); len(text) > 0 {
				if err := json.Unmarshal(text, v.FieldByIndex(f.StructField.Index).Addr().Interface()); err != nil {
					return fmt.Errorf("column %s: %w", f.DBName, err)
				}
			}
		}
		*into = append(*into, row)
		return nil
	}})
}

// texts are the statements that were written before; there are few, as they come
// for few numbers of rows.
var texts sync.Map

type textKey struct {
	table    *schema.Schema
	postgres bool
	rows     int
	what     string // tells it from others of the table
}

// text is what write makes, made once.
func (s bulk) text(tx *gorm.DB, rows int, what string, write func() string) string {
	key := textKey{s.schema, onPostgres(tx), rows, what}
	if known, ok := texts.Load(key); ok {
		return known.(string)
	}
	text := write()
	texts.Store(key, text)
	return text
}

// placed is a statement with ? as the engine wants it.
func placed(tx *gorm.DB, text string) string {
	if !onPostgres(tx) {
		return text
	}
	var out strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(text, "?")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		out.WriteString("$" + strconv.Itoa(n))
		text = after
	}
}

// ForUpdate ends a Find that locks what it reads, in the order of the column.
func ForUpdate(tx *gorm.DB, column string) string {
	if onPostgres(tx) {
		return " ORDER BY " + column + " FOR UPDATE"
	}
	return " ORDER BY " + column
}

// Insert stores rows.
func Insert[Row any](p *Pipe, rows []Row) { insertThen(p, rows, "") }

// InsertOnce is Insert of rows that were not there when tx looked: if somebody has
// stored one since, it fails with ErrRaced, so that the transaction is done again.
func InsertOnce[Row any](p *Pipe, rows []Row) {
	from := len(p.queued)
	Insert(p, rows)
	for i := range p.queued[from:] {
		p.queued[from+i].fail = raced
	}
}

// InsertNew stores those rows that break no unique index.
func InsertNew[Row any](p *Pipe, rows []Row) { insertThen(p, rows, " ON CONFLICT DO NOTHING") }

func insertThen[Row any](p *Pipe, rows []Row, then string) {
	s := bulkOf[Row](p.tx)
	for rows := range slices.Chunk(rows, mostRows) {
		text, args := s.insert(p.tx, reflect.ValueOf(rows), then)
		p.queued = append(p.queued, queued{text: text, args: args})
	}
}

// InsertNewOf is InsertNew that adds the value of the column key of each row that
// was stored to stored.
func InsertNewOf[Row any](p *Pipe, rows []Row, key string, stored *[]string) {
	*stored = nil
	s := bulkOf[Row](p.tx)
	for rows := range slices.Chunk(rows, mostRows) {
		text, args := s.insert(p.tx, reflect.ValueOf(rows), " ON CONFLICT DO NOTHING RETURNING "+quote(key))
		p.queued = append(p.queued, queued{text: text, args: args, read: func(row scanner) error {
			var k string
			err := row.Scan(&k)
			*stored = append(*stored, k)
			return err
		}})
	}
}

// Update sets columns of rows that are there, found by their primary key.
func Update[Row any](p *Pipe, rows []Row, columns ...string) {
	UpdateIf(p, rows, "", nil, columns...)
}

// UpdateIf is Update of those rows for which a condition holds as well. It may
// compare the table's columns to those of the rows given, v, that are set or
// named in compared.
func UpdateIf[Row any](p *Pipe, rows []Row, condition string, compared []string, columns ...string) {
	s := bulkOf[Row](p.tx)
	keys := s.schema.PrimaryFieldDBNames
	fields := s.fields(slices.Concat(keys, compared, columns)...)
	for rows := range slices.Chunk(rows, mostRows) {
		n := size(len(rows))
		text := s.text(p.tx, n, "update "+strings.Join(columns, " ")+" by "+strings.Join(compared, " ")+" if "+condition, func() string {
			table := quote(s.schema.Table)
			var sets, found []string
			for _, c := range columns {
				sets = append(sets, quote(c)+" = v."+quote(c))
			}
			for _, k := range keys {
				found = append(found, table+"."+quote(k)+" = v."+quote(k))
			}
			if condition != "" {
				found = append(found, condition)
			}
			return placed(p.tx, "UPDATE "+table+" SET "+strings.Join(sets, ", ")+" FROM "+given(p.tx, n, fields)+" WHERE "+strings.Join(found, " AND "))
		})
		p.queued = append(p.queued, queued{text: text, args: values(reflect.ValueOf(rows), fields, n)})
	}
}

func quote(name string) string { return `"` + name + `"` }

// bulk is what is known of a model.
type bulk struct{ schema *schema.Schema }

var schemas sync.Map

func bulkOf[Row any](tx *gorm.DB) bulk {
	parsed, err := schema.Parse(new(Row), &schemas, tx.NamingStrategy)
	if err != nil {
		panic(err) // a model that GORM does not take is a mistake in the code
	}
	return bulk{parsed}
}

func (s bulk) fields(columns ...string) []*schema.Field {
	out := make([]*schema.Field, len(columns))
	for i, c := range columns {
		if out[i] = s.schema.LookUpField(c); out[i] == nil {
			panic(fmt.Sprintf("store: %s has no column %s", s.schema.Table, c))
		}
	}
	return out
}

// insert is a statement that stores rows, with what it is to do then, and its arguments.
func (s bulk) insert(tx *gorm.DB, rows reflect.Value, then string) (text string, args []any) {
	n := size(rows.Len())
	fields := s.fields(s.schema.DBNames...)
	text = s.text(tx, n, "insert"+then, func() string {
		into := "INSERT INTO " + quote(s.schema.Table) + " (" + list(fields) + ") "
		if n == 1 {
			return placed(tx, into+"VALUES "+tuple(len(fields))+then)
		}
		return placed(tx, into+"SELECT * FROM "+given(tx, n, fields)+" WHERE "+quote(s.schema.PrimaryFieldDBNames[0])+" IS NOT NULL"+then)
	})
	return text, values(rows, fields, n)
}

// tuple is places for one row.
func tuple(width int) string { return "(?" + strings.Repeat(", ?", width-1) + ")" }

func list(fields []*schema.Field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = quote(f.DBName)
	}
	return strings.Join(names, ", ")
}

// given is a table v of n rows with these columns.
func given(tx *gorm.DB, n int, fields []*schema.Field) string {
	row := tuple(len(fields))
	if !onPostgres(tx) {
		names := make([]string, len(fields))
		for i, f := range fields {
			names[i] = fmt.Sprintf("column%d AS %s", i+1, quote(f.DBName))
		}
		return "(SELECT " + strings.Join(names, ", ") + " FROM (VALUES " + row + strings.Repeat(", "+row, n-1) + ")) AS v"
	}
	// The first row tells the types.
	typed := make([]string, len(fields))
	for i, f := range fields {
		typed[i] = "?::" + sqlType(f)
	}
	return "(VALUES (" + strings.Join(typed, ", ") + ")" + strings.Repeat(", "+row, n-1) + ") AS v (" + list(fields) + ")"
}

func sqlType(f *schema.Field) string {
	switch kind := f.IndirectFieldType.Kind(); {
	case f.Serializer != nil:
		return "jsonb"
	case f.IndirectFieldType == reflect.TypeFor[time.Time]():
		return "timestamptz"
	case kind == reflect.String:
		return "text"
	case kind == reflect.Int64:
		return "bigint"
	case kind == reflect.Bool:
		return "boolean"
	case kind == reflect.Slice: // of bytes
		return "bytea"
	}
	panic(fmt.Sprintf("store: no type for %s", f.FieldType))
}

// values are the fields of all rows, as plain as both drivers want them, and NULL
// up to n rows.
func values(rows reflect.Value, fields []*schema.Field, n int) []any {
	out := make([]any, 0, n*len(fields))
	for i := range rows.Len() {
		for _, f := range fields {
			out = append(out, value(rows.Index(i), f))
		}
	}
	return out[:n*len(fields)]
}

func value(row reflect.Value, f *schema.Field) any {
	if f.Serializer != nil {
		v, _ := f.ValueOf(context.Background(), row)
		return jsonText(v)
	}
	v := row.FieldByIndex(f.StructField.Index)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Int64:
		return v.Int()
	}
	return v.Interface()
}

// jsonText is what a serializer makes of a field; nil for NULL.
func jsonText(v any) any {
	if valuer, ok := v.(driver.Valuer); ok {
		v, _ = valuer.Value()
	}
	if text, ok := v.([]byte); ok {
		return string(text)
	}
	return v
}

func onPostgres(tx *gorm.DB) bool { return tx.Name() == "postgres" }
