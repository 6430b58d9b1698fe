package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	deliveryTimeout  = 20 * time.Second // Stripe gives an endpoint about as long
	firstBackoff     = 500 * time.Millisecond
	longestBackoff   = 30 * time.Second
	maxAttempts      = 20  // about eight minutes, so that an app may be restarted meanwhile
	bodyShown        = 500 // bytes of an endpoint's answer
	deliveriesListed = 10000
)

// delivery is one event on its way to one endpoint.
type delivery struct {
	event, endpoint string
	seq             int64 // the event's
	attempt         int
	asked           bool            // by a tester: tried once
	life            context.Context // over once another state is loaded, to which the delivery means nothing
}

// DeliveryRecord is one attempt as testers see it.
type DeliveryRecord struct {
	Event    string     `json:"event"`
	Type     string     `json:"type"`
	Endpoint string     `json:"endpoint"`
	Attempt  int        `json:"attempt"`
	Status   int        `json:"status"` // 0: no answer
	Body     string     `json:"body,omitempty"`
	Error    string     `json:"error,omitempty"`
	At       time.Time  `json:"at"`
	Next     *time.Time `json:"next,omitempty"` // when it is tried again
}

var (
	errNoEvent    = errors.New("no such event")
	errNoEndpoint = errors.New("no such webhook endpoint, or it is disabled")
)

// attempt delivers once and records how it went; err says that it failed. An
// endpoint that was deleted or disabled meanwhile is done with, as at Stripe.
func (h *webhooks) attempt(ctx context.Context, d delivery) (DeliveryRecord, error) {
	rec := DeliveryRecord{Event: d.event, Endpoint: d.endpoint, Attempt: d.attempt}
	body, kind, endpoint, err := h.letter(d)
	if err != nil {
		if errors.Is(err, errNoEndpoint) {
			h.forget(d.endpoint)
			h.settle(d)
		}
		return rec, err
	}
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	defer context.AfterFunc(d.life, cancel)()
	rec.Type = kind
	rec.Status, rec.Body, err = h.post(ctx, endpoint, body)
	rec.At = h.s.clock()
	if d.life.Err() != nil { // another state's records and events are none of its business
		return rec, err
	}
	if err == nil {
		h.settle(d)
	} else {
		rec.Error = err.Error()
		if pause, again := backoff(d); again {
			rec.Next = new(rec.At.Add(pause))
		} else if !d.asked {
			h.giveUp(d)
		}
	}
	h.mu.Lock()
	h.record(rec)
	h.mu.Unlock()
	return rec, err
}

// backoff is the wait before the next attempt, which doubles each time; false if
// there is none. Stripe waits for hours, more than a test can.
func backoff(d delivery) (pause time.Duration, again bool) {
	if d.asked || d.attempt >= maxAttempts {
		return 0, false
	}
	return min(firstBackoff<<(d.attempt-1), longestBackoff), true
}

// settle takes the endpoint off those that do not have the event.
func (h *webhooks) settle(d delivery) {
	h.s.mu.Lock()
	if e, ok := h.s.mu.st.Events.find(d.event); ok {
		e.Pending, e.Missed = without(e.Pending, d.endpoint), without(e.Missed, d.endpoint)
	}
	h.s.mu.Unlock()
	h.s.touch()
}

// giveUp leaves the event undelivered, also when this state is loaded again.
// Stripe's list of events without delivery_success still has it.
func (h *webhooks) giveUp(d delivery) {
	h.s.mu.Lock()
	e, ok := h.s.mu.st.Events.find(d.event)
	if ok && slices.Contains(e.Pending, d.endpoint) { // else a copy of it has arrived
		e.Pending, e.Missed = without(e.Pending, d.endpoint), append(e.Missed, d.endpoint)
	}
	h.s.mu.Unlock()
	h.s.touch()
}

func without(endpoints []string, id string) []string {
	return slices.DeleteFunc(endpoints, func(other string) bool { return other == id })
}

// letter is what an endpoint is sent: the event as it is now, in the endpoint's version.
func (h *webhooks) letter(d delivery) (body []byte, kind string, to WebhookEndpoint, err error) {
	h.s.mu.RLock()
	defer h.s.mu.RUnlock()
	st := h.s.mu.st
	e, ok := st.Events.find(d.event)
	if !ok {
		return nil, "", to, errNoEvent
	}
	w, ok := st.Endpoints.find(d.endpoint)
	if !ok || w.Disabled {
		return nil, "", to, errNoEndpoint
	}
	r := &renderer{st: st, tables: h.s.tables}
	shown := new(*e)
	shown.version = w.Version
	r.resource(shown, nil)
	return r.buf, e.Type, *w, nil
}

// post sends a letter and returns the beginning of the answer.
func (h *webhooks) post(ctx context.Context, to WebhookEndpoint, body []byte) (status int, said string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	req.Header.Set("Stripe-Signature", sign(to.Secret, h.s.clock(), body))
	res, err := h.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // all of it, so that the connection can be used again
	said = strings.ToValidUTF8(string(answer[:min(len(answer), bodyShown)]), "")
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return res.StatusCode, said, fmt.Errorf("answered %d", res.StatusCode)
	}
	return res.StatusCode, said, nil
}

// sign makes the Stripe-Signature header.
func sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// deliverNow sends one event to every endpoint that wants it and returns their answers, 0 for none.
func (h *webhooks) deliverNow(ctx context.Context, event string) (statuses []int, ok bool) {
	h.s.mu.RLock()
	e, ok := h.s.mu.st.Events.find(event)
	var to []string
	if ok {
		for _, w := range h.s.mu.st.Endpoints.order {
			if w.wants(e.Type) {
				to = append(to, w.ID)
			}
		}
	}
	h.s.mu.RUnlock()
	statuses = []int{}
	for _, id := range to {
		rec, _ := h.deliverTo(ctx, event, id) // the record says how it went
		statuses = append(statuses, rec.Status)
	}
	return statuses, ok
}

// deliverTo sends one event to one endpoint again, whether that asked for its
// type or not. The error says which of them is not there; any other failure is in
// the record.
func (h *webhooks) deliverTo(ctx context.Context, event, endpoint string) (DeliveryRecord, error) {
	d := delivery{event: event, endpoint: endpoint, attempt: 1, asked: true, life: h.present()}
	for _, r := range h.list() {
		if r.Event == event && r.Endpoint == endpoint {
			d.attempt = max(d.attempt, r.Attempt+1)
		}
	}
	rec, err := h.attempt(ctx, d)
	if errors.Is(err, errNoEvent) || errors.Is(err, errNoEndpoint) {
		return rec, err
	}
	return rec, nil
}

// record needs h.mu.
func (h *webhooks) record(r DeliveryRecord) {
	if len(h.records) == deliveriesListed {
		h.records = h.records[deliveriesListed/2:]
	}
	h.records = append(h.records, r)
}

func (h *webhooks) list() []DeliveryRecord {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]DeliveryRecord{}, h.records...)
}
