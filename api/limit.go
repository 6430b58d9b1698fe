package api

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/catalog"
	"till/pkg/limits"
)

// Limits are how often a minute a call may be made that openapi.yaml limits; 0 = as
// often as one likes.
type Limits struct {
	User    int64 // by one user or guest
	Address int64 // from one address
	Order   int64 // for one order
	Guest   int64 // for guest tokens, from one address
	Code    int64 // wrong promotion codes an hour of one user or guest; of an address ten times as many
}

// What an operation is limited by, as its x-limit in openapi.yaml says.
const (
	perUser    = "user"
	perAddress = "address"
	perOrder   = "order"
	perGuest   = "guest"
	perCode    = "promotionCode"
	perCards   = "cards" // declined ones; see limits.Guard
)

// readLimits refuses what it does not know: such a limit would hold nobody.
func readLimits(extension any, method string, public bool) ([]string, error) {
	if extension == nil {
		return nil, nil
	}
	words, _ := extension.([]any)
	if len(words) == 0 || public && method != http.MethodPost {
		return nil, errors.New("has an x-limit that is no list, or is read by anybody")
	}
	var kinds []string
	for _, w := range words {
		kind, _ := w.(string)
		known := []string{perUser, perAddress, perOrder, perGuest, perCode, perCards}
		if public {
			known = []string{perAddress, perGuest} // there is nobody to whom more could belong
		}
		if !slices.Contains(known, kind) {
			return nil, fmt.Errorf("has an unknown x-limit: %v", w)
		}
		kinds = append(kinds, kind)
	}
	return kinds, nil
}

// limited counts the calls that the contract limits and refuses those that are too
// many, before anything of theirs is written. A call counts once it has been found
// to be in order, also if it repeats an earlier one with its Idempotency-Key.
func limited(ops []operation, limiter *limits.Limiter, guard *limits.Guard, most Limits) openapi.StrictMiddlewareFunc {
	by := map[string]operation{}
	for _, o := range ops {
		if len(o.limits) > 0 {
			by[strings.ToUpper(o.id[:1])+o.id[1:]] = o // as the generator writes it
		}
	}
	return func(next openapi.StrictHandlerFunc, operationID string) openapi.StrictHandlerFunc {
		o, found := by[operationID]
		if !found {
			return next
		}
		return func(c echo.Context, request any) (any, error) {
			hits, err := o.hits(c, request, most)
			if err != nil {
				return nil, err
			}
			if err := limiter.Check(c.Request().Context(), hits...); err != nil {
				return nil, sayLimit(c, err)
			}
			if err := o.guarded(c, request, guard); err != nil {
				return nil, err
			}
			tries := o.tries(c, request, most)
			if len(tries) == 0 {
				return next(c, request)
			}
			// Counted before it is known to be wrong, or many at once would all be let through.
			giveBack, err := limiter.Try(c.Request().Context(), tries...)
			if err != nil {
				return nil, sayLimit(c, err)
			}
			answer, err := next(c, request)
			if !errors.Is(err, catalog.ErrCodeNotValid) {
				giveBack()
			}
			return answer, err
		}
	}
}

// sayLimit names a limit that was reached in the headers.
func sayLimit(c echo.Context, err error) error {
	if refused, ok := errors.AsType[*limits.Refused](err); ok {
		// draft-ietf-httpapi-ratelimit-headers
		h := c.Response().Header()
		h.Set("RateLimit-Policy", fmt.Sprintf(`"%s";q=%d;w=%.0f`, refused.Hit.Kind, refused.Hit.Limit, refused.Window.Seconds()))
		h.Set("RateLimit", fmt.Sprintf(`"%s";r=0;t=%d`, refused.Hit.Kind, seconds(refused.End)))
	}
	return err
}

// tries are what a call counts for that may be a guess at a promotion code.
func (o operation) tries(c echo.Context, request any, most Limits) []limits.Hit {
	if !slices.Contains(o.limits, perCode) || codeOf(request) == "" || most.Code == 0 {
		return nil
	}
	who := auth.From(c.Request().Context())
	if who.Kind == auth.Key {
		return nil
	}
	return []limits.Hit{
		{Kind: perCode, Subject: "owner " + who.Owner(), Limit: most.Code},
		{Kind: perCode, Subject: "address " + network(c.RealIP()), Limit: 10 * most.Code}, // guests can have many tokens
	}
}

// guarded refuses who has had too many cards declined. What they have written before
// stays, and is told at every GET.
func (o operation) guarded(c echo.Context, request any, guard *limits.Guard) error {
	if !guard.On() || !slices.Contains(o.limits, perCards) {
		return nil
	}
	order := ""
	switch r := request.(type) {
	case openapi.CreatePaymentIntentRequestObject:
		order = value(r.Body.OrderId)
	case openapi.CreateCheckoutSessionRequestObject:
		order = value(r.Body.OrderId)
	case openapi.CreatePaymentSheetRequestObject:
		order = value(r.Body.OrderId)
	}
	ctx := c.Request().Context()
	return guard.Check(ctx, auth.From(ctx).Owner(), network(c.RealIP()), order)
}

func codeOf(request any) string {
	switch r := request.(type) {
	case openapi.CreateOrderRequestObject:
		return value(r.Body.PromotionCode)
	case openapi.CreatePaymentIntentRequestObject:
		return value(r.Body.PromotionCode)
	case openapi.CreateCheckoutSessionRequestObject:
		return value(r.Body.PromotionCode)
	case openapi.CreatePaymentSheetRequestObject:
		return value(r.Body.PromotionCode)
	}
	return ""
}

// hits are what a call counts for. Who sees everyone's is a server key, which speaks for all of an app's users
// from the app's own addresses, or staff: they count for neither.
func (o operation) hits(c echo.Context, request any, most Limits) ([]limits.Hit, error) {
	var who auth.Principal
	if !o.access.public {
		who = auth.From(c.Request().Context())
	}
	var hits []limits.Hit
	for _, kind := range o.limits {
		h := limits.Hit{Kind: kind}
		switch {
		case kind == perCode, kind == perCards:
			continue // see tries and guarded
		case who.Everyone && (kind == perUser || kind == perAddress):
			continue
		case kind == perUser:
			h.Subject, h.Limit = who.Owner(), most.User
		case kind == perAddress:
			h.Subject, h.Limit = network(c.RealIP()), most.Address
		case kind == perGuest:
			h.Subject, h.Limit = network(c.RealIP()), most.Guest
		case kind == perOrder:
			order, err := orderOf(request)
			if err != nil {
				return nil, err
			}
			if order == "" {
				continue // a new one each time
			}
			h.Subject, h.Limit = who.Owner()+" "+order, most.Order
		}
		hits = append(hits, h)
	}
	return hits, nil
}

// orderOf is the order that a call is about, by its id or by its owner's reference.
// The owner is added to both, so that nobody uses up another one's limit.
func orderOf(request any) (string, error) {
	var id, reference *string
	switch r := request.(type) {
	case openapi.CreatePaymentIntentRequestObject:
		id, reference = r.Body.OrderId, r.Body.Reference
	case openapi.CreateCheckoutSessionRequestObject:
		id, reference = r.Body.OrderId, r.Body.Reference
	case openapi.CreatePaymentSheetRequestObject:
		id, reference = r.Body.OrderId, r.Body.Reference
	default:
		return "", fmt.Errorf("%T names no order, and x-limit says that it does", request)
	}
	switch {
	case id != nil:
		return "id " + *id, nil
	case reference != nil:
		return "reference " + *reference, nil
	}
	return "", nil
}

// network is whom an address is counted for: itself, or for IPv6 its /64, of which
// one customer has all addresses.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked().String()
	}
	return ip.String()
}

// clientAddress reads X-Forwarded-For as far as proxies of ours have written it:
// from the right, past trusted addresses, the first other one. Without such
// proxies it is the peer. X-Real-IP and Forwarded are never read.
func clientAddress(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	// Echo would also trust whatever comes from a private network.
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP: p.Masked().Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}
