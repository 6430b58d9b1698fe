package sandbox

import "till/pkg/sandbox/internal/form"

// TaxSettings is what the merchant has decided for all taxes.
type TaxSettings struct {
	object
	Behavior string      `json:"tax_behavior,omitempty"`
	Code     string      `json:"tax_code,omitempty"`
	Office   *form.Value `json:"head_office,omitempty"`
}

var taxSettingsRoutes = []route{
	{pattern: "GET /v1/tax/settings", answers: "tax.settings", handle: retrieveTaxSettings},
	{pattern: "POST /v1/tax/settings", answers: "tax.settings", handle: updateTaxSettings},
}

func (x *TaxSettings) name() string { return "tax.settings" }

func (x *TaxSettings) render(w *writer) {
	w.sub("defaults", nil, func(w *writer) {
		w.opt("tax_behavior", x.Behavior)
		w.opt("tax_code", x.Code)
	})
	if x.Office != nil {
		w.sub("head_office", x.Office, nil)
	}
	if missing := x.missing(); len(missing) > 0 {
		w.str("status", "pending")
		w.sub("status_details", nil, func(w *writer) {
			w.sub("pending", nil, func(w *writer) { w.strs("missing_fields", missing) })
		})
		return
	}
	w.str("status", "active")
	w.sub("status_details", nil, func(w *writer) { w.sub("active", nil, nil) })
}

// missing are the fields without which Stripe Tax is not active.
func (x *TaxSettings) missing() []string {
	var fields []string
	if x.Code == "" {
		fields = append(fields, "defaults.tax_code")
	}
	if x.Office == nil {
		fields = append(fields, "head_office.address")
	}
	return fields
}

// generalCode is the tax code of what no other code fits.
const generalCode = "txcd_10000000"

func (x *TaxSettings) code() string {
	if x.Code == "" {
		return generalCode
	}
	return x.Code
}

// complete gives a line what it was not sent with. Stripe infers a behavior from
// the currency by countries' custom; the sandbox takes that to be exclusive.
func (x *TaxSettings) complete(l *TaxLine, code string) {
	if l.Code == "" {
		l.Code = code
	}
	if l.Behavior == "" && x.Behavior == "inclusive" {
		l.Behavior = "inclusive"
	}
	if l.Behavior == "" {
		l.Behavior = "exclusive"
	}
}

func retrieveTaxSettings(c *call) (answer, *Error) { return one{&c.st.TaxSettings}, nil }

func updateTaxSettings(c *call) (answer, *Error) {
	x := &c.st.TaxSettings
	before := c.seen(x)
	if defaults := c.params.At("defaults"); defaults != nil {
		update(defaults, "tax_behavior", &x.Behavior)
		update(defaults, "tax_code", &x.Code)
	}
	if office := c.params.At("head_office"); office != nil {
		x.Office = office
	}
	c.updated("tax.settings.updated", x, before)
	return one{x}, nil
}
