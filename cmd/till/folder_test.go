package main

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"till/pkg/config"
)

func TestOneDemoAtATimeHasTheFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	release, err := openFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openFolder(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second demo got the folder: %v", err)
	}
	release()
	release, err = openFolder(dir)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	release()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info.Mode(), err)
	}
}

func TestKeptSecret(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "guest.secret")
	if err := os.WriteFile(file, nil, 0o600); err != nil { // a start that was cut off
		t.Fatal(err)
	}
	first, err := kept(file)
	if err != nil || len(first) < 32 {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	if again, err := kept(file); err != nil || again != first {
		t.Errorf("the secret did not stay: %v", err)
	}
	if _, err := kept(t.TempDir()); err == nil {
		t.Error("what cannot be read was replaced")
	}
}

// The one who serves at the address may be writing to the same file.
func TestTakenPortLeavesTheSandboxesStateAlone(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "sandbox.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := demoCommand{SandboxAddr: taken.Addr().String(), Data: dir}
	if _, err := c.startSandbox(t.Context(), dir, &config.Config{}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "--sandbox-addr") {
		t.Errorf("it started, or does not say what to change: %v", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "{}" {
		t.Errorf("the state became %q, %v", text, err)
	}
}
