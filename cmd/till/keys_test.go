package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"gorm.io/gorm"

	"till/pkg/store"
)

// till runs a command as a shell does and returns what it prints.
func till(t *testing.T, args ...string) (string, error) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdout
	os.Stdout = write
	out := make(chan string)
	go func() { text, _ := io.ReadAll(read); out <- string(text) }()
	var c commands
	var m malformed
	parser, err := kong.New(&c, append(m.options(), kong.BindTo(t.Context(), (*context.Context)(nil)))...)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = parsed.Run()
	}
	os.Stdout = old
	write.Close()
	return <-out, err
}

// A key is made, listed and ended on a demo's folder, while the demo is at work.
func TestKeysOnADemosFolder(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://nobody.invalid/none") // --data goes before it
	dir := t.TempDir()
	if _, err := till(t, "keys", "list", "--data", dir); err == nil || !strings.Contains(err.Error(), "till demo --data") {
		t.Fatalf("a folder without a demo: %v", err)
	}
	demo, err := store.Open("sqlite:" + filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer demo.Close()
	if _, err := till(t, "keys", "list", "--data", dir); err == nil || !strings.Contains(err.Error(), "till migrate up") {
		t.Errorf("an old schema: %v", err)
	}
	if _, err := demo.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}

	held, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- demo.Tx(context.Background(), func(tx *gorm.DB) error {
			err := tx.Exec("UPDATE till_settings SET value = value").Error
			close(held)
			<-end
			return err
		})
	}()
	<-held
	if text, err := till(t, "keys", "list", "--data", dir); err != nil || !strings.Contains(text, "no keys") {
		t.Errorf("list while the demo writes: %s %v", text, err)
	}
	close(end)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	text, err := till(t, "keys", "create", "--data", dir, "--name", "backend", "--scope", "orders:write,orders:read", "--scope", "staff", "--json")
	var made seenKey
	if err != nil || json.Unmarshal([]byte(text), &made) != nil || !strings.HasPrefix(made.Token, "till_sk_") || len(made.Scopes) != 3 {
		t.Fatalf("%s %v", text, err)
	}
	text, err = till(t, "keys", "list", "--data", dir)
	if err != nil || !strings.Contains(text, made.ID) || !strings.Contains(text, "backend") || strings.Contains(text, made.Token) {
		t.Errorf("%s %v", text, err)
	}
	if text, err = till(t, "keys", "revoke", "--data", dir, made.ID); err != nil || !strings.Contains(text, "backend") {
		t.Errorf("%s %v", text, err)
	}
	var all []seenKey
	text, err = till(t, "keys", "list", "--data", dir, "--json")
	if err != nil || json.Unmarshal([]byte(text), &all) != nil || len(all) != 1 || all[0].RevokedAt == nil || all[0].Token != "" {
		t.Errorf("%s %v", text, err)
	}
	for _, bad := range [][]string{
		{"keys", "create", "--data", dir, "--name", "x", "--scope", "everything"},
		{"keys", "create", "--data", dir, "--scope", "staff"},
		{"keys", "create", "--data", dir, "--name", "x"},
		{"keys", "revoke", "--data", dir, "key_none"},
	} {
		if text, err := till(t, bad...); err == nil {
			t.Errorf("%v: %s", bad, text)
		}
	}
}

func TestNoDatabaseNamed(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	if _, err := till(t, "keys", "list"); err == nil || !strings.Contains(err.Error(), "DATABASE_URL") || !strings.Contains(err.Error(), "--data") {
		t.Errorf("got %v", err)
	}
}
