package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"till/pkg/telemetry"
)

func TestLinesCarryTheRequestID(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLog(&out, "info", "json")
	if err != nil {
		t.Fatal(err)
	}
	ctx := telemetry.WithRequestID(t.Context(), "req-1")
	log.With("part", "test").InfoContext(ctx, "hello")
	log.DebugContext(ctx, "below the level")

	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("want one JSON line, got %q: %v", out.String(), err)
	}
	if line["request_id"] != "req-1" || line["part"] != "test" || line["msg"] != "hello" {
		t.Errorf("line is %v", line)
	}
}

func TestTextIsPlainWhereNobodyLooks(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLog(&out, "debug", "text")
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("hello", "n", 1)
	if got := out.String(); !strings.Contains(got, "hello n=1") || strings.Contains(got, "\x1b") {
		t.Errorf("got %q", got)
	}
}

func TestUnknownWordsAreRefused(t *testing.T) {
	for _, c := range [][2]string{{"loud", "json"}, {"info", "xml"}, {"", "json"}, {"info", ""}} {
		if _, err := telemetry.NewLog(&bytes.Buffer{}, c[0], c[1]); err == nil {
			t.Errorf("level %q, format %q: no error", c[0], c[1])
		}
	}
}

// What is noted late is in the lines that follow, once, also where the line says
// it itself; another piece of work knows nothing of it.
func TestLinesCarryWhatWasNoted(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLog(&out, "info", "json")
	if err != nil {
		t.Fatal(err)
	}
	ctx := telemetry.WithRequestID(t.Context(), "req-1")
	below, cancel := context.WithCancel(ctx)
	defer cancel()
	telemetry.NoteSubject(below, "pay_1")
	telemetry.NoteSubject(below, "ord_1")
	telemetry.Note(below, telemetry.EventKey, "")
	telemetry.Note(t.Context(), telemetry.PaymentKey, "pay_lost")
	log.InfoContext(ctx, "first")
	telemetry.Note(below, telemetry.PaymentKey, "pay_2")
	log.InfoContext(ctx, "second", telemetry.OrderKey, "ord_2")
	log.InfoContext(telemetry.Begin(ctx), "of another")
	want := []string{
		`"msg":"first","request_id":"req-1","payment_id":"pay_1","order_id":"ord_1"}`,
		`"msg":"second","order_id":"ord_2","request_id":"req-1","payment_id":"pay_2"}`,
		`"msg":"of another"}`,
	}
	for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if !strings.HasSuffix(line, want[i]) {
			t.Errorf("got %s\nwant %s", line, want[i])
		}
	}
}
