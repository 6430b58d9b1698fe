package sandbox

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
)

// maxSnapshot bounds a state that is loaded; a busy day's is some megabytes.
const maxSnapshot = 256 << 20

// doors are the testers' way in, below /_sandbox: a page, and JSON without a key.
func (s *Sandbox) doors() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sandbox/{$}", s.showPage)
	mux.HandleFunc("GET /_sandbox/state", s.countState)
	mux.HandleFunc("GET /_sandbox/events", s.listLastEvents)
	mux.HandleFunc("GET /_sandbox/log", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, s.requests.list())
	})
	mux.HandleFunc("GET /_sandbox/snapshot", s.saveSnapshot)
	mux.HandleFunc("PUT /_sandbox/snapshot", s.loadSnapshot)
	mux.HandleFunc("GET /_sandbox/requests", func(w http.ResponseWriter, r *http.Request) {
		s.counts.mu.Lock()
		total, byRoute := s.counts.total, maps.Clone(s.counts.byRoute)
		s.counts.mu.Unlock()
		reply(w, http.StatusOK, map[string]any{"count": total, "byRoute": byRoute})
	})
	mux.HandleFunc("POST /_sandbox/reset", func(w http.ResponseWriter, r *http.Request) {
		s.reset()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_sandbox/faults", s.addFault)
	mux.HandleFunc("GET /_sandbox/faults", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, s.faults.list())
	})
	mux.HandleFunc("DELETE /_sandbox/faults", func(w http.ResponseWriter, r *http.Request) {
		s.faults.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_sandbox/webhooks", func(w http.ResponseWriter, r *http.Request) {
		now, _ := s.webhooks.mode()
		reply(w, http.StatusOK, now)
	})
	mux.HandleFunc("GET /_sandbox/clock", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, s.clockState())
	})
	mux.HandleFunc("POST /_sandbox/clock", s.moveClock)
	mux.HandleFunc("GET /_sandbox/ledger", func(w http.ResponseWriter, r *http.Request) {
		s.catchUp(r.Context())
		reply(w, http.StatusOK, s.ledger())
	})
	mux.HandleFunc("POST /_sandbox/settlement", s.changeSettlement)
	mux.HandleFunc("POST /_sandbox/webhooks", s.changeMode)
	mux.HandleFunc("GET /_sandbox/deliveries", s.listDeliveries)
	mux.HandleFunc("POST /_sandbox/events/{event}/deliver", func(w http.ResponseWriter, r *http.Request) {
		statuses, ok := s.webhooks.deliverNow(r.Context(), r.PathValue("event"))
		if !ok {
			reply(w, http.StatusNotFound, complaint("no such event"))
			return
		}
		reply(w, http.StatusOK, map[string]any{"statuses": statuses})
	})
	mux.HandleFunc("POST /_sandbox/events/{event}/deliver/{endpoint}", func(w http.ResponseWriter, r *http.Request) {
		rec, err := s.webhooks.deliverTo(r.Context(), r.PathValue("event"), r.PathValue("endpoint"))
		if err != nil {
			reply(w, http.StatusNotFound, complaint(err.Error()))
			return
		}
		reply(w, http.StatusOK, rec)
	})
	return mux
}

// listDeliveries lists attempts, the oldest first: all, or ?event= or ?endpoint= alone.
func (s *Sandbox) listDeliveries(w http.ResponseWriter, r *http.Request) {
	event, endpoint := r.URL.Query().Get("event"), r.URL.Query().Get("endpoint")
	reply(w, http.StatusOK, slices.DeleteFunc(s.webhooks.list(), func(d DeliveryRecord) bool {
		return event != "" && d.Event != event || endpoint != "" && d.Endpoint != endpoint
	}))
}

func (s *Sandbox) addFault(w http.ResponseWriter, r *http.Request) {
	f := fault{Count: 1, Status: http.StatusInternalServerError, Probability: 1}
	if !ask(w, r, &f) {
		return
	}
	switch {
	case !slices.Contains(faultKinds, f.Kind):
		reply(w, http.StatusBadRequest, complaint("no such kind of fault: "+f.Kind))
	case f.Method == "" || f.Path == "" || f.Count < 1 || f.Status < 400 || f.Status > 599 || f.DelayMS < 0 || f.DelayMS > longestDelayMS || f.Probability <= 0 || f.Probability > 1:
		reply(w, http.StatusBadRequest, complaint("a fault needs method, path, count of 1 or more, a status of 400 to 599, a delayMs of at most 3600000 and a probability above 0, at most 1"))
	default:
		reply(w, http.StatusOK, map[string]int{"id": s.faults.add(f)})
	}
}

func (s *Sandbox) changeMode(rw http.ResponseWriter, r *http.Request) {
	var w wish
	if !ask(rw, r, &w) {
		return
	}
	switch {
	case !slices.Contains(modes, w.Mode):
		reply(rw, http.StatusBadRequest, complaint("no such mode: "+w.Mode))
	case w.Mode != modeChaos && w.chaos != chaos{}:
		reply(rw, http.StatusBadRequest, complaint("seed, duplicate, reorder, drop and delayMs belong to the mode chaos"))
	case !w.valid():
		reply(rw, http.StatusBadRequest, complaint("duplicate, reorder and drop are shares from 0 to 1, delayMs is at most 20000"))
	default:
		s.webhooks.setMode(w)
		rw.WriteHeader(http.StatusNoContent)
	}
}

// saveSnapshot answers with all that the sandbox knows, in the form of the state file.
func (s *Sandbox) saveSnapshot(w http.ResponseWriter, _ *http.Request) {
	b, err := s.snapshot()
	if err != nil {
		reply(w, http.StatusInternalServerError, complaint(err.Error()))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="sandbox.json"`)
	_, _ = w.Write(b)
}

// loadSnapshot makes the sandbox what it was, or leaves it as it is.
func (s *Sandbox) loadSnapshot(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSnapshot))
	if err == nil {
		err = s.adopt(b)
	}
	if err != nil {
		reply(w, http.StatusBadRequest, complaint("this is no snapshot of a sandbox: "+err.Error()))
		return
	}
	s.touch()
	w.WriteHeader(http.StatusNoContent)
}

// ask reads the tester's wish; unknown members are mistakes worth hearing of.
func ask(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		reply(w, http.StatusBadRequest, complaint(err.Error()))
		return false
	}
	return true
}

func complaint(text string) map[string]string { return map[string]string{"error": text} }

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a tester who left needs no answer
}
