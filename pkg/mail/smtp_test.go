package mail_test

import (
	"context"
	"errors"
	"io"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"till/pkg/mail"
)

// sink is a mail server that keeps what it gets, or refuses at one command.
type sink struct {
	refuse map[string]*smtp.SMTPError // by command

	mu       sync.Mutex
	received []string // From:, To: of the envelope and the data
}

func (s *sink) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s: s}, nil }

type session struct {
	s        *sink
	from, to string
}

func (x *session) Reset()        {}
func (x *session) Logout() error { return nil }
func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	x.from = from
	return x.refusal("MAIL")
}
func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.to = to
	return x.refusal("RCPT")
}
func (x *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := x.refusal("DATA"); err != nil {
		return err
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.received = append(x.s.received, x.from+" "+x.to+"\n"+string(data))
	return nil
}

func (x *session) refusal(command string) error {
	if e := x.s.refuse[command]; e != nil {
		return e
	}
	return nil
}

func startSink(t *testing.T, refuse map[string]*smtp.SMTPError) (*sink, *mail.SMTP) {
	t.Helper()
	s := &sink{refuse: refuse}
	server := smtp.NewServer(s)
	server.Domain = "localhost"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	client, err := mail.NewSMTP("smtp://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

var message = mail.Message{
	From: "Fjörd & Fern <orders@fjord.example>", To: "Zoë Müller <zoe@example.com>", Subject: "Your order is paid – danke",
	Text: "Hello Zoë\n.\nend", HTML: "<p>Hello Zoë</p>", MessageID: "eff_1@till.invalid", Headers: map[string]string{"X-Till-Order": "ord_1"},
}

func TestSMTPDelivers(t *testing.T) {
	t.Parallel()
	s, client := startSink(t, nil)
	for range 2 { // a repeat has the same Message-ID
		if err := client.Send(t.Context(), message); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.received) != 2 {
		t.Fatalf("received %d letters", len(s.received))
	}
	for _, raw := range s.received {
		envelope, data, _ := strings.Cut(raw, "\n")
		if envelope != "orders@fjord.example zoe@example.com" {
			t.Errorf("envelope is %q", envelope)
		}
		m, err := netmail.ReadMessage(strings.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		to, err := m.Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Name != "Zoë Müller" {
			t.Errorf("To is %v, %v", to, err)
		}
		if id := m.Header.Get("Message-Id"); id != "<eff_1@till.invalid>" {
			t.Errorf("Message-ID is %q", id)
		}
		if m.Header.Get("Auto-Submitted") != "auto-generated" || m.Header.Get("X-Till-Order") != "ord_1" {
			t.Errorf("headers are %v", m.Header)
		}
		if !strings.HasPrefix(m.Header.Get("Content-Type"), "multipart/alternative") {
			t.Errorf("Content-Type is %q", m.Header.Get("Content-Type"))
		}
	}
}

func TestSMTPTellsPermanentFromTemporary(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		command   string
		code      int
		permanent bool
	}{
		"no such mailbox":           {"RCPT", 550, true},
		"greylisted":                {"RCPT", 451, false},
		"the sender is not allowed": {"MAIL", 553, true},
		"mailbox full":              {"DATA", 452, false},
		"taken for spam":            {"DATA", 554, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := startSink(t, map[string]*smtp.SMTPError{tc.command: {Code: tc.code, Message: "no <zoe@example.com> here"}})
			err := client.Send(t.Context(), message)
			if err == nil || errors.Is(err, mail.ErrPermanent) != tc.permanent {
				t.Errorf("got %v, permanent should be %t", err, tc.permanent)
			}
			if strings.Contains(err.Error(), "zoe@") {
				t.Errorf("the error gives the address away: %v", err)
			}
		})
	}
}

func TestSMTPServerAwayIsTemporary(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	client, err := mail.NewSMTP("smtp://" + address)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Send(t.Context(), message); err == nil || errors.Is(err, mail.ErrPermanent) {
		t.Errorf("got %v", err)
	}
}

func TestNoLetterWithForgedHeaders(t *testing.T) {
	t.Parallel()
	s, client := startSink(t, nil)
	box, err := mail.NewMailbox("", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(m *mail.Message){
		"a line break in the recipient": func(m *mail.Message) { m.To = "a@example.com\r\nBcc: b@example.com" },
		"one hidden in its name":        func(m *mail.Message) { m.To = "=?utf-8?q?a=0D=0ABcc:_b@example.com?= <a@example.com>" },
		"two recipients":                func(m *mail.Message) { m.To = "a@example.com, b@example.com" },
		"a quoted local part":           func(m *mail.Message) { m.To = `"a b"@example.com` },
		"no recipient":                  func(m *mail.Message) { m.To = "" },
		"an endless recipient":          func(m *mail.Message) { m.To = strings.Repeat("a", 250) + "@example.com" },
		"a line break in the subject":   func(m *mail.Message) { m.Subject = "Hi\nBcc: b@example.com" },
		"a line break in the sender":    func(m *mail.Message) { m.From = "Shop\n <shop@example.com>" },
		"a line break in the id":        func(m *mail.Message) { m.MessageID = "a@b\r\nX: y" },
		"a line break in a header":      func(m *mail.Message) { m.Headers = map[string]string{"X-A": "1\r\nBcc: b@example.com"} },
		"a colon in a header's name":    func(m *mail.Message) { m.Headers = map[string]string{"Bcc: b@example.com\r\nX": "1"} },
	} {
		t.Run(name, func(t *testing.T) {
			m := message
			change(&m)
			for _, sender := range []mail.Sender{client, box} {
				if err := sender.Send(context.Background(), m); !errors.Is(err, mail.ErrPermanent) {
					t.Errorf("%T: %v", sender, err)
				} else if strings.Contains(err.Error(), "@example.com") {
					t.Errorf("the error gives the address away: %v", err)
				}
			}
		})
	}
	if len(s.received) != 0 || len(box.Letters()) != 0 {
		t.Errorf("%d and %d letters went out", len(s.received), len(box.Letters()))
	}
}

func TestNewSMTPRefusesOtherAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "localhost:25", "http://localhost", "smtp://", "smtp://u:secret@h:99999", "smtp://u:secret@h:x", "smtp://h?starttls=never", "smtp://h/path"} {
		if _, err := mail.NewSMTP(address); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{"smtp://h", "smtp://u:p@h:2525", "smtps://u:p@h", "smtp://h?starttls=required"} {
		if _, err := mail.NewSMTP(address); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
}
