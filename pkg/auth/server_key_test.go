package auth_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// backend is a verifier that knows server keys, on a clock that can be moved.
type backend struct {
	*auth.Verifier
	keys *auth.Keys
	db   *store.DB
	log  bytes.Buffer

	mu   sync.Mutex
	time time.Time
}

func newBackend(t *testing.T, db *store.DB) *backend {
	b := &backend{db: db, time: now}
	clock := func() time.Time { b.mu.Lock(); defer b.mu.Unlock(); return b.time }
	b.keys = auth.NewKeys(db, clock, slog.New(slog.NewTextHandler(&b.log, nil)))
	b.Verifier = verifier(t, auth.Settings{Keys: b.keys, Secret: secret})
	t.Cleanup(b.keys.Wait)
	return b
}

func (b *backend) pass(d time.Duration) { b.mu.Lock(); defer b.mu.Unlock(); b.time = b.time.Add(d) }

func (b *backend) make(t *testing.T, name string, scopes ...string) (auth.ServerKey, string) {
	t.Helper()
	key, token, err := b.keys.Create(t.Context(), name, scopes)
	if err != nil {
		t.Fatal(err)
	}
	return key, token
}

func (b *backend) lastUse(t *testing.T, id string) time.Time {
	t.Helper()
	b.keys.Wait()
	all, err := b.keys.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		if k.ID == id {
			return k.LastUsedAt
		}
	}
	t.Fatalf("%s is not listed", id)
	return time.Time{}
}

func TestServerKeys(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		b := newBackend(t, db)
		key, token := b.make(t, " shop backend ", "payments:read", "orders:write", "payments:read")
		who, err := b.Verify(t.Context(), token)
		if err != nil || who.Kind != auth.Key || who.Owner() != "till:key|"+key.ID || who.Everyone || !who.Expires.IsZero() ||
			strings.Join(who.Scopes, " ") != "orders:write payments:read" || key.Name != "shop backend" {
			t.Fatalf("%+v is known as %+v, %v", key, who, err)
		}
		parts := strings.Split(token, "_")
		if len(parts) != 4 || "key_"+parts[2] != key.ID || len(parts[3]) < 26 { // 26 letters of 5 bits: 130
			t.Errorf("the token is built as %d parts, %d letters of secret", len(parts), len(parts[3]))
		}

		// Nothing in the database lets anybody call.
		var stored []byte
		if err := db.Read(t.Context()).Raw("SELECT hash FROM server_keys").Row().Scan(&stored); err != nil || len(stored) != 32 {
			t.Errorf("the hash has %d bytes, %v", len(stored), err)
		}
		_, other := b.make(t, "other", "staff")
		secrets := strings.Split(other, "_")[3]
		for name, bad := range map[string]string{
			"another key's secret":   strings.Join(parts[:3], "_") + "_" + secrets,
			"one letter less":        token[:len(token)-1],
			"one letter more":        token + "A",
			"another letter":         token[:len(token)-1] + string('A'+(token[len(token)-1]-'A'+1)%26),
			"in small letters":       strings.ToLower(token),
			"no secret":              strings.Join(parts[:3], "_") + "_",
			"no public prefix":       "till_sk__" + parts[3],
			"an unknown prefix":      "till_sk_01jd8w3k5v9x2m4n6p8q0r1s2t_" + parts[3],
			"the hash":               strings.Join(parts[:3], "_") + "_" + string(stored),
			"the id":                 key.ID,
			"a wildcard":             "till_sk_%_" + parts[3],
			"not UTF-8":              "till_sk_01jd8w3k5v9x2m4n6p8q0r1s2\xff_" + parts[3],
			"very long":              token + strings.Repeat("A", 1<<20),
			"nothing but the scheme": "till_sk_",
		} {
			who, err := b.Verify(t.Context(), bad)
			if p, _ := problem.As(err); p == nil || p.Code != "token_invalid" || p.Detail != "The server key is not valid here; it may have been revoked." && name != "the id" {
				t.Errorf("%s: %+v, %v", name, who, err)
			}
		}

		// Revoked: at once, for good, with the same answer, also for who verified it before.
		replica := newBackend(t, db)
		known, err := replica.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if err := replica.Holds(t.Context(), known); err != nil {
			t.Errorf("a key that is not revoked: %v", err)
		}
		revoked, err := b.keys.Revoke(t.Context(), key.ID)
		if err != nil || !revoked.RevokedAt.Equal(now) {
			t.Fatalf("revoked: %+v, %v", revoked, err)
		}
		for _, v := range []*backend{b, replica} {
			if _, err := v.Verify(t.Context(), token); err == nil {
				t.Error("a revoked key is taken")
			}
		}
		if p, _ := problem.As(replica.Holds(t.Context(), known)); p == nil || p.Code != "token_invalid" {
			t.Errorf("who was let in before may go on: %v", p)
		}
		b.pass(time.Hour)
		if again, err := b.keys.Revoke(t.Context(), token); err != nil || !again.RevokedAt.Equal(now) {
			t.Errorf("revoked once more, by its token: %+v, %v", again, err)
		}
		if _, err := b.keys.Revoke(t.Context(), "key_01jd8w3k5v9x2m4n6p8q0r1s2t"); !errors.Is(err, auth.ErrNoKey) {
			t.Errorf("a key that is not there: %v", err)
		}
		if _, err := b.Verify(t.Context(), other); err != nil {
			t.Errorf("the other key: %v", err)
		}
		if strings.Contains(b.log.String(), parts[3]) {
			t.Error("a secret is in the log")
		}
	})
}

func TestKeysThatAreNotMade(t *testing.T) {
	t.Parallel()
	b := newBackend(t, storetest.SQLite(t))
	for name, tc := range map[string]struct {
		name   string
		scopes []string
	}{
		"no name":          {"", []string{"staff"}},
		"a name of spaces": {"  ", []string{"staff"}},
		"a long name":      {strings.Repeat("x", 101), []string{"staff"}},
		"a line break":     {"a\nb", []string{"staff"}},
		"no scope":         {"a", nil},
		"an unknown scope": {"a", []string{"staff", "orders:*"}},
	} {
		if key, _, err := b.keys.Create(t.Context(), tc.name, tc.scopes); err == nil {
			t.Errorf("%s: %+v", name, key)
		}
	}
	if all, err := b.keys.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestLastUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		b := newBackend(t, db)
		key, token := b.make(t, "a", "staff")
		use := func() {
			t.Helper()
			if _, err := b.Verify(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
		if last := b.lastUse(t, key.ID); !last.IsZero() {
			t.Errorf("never used, and yet at %s", last)
		}
		use()
		if last := b.lastUse(t, key.ID); !last.Equal(now) {
			t.Errorf("used at %s", last)
		}
		b.pass(59 * time.Second)
		use()
		if last := b.lastUse(t, key.ID); !last.Equal(now) {
			t.Errorf("noted again within a minute, at %s", last)
		}
		b.pass(time.Second)
		use()
		if last := b.lastUse(t, key.ID); !last.Equal(now.Add(time.Minute)) {
			t.Errorf("a minute later it is still %s", last)
		}
	})
}

// Who calls must not wait until the use of the key is written down.
func TestAKeyIsTakenWhileNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		b := newBackend(t, db)
		key, token := b.make(t, "a", "staff")
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec("UPDATE server_keys SET name = 'held'").Error; err != nil {
				return err
			}
			for range 20 {
				if _, err := b.Verify(t.Context(), token); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if last := b.lastUse(t, key.ID); !last.Equal(now) {
			t.Errorf("afterwards: %s; %s", last, b.log.String())
		}
	})
}
