package api

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/labstack/echo/v4"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/catalog"
	"till/pkg/payments"
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
}

// Deps are what the edge stands on. All but Extra are required.
type Deps struct {
	Settings Settings
	Payments *payments.Service
	Catalog  *catalog.Service
	Auth     *auth.Verifier
	// Receive takes a webhook delivery; nil means that it is stored for good.
	Receive func(ctx context.Context, body []byte, signature string) error
	// Ready says whether requests can be served, and if not what to do.
	Ready func(context.Context) error
	Log   *slog.Logger
	// Extra adds routes that are not part of the API, such as the demo's shop.
	Extra func(*echo.Echo)
}

// New assembles the API.
func New(d Deps) (*echo.Echo, error) {
	if d.Payments == nil || d.Catalog == nil {
		return nil, errors.New("api: a service is missing")
	}
	return assemble(d, &handlers{settings: d.Settings, payments: d.Payments, catalog: d.Catalog, auth: d.Auth})
}

// handlers answer the operations of the contract; a file per tag.
type handlers struct {
	settings Settings
	payments *payments.Service
	catalog  *catalog.Service
	auth     *auth.Verifier
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

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard) // everything worth saying goes to d.Log
	e.IPExtractor = echo.ExtractIPDirect()
	e.JSONSerializer = serializer{}
	e.HTTPErrorHandler = answerError
	e.Use(requestID, logRequests(d.Log), recovering, securityHeaders)
	if len(d.Settings.AllowedOrigins) > 0 {
		e.Use(allowOrigins(d.Settings.AllowedOrigins))
	}
	openapi.RegisterHandlersWithOptions(e, openapi.NewStrictHandler(h, nil), openapi.RegisterHandlersOptions{OperationMiddlewares: guards})
	webhooks(e, d.Receive)
	health(e, d.Ready, d.Log)
	docs(e)
	if d.Extra != nil {
		d.Extra(e)
	}
	return e, nil
}
