package main

import (
	"bytes"
	"os"
	"testing"
)

// The committed tables are what the generator makes of Stripe's description today.
func TestTablesAreUpToDate(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../spec/tables.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(unzip(got), want) {
		t.Error("run go generate ./pkg/sandbox/...")
	}
	if len(got) > 200<<10 {
		t.Errorf("the tables have grown to %d bytes", len(got))
	}
}
