package rig

import (
	"io"
	"net"
	netmail "net/mail"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// MailServer is the shop's, for Tills that run as processes: it takes every letter and counts.
type MailServer struct {
	Addr string

	mu      sync.Mutex
	letters map[string]int // by Message-ID
}

// NewMailServer serves until the test ends.
func NewMailServer(t *testing.T) *MailServer {
	t.Helper()
	s := &MailServer{letters: map[string]int{}}
	server := smtp.NewServer(s)
	server.Domain = "localhost"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = listener.Addr().String()
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// Total counts letters, a second copy included.
func (s *MailServer) Total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, times := range s.letters {
		n += times
	}
	return n
}

// Distinct counts letters by Message-ID.
func (s *MailServer) Distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.letters)
}

// NewSession is smtp.Backend's.
func (s *MailServer) NewSession(*smtp.Conn) (smtp.Session, error) { return session{s}, nil }

type session struct{ s *MailServer }

func (session) Reset()                               {}
func (session) Logout() error                        { return nil }
func (session) Mail(string, *smtp.MailOptions) error { return nil }
func (session) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (x session) Data(r io.Reader) error {
	letter, err := netmail.ReadMessage(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, letter.Body); err != nil {
		return err // the sender died within it
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.letters[letter.Header.Get("Message-Id")]++
	return nil
}
