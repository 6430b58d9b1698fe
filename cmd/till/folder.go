package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// databaseFile is a demo's database within its data folder.
const databaseFile = "till.db"

// openFolder makes the folder that a demo's data stays in, and takes it: two
// demos would overwrite each other's sandbox. A demo that was killed leaves
// nothing locked.
func openFolder(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	taken := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	switch mine, err := taken.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock the data folder: %w", err)
	case !mine:
		return nil, fmt.Errorf("another demo runs on %s: stop it, or name another folder by --data", dir)
	}
	return func() { _ = taken.Unlock() }, nil
}

// kept reads a secret that belongs to a data folder, and makes it at first.
func kept(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil && len(text) > 0 { // a start that was cut off may have left an empty one
		return string(text), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	secret := rand.Text() + rand.Text()
	return secret, os.WriteFile(file, []byte(secret), 0o600)
}
