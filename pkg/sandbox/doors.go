package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// doors are the testers' way in, below /_sandbox: JSON, no key.
func (s *Sandbox) doors() http.Handler {
	mux := http.NewServeMux()
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
	mux.HandleFunc("POST /_sandbox/webhooks", s.changeMode)
	mux.HandleFunc("GET /_sandbox/deliveries", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, s.webhooks.list())
	})
	mux.HandleFunc("POST /_sandbox/events/{event}/deliver", func(w http.ResponseWriter, r *http.Request) {
		statuses, ok := s.webhooks.deliverNow(r.Context(), r.PathValue("event"))
		if !ok {
			reply(w, http.StatusNotFound, complaint("no such event"))
			return
		}
		reply(w, http.StatusOK, map[string]any{"statuses": statuses})
	})
	return mux
}

func (s *Sandbox) addFault(w http.ResponseWriter, r *http.Request) {
	f := fault{Count: 1, Status: http.StatusInternalServerError}
	if !ask(w, r, &f) {
		return
	}
	switch {
	case !slices.Contains(faultKinds, f.Kind):
		reply(w, http.StatusBadRequest, complaint("no such kind of fault: "+f.Kind))
	case f.Method == "" || f.Path == "" || f.Count < 1 || f.Status < 400 || f.Status > 599 || f.DelayMS < 0:
		reply(w, http.StatusBadRequest, complaint("a fault needs method, path, count of 1 or more and a status of 400 to 599"))
	default:
		reply(w, http.StatusOK, map[string]int{"id": s.faults.add(f)})
	}
}

func (s *Sandbox) changeMode(w http.ResponseWriter, r *http.Request) {
	var wish struct {
		Mode string `json:"mode"`
	}
	if !ask(w, r, &wish) {
		return
	}
	switch wish.Mode {
	case modeNormal, modeHold, modeDrop, modeBeforeResponse:
		s.webhooks.setMode(wish.Mode)
		w.WriteHeader(http.StatusNoContent)
	default:
		reply(w, http.StatusBadRequest, complaint("no such mode: "+wish.Mode))
	}
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
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a tester who left needs no answer
}
