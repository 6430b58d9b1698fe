package app

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whoever may scrape may also look where time and memory go, and no further: the
// command line may hold secrets, as flags.
func TestWhatTheMetricsListenerShows(t *testing.T) {
	h := Metrics(NewRegistry(), slog.New(slog.DiscardHandler))
	for path, want := range map[string]int{
		"/metrics": 200, "/debug/pprof/": 200, "/debug/pprof/heap": 200, "/debug/pprof/goroutine?debug=1": 200,
		"/debug/pprof/cmdline": 404, "/debug/pprof/trace": 404, "/debug/vars": 404, "/": 404,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(w.Body.String(), "till_build_info") {
		t.Error("a scrape does not say which version runs")
	}
}
