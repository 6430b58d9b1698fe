package sandbox

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const (
	responseWait  = 5 * time.Second // mode before_response
	queueLength   = 50000           // deliveries waiting for one endpoint
	deliverAtOnce = 8               // to one endpoint
)

// The modes of delivery, a tester's choice.
const (
	modeNormal         = "normal"
	modeHold           = "hold"            // deliveries wait until the mode is normal again
	modeDrop           = "drop"            // events happen, nobody is told
	modeBeforeResponse = "before_response" // the API call is answered after its deliveries
	modeChaos          = "chaos"           // see chaos
)

var modes = []string{modeNormal, modeHold, modeDrop, modeBeforeResponse, modeChaos}

// wish is a tester's choice of mode; the shares matter to chaos alone.
type wish struct {
	Mode string `json:"mode"`
	chaos
}

// webhooks delivers events. Each endpoint has a bounded queue of its own, so that
// a slow one keeps nobody else waiting; order is not promised, as Stripe's is not.
type webhooks struct {
	s      *Sandbox
	ctx    context.Context
	client *http.Client
	done   sync.WaitGroup

	mu      sync.Mutex
	life    context.Context // of the deliveries of the present state
	end     context.CancelFunc
	wish    wish
	since   int // how many events there were when chaos began
	held    []delivery
	late    map[string][]delivery // by endpoint: they wait to be overtaken
	queues  map[string]chan delivery
	records []DeliveryRecord
}

func newWebhooks(ctx context.Context, s *Sandbox) *webhooks {
	h := &webhooks{
		s: s, ctx: ctx, wish: wish{Mode: modeNormal}, end: func() {},
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: deliverAtOnce, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a redirect is a failure
		},
	}
	h.halt()
	return h
}

// present is the life of what the present state delivers.
func (h *webhooks) present() context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.life
}

// dispatch sends a request's events on their way, by the present mode.
func (h *webhooks) dispatch(ctx context.Context, events []*Event) {
	if len(events) == 0 {
		return
	}
	life := h.present()
	var all []delivery
	var places []int // of each delivery's event among all events
	h.s.mu.RLock()
	for _, e := range events {
		for _, endpoint := range e.Pending {
			all = append(all, delivery{event: e.ID, endpoint: endpoint, seq: e.Seq, attempt: 1, life: life})
			places = append(places, h.s.mu.st.Events.place(e.Seq))
		}
	}
	h.s.mu.RUnlock()

	now, since := h.mode()
	switch now.Mode {
	case modeBeforeResponse:
		h.deliverBefore(ctx, all)
	case modeChaos:
		for i, d := range all {
			h.disturb(d, now.fate(max(0, places[i]-since)))
		}
	default:
		for _, d := range all {
			h.enqueue(d)
		}
	}
}

// deliverBefore is for the API call that is answered after its deliveries.
func (h *webhooks) deliverBefore(ctx context.Context, all []delivery) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), responseWait)
	defer cancel()
	for _, d := range all {
		if rec, _ := h.attempt(ctx, d); rec.Next != nil {
			h.retry(d)
		}
	}
}

func (h *webhooks) mode() (now wish, since int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wish, h.since
}

// setMode changes how events are delivered from now on, and lets go of what the
// mode before had kept waiting.
func (h *webhooks) setMode(w wish) {
	h.s.mu.RLock()
	events := len(h.s.mu.st.Events.order)
	h.s.mu.RUnlock()

	h.mu.Lock()
	h.wish, h.since = w, events
	var freed []delivery
	if w.Mode != modeHold {
		freed, h.held = h.held, nil
	}
	for _, waiting := range h.late {
		freed = append(freed, waiting...)
	}
	clear(h.late)
	h.mu.Unlock()
	for _, d := range freed {
		h.enqueue(d)
	}
}

// enqueue puts a delivery into its endpoint's queue, or gives it up.
func (h *webhooks) enqueue(d delivery) {
	if !h.take(d) {
		h.giveUp(d)
	}
}

// take starts the queue with its first delivery. It is false for one that will
// not be delivered: all are dropped at present, or there is no room.
func (h *webhooks) take(d delivery) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case d.life.Err() != nil: // nothing to this state
		return true
	case h.wish.Mode == modeDrop:
		return false
	case h.wish.Mode == modeHold && len(h.held) < queueLength:
		h.held = append(h.held, d)
		return true
	case h.wish.Mode == modeHold:
		h.lose(d)
		return false
	}
	jobs := h.queues[d.endpoint]
	if jobs == nil {
		jobs = make(chan delivery, queueLength)
		h.queues[d.endpoint] = jobs
		for range deliverAtOnce {
			h.done.Go(func() { h.work(d.life, jobs) })
		}
	}
	select {
	case jobs <- d:
		return true
	default:
		h.lose(d)
		return false
	}
}

// lose tells of a delivery that there is no room for; it needs h.mu.
func (h *webhooks) lose(d delivery) {
	h.record(DeliveryRecord{Event: d.event, Endpoint: d.endpoint, Attempt: d.attempt, Error: "queue full", At: h.s.clock()})
	h.s.log.Error("sandbox webhook queue full, delivery lost", "endpoint", d.endpoint, "event", d.event)
}

func (h *webhooks) work(life context.Context, jobs chan delivery) {
	for {
		select {
		case <-life.Done():
			return
		case d, more := <-jobs:
			if !more {
				return
			}
			rec, _ := h.attempt(life, d)
			if rec.Next != nil {
				h.retry(d)
			}
			h.overtaken(d, d.seq)
		}
	}
}

// retry comes back to a delivery later.
func (h *webhooks) retry(d delivery) {
	pause, _ := backoff(d)
	d.attempt++
	time.AfterFunc(pause, func() { h.enqueue(d) })
}

// forget lets the queue of an endpoint that was deleted or disabled run dry and end.
func (h *webhooks) forget(endpoint string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if jobs := h.queues[endpoint]; jobs != nil {
		close(jobs)
		delete(h.queues, endpoint)
	}
}

// reset ends every queue and forgets what was waiting, recorded and wished.
func (h *webhooks) reset() {
	h.halt()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wish, h.since = wish{Mode: modeNormal}, 0
}

// halt ends every delivery, also those that wait for their time, and forgets what
// was recorded: another state is about to be.
func (h *webhooks) halt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end()
	h.life, h.end = context.WithCancel(h.ctx)
	h.queues, h.late, h.held, h.records = map[string]chan delivery{}, map[string][]delivery{}, nil, nil
}

// wait returns when the last delivery has ended, once the context is over.
func (h *webhooks) wait() {
	h.mu.Lock() // whoever enqueues after this sees that the context is over
	clear(h.queues)
	h.mu.Unlock()
	h.done.Wait()
}

// resume delivers what was still due when the present state was written.
func (h *webhooks) resume(undelivered []delivery) {
	life := h.present()
	for _, d := range undelivered {
		d.life = life
		h.enqueue(d)
	}
}

// undelivered are the deliveries that were still due when the state was written.
func (st *state) undelivered() []delivery {
	var all []delivery
	for _, e := range st.Events.order {
		for _, endpoint := range e.Pending {
			all = append(all, delivery{event: e.ID, endpoint: endpoint, seq: e.Seq, attempt: 1})
		}
	}
	return all
}
