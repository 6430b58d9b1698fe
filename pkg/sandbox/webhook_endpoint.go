package sandbox

import (
	"net/url"
	"strings"

	"till/pkg/sandbox/internal/form"
)

// WebhookEndpoint is an address that events are delivered to.
type WebhookEndpoint struct {
	object
	URL      string   `json:"url"`
	Events   []string `json:"events"`
	Secret   string   `json:"secret"`
	Version  string   `json:"version,omitempty"`
	Disabled bool     `json:"disabled,omitempty"`

	showSecret bool // only while it is being created
}

var webhookEndpointRoutes = []route{
	{pattern: "POST /v1/webhook_endpoints", answers: "webhook_endpoint", handle: createWebhookEndpoint},
	{pattern: "GET /v1/webhook_endpoints", answers: "list:webhook_endpoint", handle: listWebhookEndpoints},
	{pattern: "GET /v1/webhook_endpoints/{webhook_endpoint}", answers: "webhook_endpoint", handle: retrieveWebhookEndpoint},
	{pattern: "POST /v1/webhook_endpoints/{webhook_endpoint}", answers: "webhook_endpoint", handle: updateWebhookEndpoint},
	{pattern: "DELETE /v1/webhook_endpoints/{webhook_endpoint}", answers: "webhook_endpoint", handle: deleteWebhookEndpoint},
}

func (e *WebhookEndpoint) name() string { return "webhook_endpoint" }

func (e *WebhookEndpoint) render(w *writer) {
	w.str("url", e.URL)
	w.strs("enabled_events", e.Events)
	w.opt("api_version", e.Version)
	if e.Disabled {
		w.str("status", "disabled")
	} else {
		w.str("status", "enabled")
	}
	if e.showSecret {
		w.str("secret", e.Secret)
	}
	w.null("application")
}

// wants says whether events of this kind go to the endpoint.
func (e *WebhookEndpoint) wants(kind string) bool {
	if e.Disabled {
		return false
	}
	for _, want := range e.Events {
		if eventMatches(want, kind) {
			return true
		}
	}
	return false
}

// eventMatches knows the patterns of enabled_events and of the list's type: "*", "charge.*", "charge.failed".
func eventMatches(pattern, kind string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(kind, prefix)
	}
	return pattern == kind
}

func checkWebhookURL(text string) *Error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return invalidRequest("url_invalid", "url", "Invalid URL: An explicit scheme (such as https) must be provided.")
	}
	return nil
}

func createWebhookEndpoint(c *call) (answer, *Error) {
	if refused := checkWebhookURL(c.params.Str("url")); refused != nil {
		return nil, refused
	}
	events := c.params.Strs("enabled_events")
	if len(events) == 0 {
		return nil, invalidRequest("parameter_missing", "enabled_events", "Missing required param: enabled_events.")
	}
	e := &WebhookEndpoint{URL: c.params.Str("url"), Events: events, Secret: "whsec_" + token(32), Version: c.params.Str("api_version")}
	if refused := e.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	e.keep(c.params, "url", "enabled_events", "api_version", "connect")
	c.create(&e.object, "we_1"+token(23))
	c.st.Endpoints.insert(e)
	shown := new(*e)
	shown.showSecret = true
	return one{shown}, nil
}

func findWebhookEndpoint(c *call) (*WebhookEndpoint, *Error) {
	return needInPath(&c.st.Endpoints, "webhook endpoint", "id", c.path("webhook_endpoint"))
}

func retrieveWebhookEndpoint(c *call) (answer, *Error) {
	e, refused := findWebhookEndpoint(c)
	if refused != nil {
		return nil, refused
	}
	return one{e}, nil
}

func updateWebhookEndpoint(c *call) (answer, *Error) {
	e, refused := findWebhookEndpoint(c)
	if refused != nil {
		return nil, refused
	}
	if c.params.Has("url") {
		if refused := checkWebhookURL(c.params.Str("url")); refused != nil {
			return nil, refused
		}
	}
	if refused := e.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	update(c.params, "url", &e.URL)
	if events := c.params.Strs("enabled_events"); len(events) > 0 {
		e.Events = events
	}
	if c.params.Has("disabled") {
		e.Disabled = c.params.Bool("disabled")
	}
	e.keep(c.params, "url", "enabled_events", "disabled")
	return one{e}, nil
}

func deleteWebhookEndpoint(c *call) (answer, *Error) {
	e, refused := findWebhookEndpoint(c)
	if refused != nil {
		return nil, refused
	}
	c.st.Endpoints.remove(e.ID)
	return deleted{"webhook_endpoint", e.ID}, nil
}

func listWebhookEndpoints(c *call) (answer, *Error) {
	return paged(c, &c.st.Endpoints, func(*WebhookEndpoint) bool { return true })
}

// update sets a text that was sent, empty unsets it.
func update(params *form.Value, name string, field *string) {
	if params.Has(name) {
		*field = params.Str(name)
	}
}
