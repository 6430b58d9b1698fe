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
	"sync"
	"time"
)

const (
	deliveryTimeout  = 20 * time.Second // Stripe gives an endpoint about as long
	responseWait     = 5 * time.Second  // mode before_response
	firstBackoff     = 500 * time.Millisecond
	longestBackoff   = 30 * time.Second
	maxAttempts      = 20    // about eight minutes, so that an app may be restarted meanwhile
	queueLength      = 50000 // deliveries waiting for one endpoint
	deliverAtOnce    = 8     // to one endpoint
	deliveriesListed = 10000
)

// The modes of delivery, a tester's choice.
const (
	modeNormal         = "normal"
	modeHold           = "hold"            // deliveries wait until the mode is normal again
	modeDrop           = "drop"            // events happen, nobody is told
	modeBeforeResponse = "before_response" // the API call is answered after its deliveries
)

// delivery is one event on its way to one endpoint.
type delivery struct {
	event, endpoint string
	attempt         int
}

// DeliveryRecord is one attempt as testers see it.
type DeliveryRecord struct {
	Event    string    `json:"event"`
	Type     string    `json:"type"`
	Endpoint string    `json:"endpoint"`
	Attempt  int       `json:"attempt"`
	Status   int       `json:"status"`
	Error    string    `json:"error,omitempty"`
	At       time.Time `json:"at"`
}

// webhooks delivers events. Each endpoint has a bounded queue of its own, so that
// a slow one keeps nobody else waiting; order is not promised, as Stripe's is not.
type webhooks struct {
	s      *Sandbox
	ctx    context.Context
	client *http.Client
	done   sync.WaitGroup

	mu      sync.Mutex
	mode    string
	held    []delivery
	queues  map[string]*queue
	records []DeliveryRecord
}

type queue struct {
	jobs chan delivery
	stop context.CancelFunc
}

func newWebhooks(ctx context.Context, s *Sandbox) *webhooks {
	return &webhooks{
		s: s, ctx: ctx, mode: modeNormal, queues: map[string]*queue{},
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: deliverAtOnce, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a redirect is a failure
		},
	}
}

// dispatch sends a request's events on their way, by the present mode.
func (h *webhooks) dispatch(ctx context.Context, events []*Event) {
	if len(events) == 0 {
		return
	}
	var all []delivery
	h.s.mu.RLock()
	for _, e := range events {
		for _, endpoint := range e.Pending {
			all = append(all, delivery{event: e.ID, endpoint: endpoint, attempt: 1})
		}
	}
	h.s.mu.RUnlock()

	h.mu.Lock()
	mode := h.mode
	h.mu.Unlock()
	if mode != modeBeforeResponse {
		for _, d := range all {
			h.enqueue(d)
		}
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), responseWait)
	defer cancel()
	for _, d := range all {
		if h.attempt(ctx, d) != nil {
			h.retry(d)
		}
	}
}

// setMode changes how events are delivered from now on; normal lets go of what was held.
func (h *webhooks) setMode(mode string) {
	h.mu.Lock()
	h.mode = mode
	var freed []delivery
	if mode != modeHold {
		freed, h.held = h.held, nil
	}
	h.mu.Unlock()
	for _, d := range freed {
		h.enqueue(d)
	}
}

// enqueue puts a delivery into its endpoint's queue, and starts the queue with
// the first; while deliveries are held or dropped, so is this one.
func (h *webhooks) enqueue(d delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ctx.Err() != nil, h.mode == modeDrop:
		return
	case h.mode == modeHold && len(h.held) < queueLength:
		h.held = append(h.held, d)
		return
	}
	q := h.queues[d.endpoint]
	if q == nil {
		ctx, stop := context.WithCancel(h.ctx)
		q = &queue{jobs: make(chan delivery, queueLength), stop: stop}
		h.queues[d.endpoint] = q
		for range deliverAtOnce {
			h.done.Go(func() { h.work(ctx, q) })
		}
	}
	select {
	case q.jobs <- d:
	default:
		h.record(DeliveryRecord{Event: d.event, Endpoint: d.endpoint, Attempt: d.attempt, Error: "queue full", At: h.s.clock()})
		h.s.log.Error("sandbox webhook queue full, delivery lost", "endpoint", d.endpoint, "event", d.event)
	}
}

func (h *webhooks) work(ctx context.Context, q *queue) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-q.jobs:
			attempt, cancel := context.WithTimeout(ctx, deliveryTimeout)
			err := h.attempt(attempt, d)
			cancel()
			if err != nil && ctx.Err() == nil {
				h.retry(d)
			}
		}
	}
}

// retry comes back to a delivery later; the wait doubles each time.
func (h *webhooks) retry(d delivery) {
	if d.attempt >= maxAttempts {
		return
	}
	pause := min(firstBackoff<<(d.attempt-1), longestBackoff)
	d.attempt++
	time.AfterFunc(pause, func() { h.enqueue(d) })
}

var errGone = errors.New("endpoint or event is gone")

// forget ends the queue of an endpoint that was deleted.
func (h *webhooks) forget(endpoint string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if q := h.queues[endpoint]; q != nil {
		q.stop()
		delete(h.queues, endpoint)
	}
}

// attempt delivers once and records how it went. An endpoint that was deleted
// or disabled meanwhile is done with.
func (h *webhooks) attempt(ctx context.Context, d delivery) error {
	body, kind, endpoint, err := h.letter(d)
	if err != nil {
		h.forget(d.endpoint)
		return nil
	}
	status, err := h.post(ctx, endpoint, body)
	rec := DeliveryRecord{Event: d.event, Type: kind, Endpoint: d.endpoint, Attempt: d.attempt, Status: status, At: h.s.clock()}
	if err != nil {
		rec.Error = err.Error()
	}
	if err == nil {
		h.s.mu.Lock()
		if e, ok := h.s.mu.st.Events.find(d.event); ok {
			e.Pending = slices.DeleteFunc(e.Pending, func(id string) bool { return id == d.endpoint })
		}
		h.s.mu.Unlock()
		h.s.touch()
	}
	h.mu.Lock()
	h.record(rec)
	h.mu.Unlock()
	return err
}

// letter is what an endpoint is sent: the event as it is now.
func (h *webhooks) letter(d delivery) (body []byte, kind string, to WebhookEndpoint, err error) {
	h.s.mu.RLock()
	defer h.s.mu.RUnlock()
	st := h.s.mu.st
	e, ok := st.Events.find(d.event)
	if !ok {
		return nil, "", to, errGone
	}
	w, ok := st.Endpoints.find(d.endpoint)
	if !ok || w.Disabled {
		return nil, "", to, errGone
	}
	r := &renderer{st: st, tables: h.s.tables}
	r.resource(e, nil)
	return r.buf, e.Type, *w, nil
}

func (h *webhooks) post(ctx context.Context, to WebhookEndpoint, body []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	req.Header.Set("Stripe-Signature", sign(to.Secret, h.s.clock(), body))
	res, err := h.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return res.StatusCode, fmt.Errorf("answered %d", res.StatusCode)
	}
	return res.StatusCode, nil
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
		d := delivery{event: event, endpoint: id, attempt: 1}
		_ = h.attempt(ctx, d) // the record says how it went
		statuses = append(statuses, h.lastStatus(d))
	}
	return statuses, ok
}

func (h *webhooks) lastStatus(d delivery) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range slices.Backward(h.records) {
		if r.Event == d.event && r.Endpoint == d.endpoint {
			return r.Status
		}
	}
	return 0
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

// reset ends every queue and forgets what was held and recorded.
func (h *webhooks) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, q := range h.queues {
		q.stop()
	}
	h.queues, h.held, h.records, h.mode = map[string]*queue{}, nil, nil, modeNormal
}

// wait returns when the last delivery has ended, once the context is over.
func (h *webhooks) wait() {
	h.mu.Lock() // whoever enqueues after this sees that the context is over
	clear(h.queues)
	h.mu.Unlock()
	h.done.Wait()
}

// undelivered are the deliveries that were still due when the state was written.
func (st *state) undelivered() []delivery {
	var all []delivery
	for _, e := range st.Events.order {
		for _, endpoint := range e.Pending {
			all = append(all, delivery{event: e.ID, endpoint: endpoint, attempt: 1})
		}
	}
	return all
}
