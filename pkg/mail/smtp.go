package mail

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"
)

// SMTP sends through one server, a connection a letter.
type SMTP struct {
	host    string
	options []mail.Option
}

// NewSMTP reads the server's address:
//
//	smtp://user:password@host:587   TLS by STARTTLS where the server offers it
//	smtp://host:25?starttls=required
//	smtps://user:password@host:465  TLS from the start
//
// A password is never sent without TLS, except to localhost. The error never
// holds the address, which may hold a password.
func NewSMTP(address string) (*SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || (u.Path != "" && u.Path != "/") {
		return nil, errors.New("must be smtp://[user:password@]host[:port] or smtps://…")
	}
	options := []mail.Option{
		mail.WithTimeout(10 * time.Second), // of each dial and each exchange
		mail.WithoutNoop(),
		mail.WithoutRset(),
	}
	port := 587
	switch starttls := u.Query().Get("starttls"); {
	case u.Scheme == "smtps":
		port = 465
		options = append(options, mail.WithSSL())
	case u.Scheme == "smtp" && starttls == "required":
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case u.Scheme == "smtp" && starttls == "":
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	default:
		return nil, errors.New("must begin with smtp:// or smtps://, and ?starttls can only be required")
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return nil, errors.New("the port must be between 1 and 65535")
		}
	}
	options = append(options, mail.WithPort(port))
	if u.User != nil {
		password, _ := u.User.Password()
		options = append(options, mail.WithSMTPAuth(authFor(u.Hostname())), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	s := &SMTP{host: u.Hostname(), options: options}
	if _, err := mail.NewClient(s.host, s.options...); err != nil {
		return nil, errors.New("go-mail does not take this address")
	}
	return s, nil
}

// authFor lets the server choose. Discovery takes no mechanism that shows the
// password on an open line; on this machine there is no line.
func authFor(host string) mail.SMTPAuthType {
	if host == "localhost" || host == "127.0.0.1" || host == "::1" {
		return mail.SMTPAuthPlainNoEnc
	}
	return mail.SMTPAuthAutoDiscover
}

// Send hands m to the server.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg, err := compose(m)
	if err != nil {
		return err
	}
	client, err := mail.NewClient(s.host, s.options...)
	if err != nil {
		return fmt.Errorf("mail server: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() { // a goodbye that fails does not take the letter back
		return nil
	}
	var refused *mail.SendError
	if !errors.As(err, &refused) {
		return fmt.Errorf("mail server: %w", err) // not reached, or it does not take our password: somebody can mend that
	}
	// The server's own words usually repeat the recipient's address.
	why := fmt.Errorf("mail server: %s: %d %s", refused.Reason, refused.ErrorCode(), refused.EnhancedStatusCode())
	if refused.ErrorCode() >= 500 {
		return fmt.Errorf("%w: %w", ErrPermanent, why)
	}
	return why
}
