package api

import (
	"slices"
	"strings"
	"testing"

	"till/pkg/auth"
)

func TestWhoIsAdmitted(t *testing.T) {
	t.Parallel()
	who := map[string]auth.Principal{
		"user":                          {Kind: auth.User},
		"user who says to see everyone": {Kind: auth.User, Everyone: true},
		"user with a key's scope":       {Kind: auth.User, Scopes: []string{"orders:write"}},
		"staff":                         {Kind: auth.User, Scopes: []string{"x", "staff"}},
		"guest":                         {Kind: auth.Guest},
		"guest with staff":              {Kind: auth.Guest, Scopes: []string{"staff"}},
		"key":                           {Kind: auth.Key, Scopes: []string{"payments:read", "orders:write"}},
		"key of another scope":          {Kind: auth.Key, Scopes: []string{"orders:read", "Orders:Write", "orders"}},
		"key without scopes":            {Kind: auth.Key},
		"key of staff":                  {Kind: auth.Key, Scopes: []string{"staff"}},
		"nobody known":                  {},
	}
	for name, tc := range map[string]struct {
		access       any
		own, all     []string // who sees its own, and who everyone's; all others are refused
		userWouldAsk string
	}{
		"for what is theirs": {
			map[string]any{"user": "own", "guest": "own"},
			[]string{"user", "user who says to see everyone", "user with a key's scope", "staff", "guest", "guest with staff"}, nil, "",
		},
		"with a key": {
			map[string]any{"guest": "own", "key": []any{"orders:write"}},
			[]string{"guest", "guest with staff"}, []string{"key"}, `Bearer realm="till", error="insufficient_scope"`,
		},
		"open to staff": {
			map[string]any{"user": "own", "key": []any{"orders:write"}, "staff": true},
			[]string{"user", "user who says to see everyone", "user with a key's scope"}, []string{"staff", "key", "key of staff"}, "",
		},
		"for staff alone": {
			map[string]any{"staff": true, "key": []any{"staff"}},
			nil, []string{"staff", "key of staff"}, `Bearer realm="till", error="insufficient_scope", scope="staff"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := readAccess(tc.access)
			if err != nil {
				t.Fatal(err)
			}
			for caller, p := range who {
				got, err := a.admit(p)
				all, own := slices.Contains(tc.all, caller), slices.Contains(tc.own, caller)
				if admitted := err == nil; admitted != (all || own) || got.Everyone != all {
					t.Errorf("%s: got %+v, %v", caller, got, err)
				}
			}
			if got := a.challenge(auth.User); tc.userWouldAsk != "" && got != tc.userWouldAsk {
				t.Errorf("a user is told %s", got)
			}
		})
	}
}

func TestAccessThatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	for name, access := range map[string]any{
		"none":               nil,
		"another word":       "customer",
		"public as a list":   []any{"public"},
		"an empty map":       map[string]any{},
		"another caller":     map[string]any{"user": "own", "admin": true},
		"a user for all":     map[string]any{"user": "all"},
		"a user, true":       map[string]any{"user": true},
		"a guest for all":    map[string]any{"guest": "everyone"},
		"a scope, no list":   map[string]any{"key": "orders:write"},
		"no scopes":          map[string]any{"key": []any{}},
		"an unknown scope":   map[string]any{"key": []any{"orders:write", "orders:*"}},
		"a scope, no string": map[string]any{"key": []any{7}},
		"staff by a word":    map[string]any{"staff": "true"},
		"staff, false":       map[string]any{"staff": false},
		"public and a user":  map[string]any{"public": true, "user": "own"},
	} {
		if a, err := readAccess(access); err == nil || !strings.Contains(err.Error(), "x-access") {
			t.Errorf("%s: got %+v, %v", name, a, err)
		}
	}
}
