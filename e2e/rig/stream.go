package rig

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"till/api/apitest"
)

// Stream is an open event stream of a payment.
type Stream struct {
	r      *Rig
	Header http.Header
	body   *bufio.Reader
	cancel context.CancelFunc
}

// Stream opens one and expects that it opens. Headers come in pairs.
func (r *Rig) Stream(token, payment string, headers ...string) *Stream {
	r.T.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	q, err := http.NewRequestWithContext(ctx, "GET", r.URL+"/payments/"+payment+"/events", nil)
	if err != nil {
		r.T.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+token)
	q.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	res, err := r.client.Do(q)
	if err != nil {
		r.T.Fatal(err)
	}
	s := &Stream{r: r, Header: res.Header, body: bufio.NewReader(res.Body), cancel: cancel}
	r.T.Cleanup(s.Close)
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(s.body)
		r.T.Fatalf("the stream of %s: %d %s", payment, res.StatusCode, text)
	}
	return s
}

// Next waits for an event; one without a name is the stream's end.
func (s *Stream) Next() apitest.Event {
	s.r.T.Helper()
	late := time.AfterFunc(30*time.Second, s.cancel)
	defer late.Stop()
	e, _, err := apitest.ReadEvent(s.body)
	switch {
	case err == nil:
		return e
	case errors.Is(err, io.EOF):
		return apitest.Event{}
	}
	s.r.T.Fatalf("no event came: %v", err)
	return e
}

// Close hangs up.
func (s *Stream) Close() { s.cancel() }
