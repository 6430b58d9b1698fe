package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"till/pkg/store"
)

const (
	// tokenPrefix starts every server key: till_sk_<public prefix>_<secret>.
	tokenPrefix = "till_sk_"
	idPrefix    = "key_"
	// keyIssuer makes the owner of what a key does for itself, such as its
	// Idempotency-Keys; no user's issuer may start with till:.
	keyIssuer = "till:key"
	// useEvery is the shortest time between two notes of a key's last use.
	useEvery   = time.Minute
	useTimeout = 5 * time.Second
	maxName    = 100
	maxKey     = 100 // the longest token that is looked at, bytes
)

var publicPrefix = regexp.MustCompile(`^[0-9a-z]{26}$`)

// errKey is the one answer to a key that is unknown, wrong or revoked.
var errKey = ErrInvalid.Detailf("The server key is not valid here; it may have been revoked.")

// ErrNoKey means that no server key has the id.
var ErrNoKey = errors.New("there is no server key with this id; see `till keys list`")

// ServerKey is what is known of a server key. Its token is not.
type ServerKey struct {
	ID         string // key_…
	Name       string
	Scopes     []string
	CreatedAt  time.Time
	RevokedAt  time.Time // zero: it holds
	LastUsedAt time.Time // zero: never; to the minute
}

type keyRow struct {
	ID         string `gorm:"primaryKey"`
	Name       string
	Hash       []byte
	Scopes     []string `gorm:"serializer:json"`
	CreatedAt  time.Time
	RevokedAt  *time.Time
	LastUsedAt *time.Time
}

func (keyRow) TableName() string { return "server_keys" }

func (r keyRow) key() ServerKey {
	k := ServerKey{ID: r.ID, Name: r.Name, Scopes: r.Scopes, CreatedAt: r.CreatedAt.UTC()}
	if r.RevokedAt != nil {
		k.RevokedAt = r.RevokedAt.UTC()
	}
	if r.LastUsedAt != nil {
		k.LastUsedAt = r.LastUsedAt.UTC()
	}
	return k
}

// Keys are the server keys of the app's backend. They are read from the database
// at each request, so that a revoked key ends at once on every replica.
type Keys struct {
	db    *store.DB
	now   func() time.Time
	log   *slog.Logger
	using sync.Map       // ids whose use is being noted
	notes sync.WaitGroup // of uses
}

// NewKeys returns the keys in a database. log hears of uses that could not be
// noted; nil: nobody does.
func NewKeys(db *store.DB, now func() time.Time, log *slog.Logger) *Keys {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Keys{db: db, now: func() time.Time { return store.Truncate(now()) }, log: log}
}

// Create makes a key. The token is not kept: this is the only time that it is seen.
func (k *Keys) Create(ctx context.Context, name string, scopes []string) (key ServerKey, token string, err error) {
	if name = strings.TrimSpace(name); name == "" || len(name) > maxName || !printable(name) {
		return ServerKey{}, "", fmt.Errorf("a key's name has 1 to %d printable characters", maxName)
	}
	if len(scopes) == 0 {
		return ServerKey{}, "", fmt.Errorf("a key needs a scope, one or more of %s", strings.Join(Scopes(), ", "))
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes(), s) {
			return ServerKey{}, "", fmt.Errorf("there is no scope %q; there are %s", s, strings.Join(Scopes(), ", "))
		}
	}
	scopes = slices.Compact(slices.Sorted(slices.Values(scopes)))
	id := store.NewID(idPrefix)
	token = tokenPrefix + strings.TrimPrefix(id, idPrefix) + "_" + rand.Text() // 130 bits
	sum := sha256.Sum256([]byte(token))
	row := keyRow{ID: id, Name: name, Hash: sum[:], Scopes: scopes, CreatedAt: k.now()}
	err = k.db.Tx(ctx, func(tx *gorm.DB) error { return tx.Create(&row).Error })
	if err != nil {
		return ServerKey{}, "", fmt.Errorf("store the key: %w", err)
	}
	return row.key(), token, nil
}

// List returns all keys, revoked ones among them, oldest first.
func (k *Keys) List(ctx context.Context) ([]ServerKey, error) {
	var rows []keyRow
	if err := k.db.Read(ctx).Order("id").Find(&rows).Error; err != nil {
		return nil, store.Translate(err)
	}
	keys := make([]ServerKey, len(rows))
	for i, r := range rows {
		keys[i] = r.key()
	}
	return keys, nil
}

// Revoke ends a key for good, at once and everywhere; once more changes nothing.
// The id may also be given as a token shows it, till_sk_<public prefix>, since a
// token that has leaked is all that its finder has. ErrNoKey where there is none.
func (k *Keys) Revoke(ctx context.Context, id string) (ServerKey, error) {
	if public, ok := strings.CutPrefix(id, tokenPrefix); ok {
		public, _, _ = strings.Cut(public, "_")
		id = idPrefix + public
	}
	var row keyRow
	err := k.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Model(&keyRow{}).Where("id = ? AND revoked_at IS NULL", id).Update("revoked_at", k.now()).Error; err != nil {
			return err
		}
		row = keyRow{}
		return tx.Where("id = ?", id).Limit(1).Find(&row).Error
	})
	if err == nil && row.ID == "" {
		err = ErrNoKey
	}
	return row.key(), err
}

// verify says whose token it is. It takes as long for a public prefix that exists
// as for one that does not, and says the same.
func (k *Keys) verify(ctx context.Context, token string) (Principal, error) {
	public, secret, _ := strings.Cut(strings.TrimPrefix(token, tokenPrefix), "_")
	if !publicPrefix.MatchString(public) || secret == "" || len(token) > maxKey {
		return Principal{}, errKey // no key that was ever made looks so
	}
	row := keyRow{Hash: make([]byte, sha256.Size)}
	if err := k.db.Read(ctx).Where("id = ?", idPrefix+public).Limit(1).Find(&row).Error; err != nil {
		return Principal{}, store.Translate(err)
	}
	sum := sha256.Sum256([]byte(token))
	same := subtle.ConstantTimeCompare(sum[:], row.Hash) == 1
	if !same || row.ID == "" || row.RevokedAt != nil {
		return Principal{}, errKey
	}
	if now := k.now(); row.LastUsedAt == nil || now.Sub(*row.LastUsedAt) >= useEvery {
		k.noteUse(ctx, row.ID, now)
	}
	return Principal{Kind: Key, Issuer: keyIssuer, Subject: row.ID, Scopes: row.Scopes}, nil
}

// holds says whether a key that was let in has not been revoked since.
func (k *Keys) holds(ctx context.Context, id string) error {
	var row keyRow
	if err := k.db.Read(ctx).Where("id = ? AND revoked_at IS NULL", id).Limit(1).Find(&row).Error; err != nil {
		return store.Translate(err)
	}
	if row.ID == "" {
		return errKey
	}
	return nil
}

// noteUse writes down when a key was last used, beside the request: a database
// that is slow to write must not hold it up. One note of a key at a time.
func (k *Keys) noteUse(ctx context.Context, id string, now time.Time) {
	if _, busy := k.using.LoadOrStore(id, true); busy {
		return
	}
	k.notes.Go(func() {
		defer k.using.Delete(id)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), useTimeout)
		defer cancel()
		err := k.db.Write(ctx).Model(&keyRow{}).Where("id = ? AND (last_used_at IS NULL OR last_used_at <= ?)", id, now.Add(-useEvery)).
			Update("last_used_at", now).Error
		if err != nil {
			k.log.WarnContext(ctx, "cannot note a server key's last use", "key", id, "error", err)
		}
	})
}

// Wait returns when all uses up to now are noted, before the database is closed.
func (k *Keys) Wait() { k.notes.Wait() }
