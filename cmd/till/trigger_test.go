package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"till/pkg/sandbox"
)

// Every event in the table happens, at a sandbox behind a port.
func TestTrigger(t *testing.T) {
	t.Parallel()
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for event, calls := range triggers {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			c := triggerCommand{Event: event, URL: server.URL + "/", Key: "sk_test_1"}
			var said strings.Builder
			if err := c.trigger(t.Context(), &said, calls); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(said.String()), "\n")
			if len(lines) != len(calls)+1 || strings.Contains(said.String(), "{") {
				t.Errorf("%s", said.String())
			}
			kind, id, _ := strings.Cut(lines[len(lines)-1], " ")
			q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/events/"+id, nil)
			if err != nil {
				t.Fatal(err)
			}
			q.SetBasicAuth("sk_test_1", "")
			res, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var e struct{ Type string }
			if err := json.NewDecoder(res.Body).Decode(&e); err != nil || kind != event || e.Type != event {
				t.Errorf("%s: %q %+v %v", lines[len(lines)-1], kind, e, err)
			}
		})
	}
}

func TestTriggerRefuses(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	gone := server.URL
	server.Close()
	for name, tc := range map[string]struct {
		c    triggerCommand
		want []string
	}{
		"a name with a letter missing": {triggerCommand{Event: "payment_intent.suceeded"}, []string{"payment_intent.suceeded cannot", "Near it are: payment_intent.succeeded, ", "--list"}},
		"a name half known":            {triggerCommand{Event: "customer.create"}, []string{"Near it are: customer.created, "}},
		"no name":                      {triggerCommand{}, []string{"--list"}},
		"nobody there":                 {triggerCommand{Event: "customer.created", URL: gone, Key: "sk_test_1"}, []string{"till sandbox"}},
	} {
		err := tc.c.Run(t.Context())
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}
