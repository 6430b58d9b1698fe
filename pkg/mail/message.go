package mail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"regexp"
	"strings"
	"unicode"

	"github.com/wneessen/go-mail"
)

// ErrPermanent marks a letter that no retry will bring through: a bad address, a
// refusal by the server with a 5xx, a template that fails. All else may pass later.
var ErrPermanent = errors.New("mail: permanent failure")

// Message is one letter to one person.
type Message struct {
	From      string // "Shop <orders@shop.example>" or the address alone
	To        string
	Subject   string
	Text      string
	HTML      string // empty: text only
	MessageID string // without brackets, id@domain; the same for a repeat
	Headers   map[string]string
}

// Sender delivers letters. Once Send returned nil, somebody else answers for the
// letter; an error that is ErrPermanent makes a repeat pointless.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

var (
	headerName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,60}$`)
	messageID   = regexp.MustCompile(`^[A-Za-z0-9._+-]{1,128}@[A-Za-z0-9.-]{1,128}$`)
	errNoHeader = errors.New("a header has a line break or no name")
)

// MessageID is the one of a letter with this id, in the domain of its sender.
func MessageID(id, from string) string {
	return id + "@" + strings.TrimRight(from[strings.LastIndex(from, "@")+1:], ">")
}

// compose checks every part of m that becomes a header and builds the MIME
// message. Its errors are permanent.
func compose(m Message) (*mail.Msg, error) {
	msg := mail.NewMsg()
	from, err := parseAddress(m.From)
	if err != nil {
		return nil, fmt.Errorf("%w: sender: %w", ErrPermanent, err)
	}
	to, err := parseAddress(m.To)
	if err != nil {
		return nil, fmt.Errorf("%w: recipient: %w", ErrPermanent, err)
	}
	if !messageID.MatchString(m.MessageID) {
		return nil, fmt.Errorf("%w: the Message-ID is not id@domain", ErrPermanent)
	}
	if m.Subject == "" || hasControl(m.Subject) {
		return nil, fmt.Errorf("%w: the subject is empty or has a line break", ErrPermanent)
	}
	msg.FromMailAddress(from)
	msg.ToMailAddress(to)
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	for name, value := range m.Headers {
		if !headerName.MatchString(name) || hasControl(value) {
			return nil, fmt.Errorf("%w: %w", ErrPermanent, errNoHeader)
		}
		msg.SetGenHeader(mail.Header(name), value)
	}
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

// parseAddress reads one address with or without a name. Its errors do not
// repeat the address.
func parseAddress(s string) (*netmail.Address, error) {
	if hasControl(s) {
		return nil, errors.New("the address has a line break")
	}
	a, err := netmail.ParseAddress(s)
	// A quoted local part may hold nearly anything, and an encoded name may hide
	// a line break that the check above does not see.
	if err != nil || len(a.Address) > 254 || hasControl(a.Name) || hasControl(a.Address) || strings.ContainsAny(a.Address, "\" ") {
		return nil, errors.New("not a mail address")
	}
	return a, nil
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }
