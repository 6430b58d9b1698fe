package main

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// malformed collects settings that cannot be read, in place of kong's way to end
// at the first: whoever mends a configuration wants to hear of all faults at once.
type malformed struct{ faults []error }

func (m *malformed) err() error { return errors.Join(m.faults...) }

func (m *malformed) options() []kong.Option {
	return []kong.Option{
		kong.Bind(m),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), reader(m, time.ParseDuration, "a duration such as 30s or 5m")),
		kong.TypeMapper(reflect.TypeFor[int64](), reader(m, wholeNumber, "a whole number")),
		kong.TypeMapper(reflect.TypeFor[int](), reader(m, strconv.Atoi, "a whole number")),
	}
}

func wholeNumber(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }

// reader reads a value, or notes that it is not what it must be and takes the
// default. A flag without a variable is no setting, and its fault ends the command.
func reader[T any](m *malformed, parse func(string) (T, error), what string) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("value", &text); err != nil {
			return err
		}
		v, err := parse(text)
		if err != nil {
			envs := ctx.Value.Tag.Envs
			if len(envs) == 0 {
				return fmt.Errorf("must be %s, not %q", what, text)
			}
			m.faults = append(m.faults, fmt.Errorf("%s must be %s, not %q", envs[0], what, text))
			if v, err = parse(ctx.Value.Default); err != nil {
				return nil
			}
		}
		target.Set(reflect.ValueOf(v))
		return nil
	}
}
