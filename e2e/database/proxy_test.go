package database

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// proxy stands between Till and Postgres and knows enough of their protocol to
// see which transaction commits.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
type proxy struct {
	url    string // of the database through the proxy
	server string

	mu    sync.Mutex
	open  sync.Cond
	stall bool // nothing is passed on
	delay time.Duration
	cut   *cut
	conns map[*link]bool
}

// cut ends the connection of the first transaction whose statements hold all of
// the words, at its COMMIT.
type cut struct {
	words  []string
	before bool          // the server never sees the COMMIT; else it has done it, and its answer is lost
	done   chan struct{} // closed when it has happened
}

// newProxy listens before the database of an address until the test ends.
func newProxy(t *testing.T, database string) *proxy {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{server: u.Host, conns: map[*link]bool{}}
	p.open.L = &p.mu
	u.Host = listener.Addr().String()
	p.url = u.String()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", p.server)
			if err != nil {
				_ = client.Close()
				continue
			}
			c := &link{proxy: p, client: client, server: server, statements: map[string]string{}}
			p.mu.Lock()
			p.conns[c] = true
			p.mu.Unlock()
			all.Go(c.forward)
			all.Go(c.backward)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.set(func() { p.stall = false })
		p.mu.Lock()
		for c := range p.conns {
			c.close()
		}
		p.mu.Unlock()
		all.Wait()
	})
	return p
}

func (p *proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.open.Broadcast()
}

// cutAt has the next such transaction cut, and returns what tells when.
func (p *proxy) cutAt(before bool, words ...string) <-chan struct{} {
	c := &cut{words: words, before: before, done: make(chan struct{})}
	p.set(func() { p.cut = c })
	return c.done
}

// pass waits as long as nothing is passed on.
func (p *proxy) pass() {
	p.mu.Lock()
	for p.stall {
		p.open.Wait()
	}
	delay := p.delay
	p.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay) // the slow network
	}
}

// link is one connection.
type link struct {
	proxy          *proxy
	client, server net.Conn
	statements     map[string]string // that were prepared, by name
	seen           strings.Builder   // statements of this transaction

	mu  sync.Mutex
	cut *cut // the answer to a COMMIT is to be lost
}

func (c *link) close() {
	_ = c.client.Close()
	_ = c.server.Close()
}

// forward brings the client's messages to the server.
func (c *link) forward() {
	defer c.close()
	head := make([]byte, 5)
	for first := true; ; first = false {
		kind := head[:1]
		if first {
			kind = head[:0] // the first message has no type
		}
		length := head[len(kind) : len(kind)+4]
		if _, err := io.ReadFull(c.client, head[:len(kind)+4]); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(length)-4)
		if _, err := io.ReadFull(c.client, body); err != nil {
			return
		}
		c.proxy.pass()
		var cut *cut
		if !first {
			cut = c.look(kind[0], body)
		}
		if cut != nil && cut.before {
			close(cut.done)
			c.close()
			return
		}
		if cut != nil {
			c.mu.Lock()
			c.cut = cut
			c.mu.Unlock()
		}
		if _, err := c.server.Write(append(head[:len(kind)+4:len(kind)+4], body...)); err != nil {
			return
		}
	}
}

// look reads a message, and returns the cut to make if it is the COMMIT of it.
func (c *link) look(kind byte, body []byte) *cut {
	text := func() (s string) {
		s, rest, _ := strings.Cut(string(body), "\x00")
		body = []byte(rest)
		return s
	}
	switch kind {
	case 'P': // Parse: name, statement
		name := text()
		c.statements[name] = text()
	case 'B': // Bind: portal, name
		text()
		return c.statement(c.statements[text()])
	case 'Q': // Query
		return c.statement(text())
	}
	return nil
}

func (c *link) statement(text string) *cut {
	switch text {
	case "begin":
		c.seen.Reset()
	case "commit":
		p := c.proxy
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.cut == nil {
			return nil
		}
		for _, w := range p.cut.words {
			if !strings.Contains(c.seen.String(), w) {
				return nil
			}
		}
		found := p.cut
		p.cut = nil
		return found
	default:
		c.seen.WriteString(text + "\n")
	}
	return nil
}

// backward brings the server's answers to the client.
func (c *link) backward() {
	defer func() {
		c.close()
		c.proxy.mu.Lock()
		delete(c.proxy.conns, c)
		c.proxy.mu.Unlock()
	}()
	buf := make([]byte, 64<<10)
	var lost bytes.Buffer
	for {
		n, err := c.server.Read(buf)
		if err != nil {
			return
		}
		c.mu.Lock()
		cut := c.cut
		c.mu.Unlock()
		if cut != nil {
			// What comes before may be of the statements that the COMMIT came with.
			if lost.Write(buf[:n]); bytes.Contains(lost.Bytes(), []byte("COMMIT\x00")) {
				close(cut.done)
				c.close()
				return
			}
			continue
		}
		c.proxy.pass()
		if _, err := c.client.Write(buf[:n]); err != nil {
			return
		}
	}
}
