package storetest

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm/schema"

	"till/pkg/store"
)

// Drift fails where the migrations and a package's models disagree: a column
// without a field or the other way round, or one that takes NULL on one side
// alone. It runs on both engines.
func Drift(t *testing.T, models ...any) {
	t.Helper()
	t.Parallel()
	ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		for _, model := range models {
			parsed, err := schema.Parse(model, &sync.Map{}, schema.NamingStrategy{})
			if err != nil {
				t.Fatal(err)
			}
			columns, err := db.Read(t.Context()).Migrator().ColumnTypes(parsed.Table)
			if err != nil {
				t.Fatal(err)
			}
			var inTable []string
			for _, c := range columns {
				inTable = append(inTable, c.Name())
				field := parsed.LookUpField(c.Name())
				if field == nil {
					continue
				}
				nullable, known := c.Nullable()
				takesNull := field.FieldType.Kind() == reflect.Pointer
				if known && nullable != takesNull && !field.PrimaryKey {
					t.Errorf("%s.%s: NULL is %t in the table and %t in the model", parsed.Table, c.Name(), nullable, takesNull)
				}
			}
			if missing := without(parsed.DBNames, inTable); len(missing) > 0 {
				t.Errorf("%s has no column for %s", parsed.Table, strings.Join(missing, ", "))
			}
			if missing := without(inTable, parsed.DBNames); len(missing) > 0 {
				t.Errorf("the model of %s has no field for %s", parsed.Table, strings.Join(missing, ", "))
			}
		}
	})
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}
