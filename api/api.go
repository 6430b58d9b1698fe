package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"

	"github.com/labstack/echo/v4"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/captcha"
	"till/pkg/catalog"
	"till/pkg/customers"
	"till/pkg/inbox"
	"till/pkg/invoices"
	"till/pkg/limits"
	"till/pkg/outbound"
	"till/pkg/payments"
	"till/pkg/telemetry"
)

// defaultBodyLimit is how large a JSON body may be, bytes.
const defaultBodyLimit = 64 << 10

// Settings are the operator's choices that the edge needs.
type Settings struct {
	PublishableKey string
	Currency       string // ISO 4217, lower case
	Livemode       bool
	StripeJSURL    string // empty = Stripe's own
	Guests         bool
	// AmountMin and AmountMax bound amounts from clients, minor units; AmountMax 0 = none are taken.
	AmountMin, AmountMax int64
	// AllowedOrigins may call from a browser, see config.Config.
	AllowedOrigins []string
	// BodyLimit is for JSON bodies, bytes; 0 = 64 KiB.
	BodyLimit int64
	// TrustedProxies say by X-Forwarded-For who is calling; none = who connects.
	TrustedProxies []netip.Prefix
	Limits         Limits
	Captcha        Captcha
}

// Deps are what the edge stands on. All are required that do not say what their nil means.
type Deps struct {
	Settings  Settings
	Payments  *payments.Service
	Invoices  *invoices.Service
	Catalog   *catalog.Service
	Customers *customers.Service
	Inbox     *inbox.Inbox
	Outbound  *outbound.Outbound
	Auth      *auth.Verifier
	// Receive takes a webhook delivery; nil means that it is stored for good.
	Receive func(ctx context.Context, body []byte, signature string, headers inbox.Headers) error
	// Ready says whether requests can be served, and if not what to do.
	Ready func(context.Context) error
	Log   *slog.Logger
	// Limiter counts what Settings.Limits are about. nil only where there are none.
	Limiter *limits.Limiter
	// Guard refuses who tests cards. nil: nobody is.
	Guard *limits.Guard
	// Captcha verifies what Settings.Captcha asks for. nil: nothing is asked for.
	Captcha *captcha.Verifier
	// Metrics count requests and Tracing shows them. nil: neither.
	Metrics *telemetry.Metrics
	Tracing *telemetry.Tracing
	// Extra adds routes that are not part of the API, such as the demo's shop. nil: none.
	Extra func(*echo.Echo)
}

// New assembles the API.
func New(d Deps) (*echo.Echo, error) {
	if d.Payments == nil || d.Invoices == nil || d.Catalog == nil || d.Customers == nil || d.Inbox == nil || d.Outbound == nil {
		return nil, errors.New("api: a service is missing")
	}
	return assemble(d, &handlers{settings: d.Settings, payments: d.Payments, invoices: d.Invoices, catalog: d.Catalog, customers: d.Customers, inbox: d.Inbox, outbound: d.Outbound, auth: d.Auth, streams: newStreams()})
}

// handlers answer the operations of the contract; a file per tag.
type handlers struct {
	settings  Settings
	payments  *payments.Service
	invoices  *invoices.Service
	catalog   *catalog.Service
	customers *customers.Service
	inbox     *inbox.Inbox
	outbound  *outbound.Outbound
	auth      *auth.Verifier
	streams   *streams
}

var _ openapi.StrictServerInterface = (*handlers)(nil)

// assemble puts the edge around any implementation of the contract.
func assemble(d Deps, h openapi.StrictServerInterface) (*echo.Echo, error) {
	if d.Auth == nil || d.Receive == nil || d.Ready == nil || d.Log == nil {
		return nil, errors.New("api: a part is missing")
	}
	if d.Settings.BodyLimit == 0 {
		d.Settings.BodyLimit = defaultBodyLimit
	}
	ops, err := contractOperations()
	if err != nil {
		return nil, err
	}
	guards := map[string][]echo.MiddlewareFunc{}
	for _, o := range ops {
		guards[o.id] = []echo.MiddlewareFunc{admit(o, d.Auth, d.Settings.BodyLimit)}
	}
	var handling []openapi.StrictMiddlewareFunc
	if d.Captcha != nil { // the first is the innermost: who is over a limit is not asked
		handling = append(handling, challenged(d.Captcha, d.Guard, d.Settings.Captcha, d.Log))
	}
	if d.Settings.Limits != (Limits{}) || d.Guard.On() {
		if d.Limiter == nil {
			return nil, errors.New("api: there are limits, and nothing that counts")
		}
		handling = append(handling, limited(ops, d.Limiter, d.Guard, d.Settings.Limits))
	}
	guards[streamOperation] = append(guards[streamOperation], acceptsEvents)

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard) // everything worth saying goes to d.Log
	e.IPExtractor = clientAddress(d.Settings.TrustedProxies)
	e.JSONSerializer = serializer{}
	e.HTTPErrorHandler = answerError
	e.Use(requestID)
	if d.Tracing != nil {
		e.Use(traceRequests(d.Tracing))
	}
	e.Use(logRequests(d.Log, d.Metrics), recovering, securityHeaders)
	if len(d.Settings.AllowedOrigins) > 0 {
		e.Use(allowOrigins(d.Settings.AllowedOrigins))
	}
	openapi.RegisterHandlersWithOptions(e, openapi.NewStrictHandler(h, handling), openapi.RegisterHandlersOptions{OperationMiddlewares: guards})
	webhooks(e, d.Receive)
	health(e, d.Ready, d.Log)
	docs(e)
	if d.Extra != nil {
		d.Extra(e)
	}
	return e, nil
}
