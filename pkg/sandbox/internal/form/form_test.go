package form

import (
	"encoding/json"
	"testing"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"amount=1&currency=usd":         `{"h":{"amount":{"t":"1"},"currency":{"t":"usd"}}}`,
		"a[b][c]=1&a[b][d]=2":           `{"h":{"a":{"h":{"b":{"h":{"c":{"t":"1"},"d":{"t":"2"}}}}}}}`,
		"a[]=1&a[]=2":                   `{"h":{"a":{"l":[{"t":"1"},{"t":"2"}]}}}`,
		"a[1]=2&a[0]=1":                 `{"h":{"a":{"l":[{"t":"1"},{"t":"2"}]}}}`,
		"a[0][b]=1&a[0][c]=2&a[1][b]=3": `{"h":{"a":{"l":[{"h":{"b":{"t":"1"},"c":{"t":"2"}}},{"h":{"b":{"t":"3"}}}]}}}`,
		"a[][b]=1&a[][c]=2&a[][b]=3":    `{"h":{"a":{"l":[{"h":{"b":{"t":"1"},"c":{"t":"2"}}},{"h":{"b":{"t":"3"}}}]}}}`,
		"a=1&a=2":                       `{"h":{"a":{"t":"2"}}}`,
		"a%5Bb%5D=x+y%26z":              `{"h":{"a":{"h":{"b":{"t":"x y\u0026z"}}}}}`,
		"0=x":                           `{"h":{"0":{"t":"x"}}}`,
		"0[0]=x&1=y":                    `{"h":{"0":{"l":[{"t":"x"}]},"1":{"t":"y"}}}`,
		"":                              `{}`,
	} {
		v, err := Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(v); string(got) != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if _, err := Parse("a=%zz"); err == nil {
		t.Error("a bad escape was read")
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	a, _ := Parse("a=1&m[x]=1&m[y]=2")
	b, _ := Parse("m[y]=2&a=1&m[x]=1")
	if a.Canonical() != b.Canonical() {
		t.Errorf("%s, %s", a.Canonical(), b.Canonical())
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a[b]=1", "a[][b]=1&a[]=2", "[=&]=&a[=1", "a[0]=1&a[0][b]=2&a[x]=3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := Parse(s); err == nil {
			_ = v.Canonical()
			_ = v.Str("a", "b")
			_ = v.Strs("a")
		}
	})
}
