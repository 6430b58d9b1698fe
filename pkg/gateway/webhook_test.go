package gateway_test

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"till/pkg/gateway"
)

const hookURL = "http://127.0.0.1:9/hook"

var hookEvents = []string{"payment_intent.succeeded", "price.created"}

type shownEndpoint struct {
	ID, URL, Status string
	EnabledEvents   []string `json:"enabled_events"`
	APIVersion      string   `json:"api_version"`
}

func (s *stripe) endpoints() []shownEndpoint {
	s.t.Helper()
	var list struct{ Data []shownEndpoint }
	s.get("/v1/webhook_endpoints", &list)
	return list.Data
}

// dashboard calls the API as somebody else would, and returns the status.
func (s *stripe) dashboard(path string, form url.Values) int {
	s.t.Helper()
	q, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+secretKey)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

func (s *stripe) ensure(w gateway.Webhook) gateway.WebhookSetup {
	s.t.Helper()
	w.URL, w.Events = hookURL, hookEvents
	done, err := s.EnsureWebhook(s.t.Context(), w)
	if err != nil {
		s.t.Fatal(err)
	}
	return done
}

func TestAnEndpointIsMadeOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if _, err := s.EnsureWebhook(t.Context(), gateway.Webhook{URL: "http://127.0.0.1:9/other", Events: []string{"*"}}); err != nil {
		t.Fatal(err)
	}
	if plan := s.ensure(gateway.Webhook{DryRun: true}); !plan.Created || plan.Secret != "" || len(s.endpoints()) != 1 {
		t.Fatalf("a dry run: %+v", plan)
	}
	first := s.ensure(gateway.Webhook{})
	if !first.Created || !strings.HasPrefix(first.Secret, "whsec_") {
		t.Fatalf("%+v", first)
	}
	again := s.ensure(gateway.Webhook{})
	if !again.Right() || again.ID != first.ID || again.Secret != "" || len(again.Faults) > 0 || len(again.Others) > 0 {
		t.Errorf("again: %+v", again)
	}
	made := s.endpoints()[0]
	if made.URL != hookURL || made.APIVersion != "2023-10-16" || !slices.Equal(made.EnabledEvents, hookEvents) || made.Status != "enabled" {
		t.Errorf("it is %+v", made)
	}
	if n := len(s.endpoints()); n != 2 {
		t.Errorf("there are %d", n)
	}
}

func TestAWrongEndpointIsPutRightInPlace(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]url.Values{
		"other events": {"enabled_events[]": {"payment_intent.succeeded", "charge.failed"}},
		"all events":   {"enabled_events[]": {"*"}},
		"switched off": {"disabled": {"true"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			id := s.ensure(gateway.Webhook{}).ID
			if status := s.dashboard("/v1/webhook_endpoints/"+id, wrong); status != 200 {
				t.Fatalf("spoiling it: %d", status)
			}
			spoilt := s.endpoints()[0]
			plan := s.ensure(gateway.Webhook{DryRun: true})
			if !plan.Updated || len(plan.Faults) == 0 || !strings.HasPrefix(plan.Faults[0], id) {
				t.Errorf("a dry run says %+v", plan)
			}
			if now := s.endpoints()[0]; now.Status != spoilt.Status || !slices.Equal(now.EnabledEvents, spoilt.EnabledEvents) {
				t.Errorf("a dry run made it %+v", now)
			}
			done := s.ensure(gateway.Webhook{})
			if !done.Updated || done.Created || done.ID != id || done.Secret != "" {
				t.Errorf("%+v", done)
			}
			if now := s.endpoints(); len(now) != 1 || now[0].ID != id || now[0].Status != "enabled" || !slices.Equal(now[0].EnabledEvents, hookEvents) {
				t.Errorf("it is %+v", now)
			}
			if again := s.ensure(gateway.Webhook{}); !again.Right() {
				t.Errorf("again: %+v", again)
			}
		})
	}
}

func TestAnEndpointOfAnotherVersionIsReplaced(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]url.Values{"another": {"api_version": {"2022-11-15"}}, "the account's": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			form := url.Values{"url": {hookURL}, "enabled_events[]": hookEvents}
			for k, v := range version {
				form[k] = v
			}
			if status := s.dashboard("/v1/webhook_endpoints", form); status != 200 {
				t.Fatalf("making it: %d", status)
			}
			old := s.endpoints()[0].ID
			if status := s.dashboard("/v1/webhook_endpoints/"+old, url.Values{"api_version": {"2023-10-16"}}); status != 400 {
				t.Errorf("changing an endpoint's version: %d", status)
			}
			plan := s.ensure(gateway.Webhook{DryRun: true})
			if !plan.Created || !slices.Equal(plan.Deleted, []string{old}) || len(plan.Faults) != 1 || s.endpoints()[0].ID != old {
				t.Errorf("a dry run: %+v", plan)
			}
			done := s.ensure(gateway.Webhook{})
			if !done.Created || done.Secret == "" || !slices.Equal(done.Deleted, []string{old}) {
				t.Errorf("%+v", done)
			}
			if now := s.endpoints(); len(now) != 1 || now[0].ID != done.ID || now[0].APIVersion != "2023-10-16" {
				t.Errorf("there are %+v", now)
			}
		})
	}
}

// The old one goes only when the new one is there; a run that was cut off between
// the two is finished by the next.
func TestAReplacementThatWasCutOffIsFinished(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.dashboard("/v1/webhook_endpoints", url.Values{"url": {hookURL}, "enabled_events[]": hookEvents, "api_version": {"2022-11-15"}})
	old := s.endpoints()[0].ID
	made, err := s.EnsureWebhook(t.Context(), gateway.Webhook{URL: "http://127.0.0.1:9/hook2", Events: hookEvents})
	if err != nil {
		t.Fatal(err)
	}
	s.dashboard("/v1/webhook_endpoints/"+made.ID, url.Values{"url": {hookURL}})
	done := s.ensure(gateway.Webhook{})
	if done.Created || done.ID != made.ID || !slices.Equal(done.Deleted, []string{old}) || len(s.endpoints()) != 1 {
		t.Errorf("%+v", done)
	}
}

func TestASecretThatWasLostIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first := s.ensure(gateway.Webhook{})
	second := s.ensure(gateway.Webhook{NewSecret: true})
	if !second.Created || second.Secret == "" || second.Secret == first.Secret || !slices.Equal(second.Deleted, []string{first.ID}) || len(s.endpoints()) != 1 {
		t.Errorf("%+v", second)
	}
}

// Which of two is in use can't be seen, so neither is taken away.
func TestASecondEndpointIsNamedAndLeftAlone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first := s.ensure(gateway.Webhook{})
	s.dashboard("/v1/webhook_endpoints", url.Values{"url": {hookURL}, "enabled_events[]": {"*"}, "api_version": {"2023-10-16"}})
	done := s.ensure(gateway.Webhook{})
	if !done.Right() || done.ID != first.ID || len(done.Others) != 1 || len(s.endpoints()) != 2 {
		t.Errorf("%+v", done)
	}
}
