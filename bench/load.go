package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// result is what a number of callers got done together.
type result struct {
	callers int
	done    int
	took    time.Duration
	each    []time.Duration // of each call, sorted
}

func (r result) rate() float64 { return float64(r.done) / r.took.Seconds() }

// at is a percentile of the calls' durations, 0 to 1.
func (r result) at(p float64) time.Duration {
	if len(r.each) == 0 {
		return 0
	}
	return r.each[min(len(r.each)-1, int(p*float64(len(r.each))))]
}

// plus puts two rounds of the same load together.
func (r result) plus(o result) result {
	r.callers, r.done, r.took = o.callers, r.done+o.done, r.took+o.took
	r.each = append(slices.Clone(r.each), o.each...)
	slices.Sort(r.each)
	return r
}

// load has callers do jobs 0 to n-1, each caller one after the other. begin is
// called once for each caller and returns how it does a job. The first error
// ends the run.
func load(callers, n int, begin func() (job func(i int) error, end func(), err error)) (result, error) {
	var mu sync.Mutex
	var failed error
	next := 0
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if failed != nil || next == n {
			return 0, false
		}
		next++
		return next - 1, true
	}
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = err
		}
	}
	durations := make([][]time.Duration, callers)
	var ready, running sync.WaitGroup
	start := make(chan struct{})
	for c := range callers {
		ready.Add(1)
		running.Go(func() {
			job, end, err := begin()
			if err != nil {
				fail(err)
				ready.Done()
				return
			}
			defer end()
			ready.Done()
			<-start
			for i, ok := take(); ok; i, ok = take() {
				began := time.Now()
				if err := job(i); err != nil {
					fail(err)
					return
				}
				durations[c] = append(durations[c], time.Since(began))
			}
		})
	}
	ready.Wait()
	began := time.Now()
	close(start)
	running.Wait()
	r := result{callers: callers, done: n, took: time.Since(began), each: slices.Concat(durations...)}
	slices.Sort(r.each)
	return r, failed
}

// client is one keep-alive connection. net/http's client would take more of the
// two cores than some of what is measured.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	out  bytes.Buffer
	host string
}

func dial(url string) (*client, error) {
	host := strings.TrimPrefix(url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 16<<10), host: host}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// post sends body and returns the answer's status and body. Headers are whole
// lines without their end.
func (c *client) post(path string, body []byte, headers ...string) (int, []byte, error) {
	c.out.Reset()
	c.out.WriteString("POST " + path + " HTTP/1.1\r\nHost: " + c.host + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n")
	for _, h := range headers {
		c.out.WriteString(h + "\r\n")
	}
	c.out.WriteString("\r\n")
	c.out.Write(body)
	if _, err := c.conn.Write(c.out.Bytes()); err != nil {
		return 0, nil, err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

func unexpected(what string, status int, body []byte) error {
	return fmt.Errorf("%s answered %d: %.300s", what, status, body)
}

// newID is unlike any other.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()) }
