package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
)

// Load completes what kong has read: secrets from files, then every check. The
// error lists all faults, one a line. environ is os.Environ's; others are the
// TILL_* variables that some other part of the program reads.
func (c *Config) Load(environ []string, others ...string) error {
	env := map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	return errors.Join(c.ReadFiles(env), typos(env, others), c.Check())
}

// ReadFiles fills a setting from the file that VARIABLE_FILE names, as Docker
// secrets want it: one trailing line break is taken off.
func (c *Config) ReadFiles(env map[string]string) error {
	var errs []error
	for variable, field := range c.fileSettings() {
		name := variable + "_FILE"
		path := env[name]
		if path == "" {
			continue
		}
		if field.String() != "" {
			errs = append(errs, fmt.Errorf("%s and %s are both set: take one away", variable, name))
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		value := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
		if value == "" {
			errs = append(errs, fmt.Errorf("%s: %s is empty", name, path))
		}
		field.SetString(value)
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// fileSettings are the settings that can come from a file: secrets, and the
// public key, which has many lines.
func (c *Config) fileSettings() map[string]reflect.Value {
	out := map[string]reflect.Value{}
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Type == reflect.TypeFor[Secret]() || f.Name == "JWTPublicKey" {
			out[f.Tag.Get("env")] = v.Field(i)
		}
	}
	return out
}

// variables are the names of all settings, those of files among them.
func (c *Config) variables() []string {
	var out []string
	for f := range reflect.TypeFor[Config]().Fields() {
		out = append(out, f.Tag.Get("env"))
	}
	for name := range c.fileSettings() {
		out = append(out, name+"_FILE")
	}
	return out
}

// typos reports TILL_* variables that nothing reads: a misspelt setting would
// otherwise silently keep its default.
func typos(env map[string]string, others []string) error {
	known := append((&Config{}).variables(), others...)
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(name, "TILL_") || strings.HasPrefix(name, "TILL_TEST_") || slices.Contains(known, name) {
			continue
		}
		nearest := slices.MinFunc(known, func(a, b string) int { return distance(a, name) - distance(b, name) })
		errs = append(errs, fmt.Errorf("%s is not a setting: did you mean %s?", name, nearest))
	}
	return errors.Join(errs...)
}

// distance is Levenshtein's: how many letters to change, add or take away.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0]++
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
