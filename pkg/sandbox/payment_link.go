package sandbox

import (
	"cmp"
	"net/url"
	"strconv"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// PaymentLink is an address at which anybody finds a checkout session of their own.
type PaymentLink struct {
	object
	Active        bool           `json:"active"`
	Currency      money.Currency `json:"currency"`
	Lines         []*LineItem    `json:"lines"`
	ShippingRates []string       `json:"shipping_rates,omitempty"`
	Limit         int64          `json:"limit,omitempty"`     // of completed sessions, 0: no end
	Completed     int64          `json:"completed,omitempty"` // sessions
	Token         string         `json:"token"`               // in its address
}

var paymentLinkRoutes = []route{
	{pattern: "POST /v1/payment_links", answers: "payment_link", handle: createPaymentLink},
	{pattern: "GET /v1/payment_links", answers: "list:payment_link", handle: listPaymentLinks},
	{pattern: "GET /v1/payment_links/{payment_link}", answers: "payment_link", handle: retrievePaymentLink},
	{pattern: "POST /v1/payment_links/{payment_link}", answers: "payment_link", handle: updatePaymentLink},
	{pattern: "GET /v1/payment_links/{payment_link}/line_items", answers: "list:item", handle: listPaymentLinkLines},
}

func (l *PaymentLink) name() string { return "payment_link" }

func (l *PaymentLink) render(w *writer) {
	w.bool("active", l.Active)
	w.str("url", l.page(w.r.origin))
	w.str("currency", string(l.Currency))
	for name, unless := range map[string]string{
		"billing_address_collection": "auto", "customer_creation": "if_required", "payment_method_collection": "always", "submit_type": "auto",
	} {
		w.str(name, cmp.Or(l.Given[name].Str(), unless))
	}
	after := l.Given["after_completion"]
	w.sub("after_completion", after, func(w *writer) {
		switch w.str("type", l.afterwards()); l.afterwards() {
		case "redirect":
			w.sub("redirect", after.At("redirect"), nil)
		default:
			w.sub("hosted_confirmation", after.At("hosted_confirmation"), nil)
		}
	})
	if l.Limit > 0 {
		w.sub("restrictions", nil, func(w *writer) {
			w.sub("completed_sessions", nil, func(w *writer) {
				w.int("limit", l.Limit)
				w.int("count", l.Completed)
			})
		})
	}
	if l.Given["automatic_tax"].Bool("enabled") {
		w.sub("automatic_tax", nil, func(w *writer) {
			w.bool("enabled", true)
			w.sub("liability", nil, func(w *writer) { w.str("type", "self") })
		})
	}
	invoice := l.Given["invoice_creation"]
	w.sub("invoice_creation", invoice, func(w *writer) {
		w.sub("invoice_data", invoice.At("invoice_data"), nil)
	})
	w.each("shipping_options", len(l.ShippingRates), func(w *writer, i int) {
		rate, _ := w.r.st.ShippingRates.find(l.ShippingRates[i])
		w.int("shipping_amount", rate.Costs[l.Currency].Amount)
		w.ref("shipping_rate", rate.ID)
	})
	if w.expanded("line_items") {
		w.page("line_items", firstLines("/v1/payment_links/"+l.ID+"/line_items", l.Lines))
	}
}

// page is the link itself.
func (l *PaymentLink) page(origin string) string { return origin + "/_hosted/links/" + l.Token }

// afterwards is what happens once somebody has paid: hosted_confirmation, redirect.
func (l *PaymentLink) afterwards() string {
	return cmp.Or(l.Given["after_completion"].Str("type"), "hosted_confirmation")
}

func createPaymentLink(c *call) (answer, *Error) {
	l := &PaymentLink{Active: true, Limit: c.params.Int("restrictions", "completed_sessions", "limit")}
	s := &CheckoutSession{Mode: "payment"} // reads what a session is made with
	for _, check := range []func(*form.Value) *Error{l.admit, s.admitFields, c.readTypes(s), l.mergeMetadata} {
		if refused := check(c.params); refused != nil {
			return nil, refused
		}
	}
	sold, refused := c.readSale(s, c.params)
	if refused != nil {
		return nil, refused
	}
	c.addSale(s, sold)
	s.reckon(c.st)
	l.Currency, l.Lines, l.ShippingRates, l.Token = s.Currency, s.Lines, s.ShippingRates, "test_"+token(18)
	l.keep(c.params, "line_items", "currency", "restrictions", "shipping_options")
	c.create(&l.object, "plink_1"+token(23))
	c.st.PaymentLinks.insert(l)
	c.emit("payment_link.created", l)
	return one{l}, nil
}

// admit checks what a link says of the time after the payment.
func (l *PaymentLink) admit(params *form.Value) *Error {
	after := params.At("after_completion")
	text := after.Str("redirect", "url")
	switch u, err := url.Parse(text); {
	case params.Has("subscription_data"):
		return invalidRequest("", "subscription_data", "The sandbox has no billing yet: `subscription_data` is not available.")
	case params.Set("payment_method_collection"):
		return invalidRequest("", "payment_method_collection", "`payment_method_collection` can only be used for payment links with recurring prices.")
	case after.Str("type") == "redirect" && text == "":
		return invalidRequest("parameter_missing", "after_completion[redirect]", "Missing required param: after_completion[redirect].")
	case after.Str("type") == "hosted_confirmation" && after.Has("redirect"):
		return invalidRequest("", "after_completion[redirect]", "`after_completion[redirect]` can only be used when `after_completion[type]` is `redirect`.")
	case text != "" && (err != nil || u.Scheme == "" || u.Host == ""):
		return invalidRequest("url_invalid", "after_completion[redirect][url]", "Not a valid URL")
	case params.Set("restrictions") && params.Int("restrictions", "completed_sessions", "limit") < 1:
		return invalidRequest("parameter_invalid_integer", "restrictions[completed_sessions][limit]", "This value must be greater than or equal to 1.")
	}
	return nil
}

func (c *call) paymentLinkInPath() (*PaymentLink, *Error) {
	return needInPath(&c.st.PaymentLinks, "payment_link", "payment_link", c.path("payment_link"))
}

func retrievePaymentLink(c *call) (answer, *Error) {
	l, refused := c.paymentLinkInPath()
	if refused != nil {
		return nil, refused
	}
	return one{l}, nil
}

func listPaymentLinks(c *call) (answer, *Error) {
	return paged(c, &c.st.PaymentLinks, func(l *PaymentLink) bool {
		return !c.params.Has("active") || l.Active == c.params.Bool("active")
	})
}

func listPaymentLinkLines(c *call) (answer, *Error) {
	l, refused := c.paymentLinkInPath()
	if refused != nil {
		return nil, refused
	}
	return listLines(c, l.Lines)
}

func updatePaymentLink(c *call) (answer, *Error) {
	l, refused := c.paymentLinkInPath()
	if refused != nil {
		return nil, refused
	}
	s := &CheckoutSession{Mode: "payment", Currency: l.Currency}
	for _, check := range []func(*form.Value) *Error{l.admit, s.admitFields, c.readTypes(s)} {
		if refused := check(c.params); refused != nil {
			return nil, refused
		}
	}
	if s.Lines, refused = l.changed(list(c.params, "line_items")); refused != nil {
		return nil, refused
	}
	before := c.seen(l)
	if refused := l.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	s.reckon(c.st)
	l.Lines = s.Lines
	if c.params.Has("active") {
		l.Active = c.params.Bool("active")
	}
	if c.params.Has("restrictions") {
		l.Limit = c.params.Int("restrictions", "completed_sessions", "limit")
	}
	l.keep(c.params, "active", "line_items", "restrictions")
	c.updated("payment_link.updated", l, before)
	return one{l}, nil
}

// changed is a copy of the rows with the quantities that were sent.
func (l *PaymentLink) changed(items []*form.Value) ([]*LineItem, *Error) {
	rows := make([]*LineItem, len(l.Lines))
	byID := map[string]*LineItem{}
	for i, row := range l.Lines {
		rows[i] = new(*row)
		byID[row.ID] = rows[i]
	}
	for i, item := range items {
		at := "line_items[" + strconv.Itoa(i) + "]"
		row := byID[item.Str("id")]
		if row == nil {
			return nil, missingInBody("line_item", at+"[id]", item.Str("id"))
		}
		if item.Has("adjustable_quantity") {
			row.Adjustable = nil
			if item.Bool("adjustable_quantity", "enabled") {
				row.Adjustable = item.At("adjustable_quantity")
			}
		}
		if item.Set("quantity") {
			row.Quantity = item.Int("quantity")
		}
		if low, high := row.bounds(); row.Quantity < 1 || row.Adjustable != nil && (row.Quantity < low || row.Quantity > high) {
			return nil, invalidRequest("parameter_invalid_integer", at+"[quantity]", "The quantity must be at least 1, and within the bounds of `adjustable_quantity`.")
		}
	}
	return rows, nil
}

// closed says why the link sells nothing any more, "" if it does.
func (l *PaymentLink) closed() string {
	if l.Active && (l.Limit == 0 || l.Completed < l.Limit) {
		return ""
	}
	return cmp.Or(l.Given["inactive_message"].Str(), "The link is no longer active.")
}

// What a session takes over from its link as it was given.
var linkGives = []string{
	"allow_promotion_codes", "automatic_tax", "billing_address_collection", "consent_collection", "custom_fields", "custom_text", "customer_creation",
	"invoice_creation", "payment_intent_data", "payment_method_types", "phone_number_collection", "shipping_address_collection", "submit_type", "tax_id_collection",
}

// visit opens a session for somebody who follows the link; from is what the
// merchant wrote into the address.
func (c *call) visit(l *PaymentLink, from url.Values) (*CheckoutSession, *Error) {
	text := func(s string) *form.Value { return &form.Value{Text: s} }
	params := map[string]*form.Value{"mode": text("payment"), "currency": text(string(l.Currency)), "success_url": text(l.page(c.origin) + "/done")}
	if l.afterwards() == "redirect" {
		params["success_url"] = l.Given["after_completion"].At("redirect", "url")
	}
	for _, name := range linkGives {
		if v := l.Given[name]; v != nil {
			params[name] = v
		}
	}
	for in, name := range map[string]string{"client_reference_id": "client_reference_id", "prefilled_email": "customer_email"} {
		if v := from.Get(in); v != "" {
			params[name] = text(v)
		}
	}
	rows, rates := &form.Value{}, &form.Value{}
	for _, row := range l.Lines {
		item := map[string]*form.Value{"price": text(row.Price), "quantity": text(strconv.FormatInt(row.Quantity, 10))}
		if row.Adjustable != nil {
			item["adjustable_quantity"] = row.Adjustable
		}
		rows.List = append(rows.List, &form.Value{Hash: item})
	}
	for _, id := range l.ShippingRates {
		rates.List = append(rates.List, &form.Value{Hash: map[string]*form.Value{"shipping_rate": text(id)}})
	}
	params["line_items"] = rows
	if len(rates.List) > 0 {
		params["shipping_options"] = rates
	}
	s, refused := c.newCheckout(&form.Value{Hash: params})
	if refused != nil {
		return nil, refused
	}
	s.Link, s.Metadata = l.ID, l.Metadata // Stripe copies a link's metadata to its sessions
	if code := from.Get("prefilled_promo_code"); code != "" && s.Given["allow_promotion_codes"].Bool() {
		_ = c.applyPromotion(s, code) // a wrong one is left out
	}
	return s, nil
}
