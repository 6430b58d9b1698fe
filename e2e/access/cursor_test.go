package access

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

// A cursor is only a place in the reader's own list: another's id says no more
// than an id beside it that nobody has.
func TestCursorsRevealNothing(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := newScene(t, db)
		operations := calls(load(t))
		tried := 0
		for _, r := range rows {
			if r.list == none || r.rule.public {
				continue
			}
			for _, who := range s.cast(r.rule) {
				in, everyone := who.may(r.rule)
				if !in || everyone || r.of != none && who.owns == "" {
					continue
				}
				c := cell{r, operations[r.operation], who, who.owns}
				for owner, has := range s.has {
					for _, id := range slices.Sorted(maps.Values(has)) {
						for _, cursor := range []string{"?startingAfter=", "?endingBefore="} {
							count(s)
							tried++
							theirs := s.make(t, c, s.has[who.owns][r.of], cursor, id)
							beside := s.make(t, c, s.has[who.owns][r.of], cursor, neighbour(id))
							s.hides(t, c, theirs)
							if owner != who.owns && plain(t, theirs) != plain(t, beside) || theirs.Status != 200 {
								t.Errorf("%s, %s%s of %s:\n%s\n%s", c, cursor, id, owner, plain(t, theirs), plain(t, beside))
							}
						}
					}
				}
			}
		}
		if tried < 100 {
			t.Errorf("%d cursors were tried", tried)
		}
	})
}

// neighbour is an id beside another that nothing has.
func neighbour(id string) string {
	last := id[len(id)-1]
	if last == 'z' || last == '9' {
		return id[:len(id)-1] + string(last-1)
	}
	return id[:len(id)-1] + string(last+1)
}

func TestListsShowWhatTheirReaderMaySee(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := newScene(t, db)
		guest := s.subject(s.owners["a guest"])
		_, key := s.key("", "orders:read")
		staff := s.Staff("sam")
		for name, tc := range map[string]struct {
			token, query, want string // 200 and whose orders, or the outcome
		}{
			"jenny":                          {s.owners["jenny"], "", "jenny"},
			"a guest":                        {s.owners["a guest"], "", "a guest"},
			"staff":                          {staff, "?limit=100", "a guest another guest jenny mallory"},
			"a key":                          {key, "?limit=100", "a guest another guest jenny mallory"},
			"a key, of a user":               {key, "?subject=jenny", "jenny"},
			"a key, of a user by issuer":     {key, "?subject=jenny&issuer=https://login.example.com", "jenny"},
			"a key, of a guest":              {key, "?subject=" + guest + "&issuer=till:guest", "a guest"},
			"a key, of a guest as a user":    {key, "?subject=" + guest, ""},
			"a key, of a user as a guest":    {key, "?subject=jenny&issuer=till:guest", ""},
			"a key, of nobody":               {key, "?subject=nobody", ""},
			"a key, of an owner's name":      {key, "?subject=" + url.QueryEscape("https://login.example.com|jenny"), ""},
			"a key, of another issuer":       {key, "?subject=jenny&issuer=https://evil.example", "422 validation_failed issuer"},
			"a key, of its own issuer":       {key, "?subject=jenny&issuer=till:key", "422 validation_failed issuer"},
			"a key, of an issuer alone":      {key, "?issuer=till:guest", "422 validation_failed subject"},
			"a key, of a line break":         {key, "?subject=a%0Ab", "422 validation_failed subject"},
			"a user, of another":             {s.owners["mallory"], "?subject=jenny", "422 validation_failed subject"},
			"a user, of itself":              {s.owners["mallory"], "?subject=mallory", "422 validation_failed subject"},
			"a guest, of a user":             {s.owners["a guest"], "?subject=jenny", "422 validation_failed subject"},
			"a user, by issuer":              {s.owners["mallory"], "?issuer=till:guest", "422 validation_failed issuer"},
			"staff, of a user":               {staff, "?subject=jenny", "jenny"},
			"staff, of a customer at Stripe": {staff, "?stripeCustomerId=cus_none", ""},
			"a user, of a status":            {s.owners["mallory"], "?status=open", "422 validation_failed status"},
			"a user, of a text":              {s.owners["mallory"], "?q=" + s.has["jenny"][order], "422 validation_failed q"},
			"a key, of an order's id":        {key, "?q=" + s.has["jenny"][order], "jenny"},
			"a key, of a payment's id":       {key, "?q=" + s.has["jenny"][payment], "jenny"},
		} {
			count(s)
			a := s.Call("GET", "/orders"+tc.query, tc.token, nil)
			got := strings.Trim(strings.Join([]string{a.Get("code"), a.Get("param")}, " "), " ")
			if a.Status == 200 {
				got = s.whose(a.Body)
				if shown := a.Get("data.0.subject") != "" && a.Get("data.0.issuer") != ""; got != "" && shown != (tc.token == key || tc.token == staff) {
					t.Errorf("%s: whose it is: %s", name, a.Body)
				}
			} else {
				got = "422 " + got
			}
			if got != tc.want {
				t.Errorf("%s: got %q, want %q", name, got, tc.want)
			}
		}
	})
}

// whose are the owners whose orders an answer shows, sorted.
func (s *scene) whose(body []byte) string {
	var out []string
	for owner, has := range s.has {
		if strings.Contains(string(body), has[order]) {
			out = append(out, owner)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
