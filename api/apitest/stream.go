package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// isStream tells answers that are checked event by event, as they are read.
func isStream(status int, h http.Header) bool {
	return status == http.StatusOK && h.Get("Content-Type") == "text/event-stream"
}

// Event is one of a stream.
type Event struct{ ID, Name, Data string }

// ReadEvent returns the next event of a stream and how many comments came before
// it, or io.EOF at the stream's end. It is for readers without a buffer of their own.
func ReadEvent(r io.ByteReader) (e Event, comments int, err error) {
	var line []byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			return e, comments, err
		}
		if b != '\n' {
			line = append(line, b)
			continue
		}
		name, text, _ := strings.Cut(string(line), ":")
		text = strings.TrimPrefix(text, " ")
		switch {
		case len(line) == 0 && e.Data != "":
			return e, comments, nil
		case len(line) > 0 && name == "":
			comments++
		case name == "id":
			e.ID = text
		case name == "event":
			e.Name = text
		case name == "data":
			e.Data += text
		}
		line = line[:0]
	}
}

// checkedStream checks each event when its last byte is read.
func (c *contract) checkedStream(t testing.TB, body io.ReadCloser) io.ReadCloser {
	return &stream{ReadCloser: body, check: func(e Event) error { return c.checkEvent(e) }, t: t}
}

type stream struct {
	io.ReadCloser
	check func(Event) error
	t     testing.TB
	text  []byte // of the event that is not whole yet
	last  int64  // the version sent last
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.text = append(s.text, p[:n]...)
	for {
		block, rest, whole := bytes.Cut(s.text, []byte("\n\n"))
		if !whole {
			return n, err
		}
		s.text = rest
		e, _, broken := ReadEvent(bytes.NewReader(append(bytes.Clone(block), "\n\n"...)))
		if errors.Is(broken, io.EOF) {
			continue // a comment, or a retry
		}
		if err := s.check(e); err != nil {
			s.t.Errorf("the event %+v: %v", e, err)
		}
		if version, err := strconv.ParseInt(e.ID, 10, 64); err == nil {
			if version <= s.last {
				s.t.Errorf("version %d was sent after %d", version, s.last)
			}
			s.last = version
		}
	}
}

func (c *contract) checkEvent(e Event) error {
	var data any
	if err := json.Unmarshal([]byte(e.Data), &data); err != nil {
		return err
	}
	switch e.Name {
	case "reconnect":
		return nil
	case "payment":
		if err := c.payment.VisitJSON(data); err != nil {
			return err
		}
		if version := fmt.Sprint(data.(map[string]any)["version"]); version != e.ID {
			return fmt.Errorf("its id is not the version %s", version)
		}
		return nil
	}
	return fmt.Errorf("unknown name")
}
