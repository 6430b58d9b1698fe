package mail_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"till/pkg/mail"
)

func TestMailboxKeepsTheLast200AcrossARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/[new] *?" // a folder's name is no pattern
	at := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	box, err := mail.NewMailbox(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 205 {
		m := message
		m.Subject = fmt.Sprintf("Letter %d", i)
		if err := box.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/mail_half.json.tmp", []byte(`{"id":`), 0o600); err != nil { // a kill while writing
		t.Fatal(err)
	}
	again, err := mail.NewMailbox(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*mail.Mailbox{box, again} {
		letters := b.Letters()
		if len(letters) != 200 || letters[0].Message.Subject != "Letter 204" || letters[199].Message.Subject != "Letter 5" {
			t.Fatalf("%d letters from %q", len(letters), letters[0].Message.Subject)
		}
		got, ok := b.Letter(letters[0].ID)
		if !ok || !got.At.Equal(at) || got.Message.To != message.To {
			t.Errorf("got %+v, %t", got, ok)
		}
	}
	if _, ok := again.Letter("../../etc/passwd"); ok {
		t.Error("found a letter outside")
	}
}
