package sandbox

import (
	"net/http"
	"slices"

	"till/pkg/sandbox/internal/form"
	"till/pkg/sandbox/internal/spec"
)

// route is one operation of the API. Its pattern is also the operation's name
// in Stripe's description, from which its parameters are checked.
type route struct {
	pattern string // "POST /v1/payment_intents/{intent}/confirm"
	answers string // the object in the answer, or "list:" or "search:" and the objects' name
	handle  func(c *call) (answer, *Error)
	browser bool                     // Stripe takes it with a publishable key
	upload  bool                     // its body is multipart/form-data and has a file
	prepare func(params *form.Value) // puts where the description has it what Stripe also takes elsewhere; nil: nothing
}

// resources is the API: each file of a resource gives its routes.
func resources() []route {
	return slices.Concat(
		accountRoutes,
		balanceRoutes,
		chargeRoutes,
		checkoutSessionRoutes,
		confirmationTokenRoutes,
		couponRoutes,
		customerBalanceRoutes,
		customerRoutes,
		customerSessionRoutes,
		disputeRoutes,
		ephemeralKeyRoutes,
		eventRoutes,
		fileLinkRoutes,
		fileRoutes,
		mandateRoutes,
		methodConfigurationRoutes,
		methodDomainRoutes,
		paymentIntentRoutes,
		paymentLinkRoutes,
		paymentMethodRoutes,
		paymentPageRoutes,
		planRoutes,
		priceRoutes,
		productRoutes,
		promotionCodeRoutes,
		radarRoutes,
		refundRoutes,
		searchRoutes,
		setupAttemptRoutes,
		setupIntentRoutes,
		shippingRateRoutes,
		sourceCardRoutes,
		taxCalculationRoutes,
		taxIDRoutes,
		taxRateRoutes,
		taxSettingsRoutes,
		taxTransactionRoutes,
		testClockRoutes,
		tokenRoutes,
		webhookEndpointRoutes,
	)
}

// call is one request while its handler runs, with the state's lock held.
type call struct {
	st      *state
	tables  *spec.Tables
	params  *form.Value
	url     string                   // the path of the request
	path    func(name string) string // its parts by name
	now     int64                    // seconds
	origin  string
	browser bool   // made with a publishable key
	id      string // of the request: req_…
	key     string // idempotency key
	apiKey  string
	version string  // that the request asked for by a header, "" without one
	upload  *upload // the file that came with it, nil without one
	events  []*Event
}

// answer is what a handler gives back: a resource, a page of them, or a deletion.
type answer interface {
	write(r *renderer, expand expansion)
}

type one struct{ resource }

func (o one) write(r *renderer, expand expansion) { r.resource(o.resource, expand) }

// page is a list answer.
type page struct {
	url     string
	data    []resource
	hasMore bool
}

func (p *page) write(r *renderer, expand expansion) {
	r.raw(`{"object":"list","url":`)
	r.text(p.url)
	if p.hasMore {
		r.raw(`,"has_more":true,"data":[`)
	} else {
		r.raw(`,"has_more":false,"data":[`)
	}
	for i, x := range p.data {
		if i > 0 {
			r.raw(",")
		}
		r.resource(x, expand["data"])
	}
	r.raw("]}")
}

// deleted is the answer to a deletion, and to reading what was deleted.
type deleted struct{ kind, id string }

func (d deleted) write(r *renderer, _ expansion) {
	r.raw(`{"id":`)
	r.text(d.id)
	r.raw(`,"object":`)
	r.text(d.kind)
	r.raw(`,"deleted":true}`)
}

// create gives o its id and its place in the order of things.
func (c *call) create(o *object, id string) {
	c.st.LastSeq++
	o.ID, o.Seq, o.Created = id, c.st.LastSeq, c.now
}

func (c *call) renderer() *renderer {
	return &renderer{st: c.st, tables: c.tables, now: c.now, origin: c.origin, public: c.browser}
}

// paged lists what keep wants of t, newest first, by limit and cursor and by
// created where the operation takes it.
func paged[T resource](c *call, t *table[T], keep func(T) bool) (answer, *Error) {
	limit, refused := c.limit()
	if refused != nil {
		return nil, refused
	}
	after, refused := cursor(c, t, "starting_after")
	if refused != nil {
		return nil, refused
	}
	before, refused := cursor(c, t, "ending_before")
	if refused != nil {
		return nil, refused
	}
	wanted := func(x T) bool { return createdWithin(c.params.At("created"), x.base().Created) && keep(x) }

	p := &page{url: c.url}
	if before >= 0 { // the page that ends just before the cursor, still newest first
		for i := before + 1; i < len(t.order); i++ {
			if x := t.order[i]; wanted(x) {
				if int64(len(p.data)) == limit {
					p.hasMore = true
					break
				}
				p.data = append(p.data, x)
			}
		}
		slices.Reverse(p.data)
		return p, nil
	}
	from := len(t.order) - 1
	if after >= 0 {
		from = after - 1
	}
	for i := from; i >= 0; i-- {
		if x := t.order[i]; wanted(x) {
			if int64(len(p.data)) == limit {
				p.hasMore = true
				break
			}
			p.data = append(p.data, x)
		}
	}
	return p, nil
}

// limit is how many objects a page may have.
func (c *call) limit() (int64, *Error) {
	limit := int64(10)
	if c.params.Has("limit") {
		limit = c.params.Int("limit")
	}
	switch {
	case limit < 1:
		return 0, invalidRequest("parameter_invalid_integer", "limit", "This value must be greater than or equal to 1.")
	case limit > 100:
		return 0, invalidRequest("parameter_invalid_integer", "limit", "This value must be less than or equal to 100 (it currently is '"+c.params.Str("limit")+"').")
	}
	return limit, nil
}

// cursor is the place of the object that a cursor names, -1 without one.
func cursor[T resource](c *call, t *table[T], param string) (int, *Error) {
	id := c.params.Str(param)
	if id == "" {
		return -1, nil
	}
	x, ok := t.find(id)
	if !ok {
		return 0, missingInBody("object", param, id)
	}
	return t.place(x.base().Seq), nil
}

func createdWithin(v *form.Value, created int64) bool {
	switch {
	case v == nil:
		return true
	case v.Text != "":
		return created == v.Int()
	}
	return !(v.Set("gt") && created <= v.Int("gt") ||
		v.Set("gte") && created < v.Int("gte") ||
		v.Set("lt") && created >= v.Int("lt") ||
		v.Set("lte") && created > v.Int("lte"))
}

// need returns the object that a parameter names, or the refusal.
func need[T resource](t *table[T], kind, param, id string) (T, *Error) {
	x, ok := t.find(id)
	if !ok {
		return x, missingInBody(kind, param, id)
	}
	return x, nil
}

// needInPath is need for an id in the address.
func needInPath[T resource](t *table[T], kind, param, id string) (T, *Error) {
	x, ok := t.find(id)
	if !ok {
		return x, missingInPath(kind, param, id)
	}
	return x, nil
}

// reads says whether the operation leaves the state alone.
func (rt *route) reads() bool { return rt.pattern[:4] == http.MethodGet+" " }
