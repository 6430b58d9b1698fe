package sandbox

import (
	"regexp"
	"slices"
	"strings"

	"till/pkg/sandbox/internal/form"
)

// TaxID is the number by which a customer's authorities know him.
type TaxID struct {
	object
	Customer     string `json:"customer"`
	Type         string `json:"type"` // eu_vat
	Value        string `json:"value"`
	Verification string `json:"verification"` // pending, verified, unverified, unavailable
}

var taxIDRoutes = []route{
	{pattern: "POST /v1/customers/{customer}/tax_ids", answers: "tax_id", handle: createTaxID},
	{pattern: "GET /v1/customers/{customer}/tax_ids", answers: "list:tax_id", handle: listTaxIDs},
	{pattern: "GET /v1/customers/{customer}/tax_ids/{id}", answers: "tax_id", handle: retrieveTaxID},
	{pattern: "DELETE /v1/customers/{customer}/tax_ids/{id}", answers: "tax_id", handle: deleteTaxID},
}

// taxIDForms are the forms of the types that Stripe describes at
// https://stripe.com/docs/billing/customer/tax-ids; any other type takes any value.
var taxIDForms = map[string]*regexp.Regexp{
	"au_abn":     whole(`\d{11}`),
	"br_cnpj":    whole(`\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}`),
	"br_cpf":     whole(`\d{3}\.\d{3}\.\d{3}-\d{2}`),
	"ca_bn":      whole(`\d{9}`),
	"ca_gst_hst": whole(`\d{9}RT\d{4}`),
	"ch_vat":     whole(`CHE-?\d{3}\.\d{3}\.\d{3} (MWST|TVA|IVA)`),
	"eu_vat": whole(`ATU\d{8}|BE[01]\d{9}|BG\d{9,10}|CY\d{8}[A-Z]|CZ\d{8,10}|DE\d{9}|DK\d{8}|EE\d{9}|EL\d{9}|ES[A-Z0-9]\d{7}[A-Z0-9]|FI\d{8}|FR[A-Z0-9]{2}\d{9}|` +
		`HR\d{11}|HU\d{8}|IE\d[A-Z0-9]\d{5}[A-Z]{1,2}|IT\d{11}|LT\d{9}(\d{3})?|LU\d{8}|LV\d{11}|MT\d{8}|NL\d{9}B\d{2}|PL\d{10}|PT\d{9}|RO\d{2,10}|SE\d{12}|SI\d{8}|SK\d{10}|XI\d{9}`),
	"eu_oss_vat": whole(`EU\d{9}`),
	"gb_vat":     whole(`(GB|XI)\d{9}(\d{3})?`),
	"in_gst":     whole(`\d{2}[A-Z0-9]{13}`),
	"jp_cn":      whole(`\d{13}`),
	"kr_brn":     whole(`\d{3}-\d{2}-\d{5}`),
	"mx_rfc":     whole(`[A-ZÑ&]{3,4}\d{6}[A-Z0-9]{3}`),
	"no_vat":     whole(`\d{9}MVA`),
	"nz_gst":     whole(`\d{8,9}`),
	"sg_gst":     whole(`[A-Z0-9]{9,10}`),
	"us_ein":     whole(`\d{2}-\d{7}`),
	"za_vat":     whole(`4\d{9}`),
}

func whole(form string) *regexp.Regexp { return regexp.MustCompile(`^(` + form + `)$`) }

// verifiedTypes are those that Stripe asks an authority about. In tests the
// authority's answer stands in the number.
var (
	verifiedTypes = []string{"au_abn", "eu_vat", "gb_vat"}
	taxIDAnswers  = map[string]string{"000000000": "verified", "111111111": "unverified", "222222222": "pending"}
)

func (x *TaxID) name() string { return "tax_id" }

func (x *TaxID) render(w *writer) {
	w.ref("customer", x.Customer)
	w.opt("country", x.country())
	w.str("type", x.Type)
	w.str("value", x.Value)
	w.sub("owner", nil, func(w *writer) {
		w.str("type", "customer")
		w.ref("customer", x.Customer)
	})
	w.sub("verification", nil, func(w *writer) { w.str("status", x.Verification) })
}

// country is the type's own or, in the Union, that of the number; "" where neither has one.
func (x *TaxID) country() string {
	switch {
	case x.Type == "eu_oss_vat", x.Type == "eu_vat" && digits(x.Value[:2]): // digits: a number for tests
		return ""
	case x.Type != "eu_vat":
		return strings.ToUpper(x.Type[:2])
	case x.Value[:2] == "EL":
		return "GR"
	case x.Value[:2] == "XI": // Northern Ireland
		return "GB"
	}
	return x.Value[:2]
}

// newTaxID reads one; it is not yet anybody's.
func newTaxID(params *form.Value, at string) (*TaxID, *Error) {
	x := &TaxID{Type: params.Str("type"), Value: strings.TrimSpace(params.Str("value")), Verification: "unavailable"}
	if slices.Contains(verifiedTypes, x.Type) {
		x.Verification = "pending"
		if taxIDAnswers[x.Value] != "" {
			return x, nil
		}
	}
	if f := taxIDForms[x.Type]; f != nil && !f.MatchString(x.Value) || x.Value == "" {
		return nil, invalidRequest("tax_id_invalid", at, "Invalid value for "+x.Type+".")
	}
	return x, nil
}

// addTaxID gives a tax ID to a customer and asks the authority, which answers later.
func (c *call) addTaxID(u *Customer, x *TaxID) {
	x.Customer = u.ID
	c.create(&x.object, "txi_1"+token(23))
	c.st.TaxIDs.insert(x)
	c.emit("customer.tax_id.created", x)
	if x.Verification == "pending" && taxIDAnswers[x.Value] != "" {
		c.later(0, "tax_id_answer", x.ID)
	}
}

// answerTaxID is the authority's word.
func answerTaxID(c *call, id string) {
	x, ok := c.st.TaxIDs.find(id)
	if !ok {
		return
	}
	before := c.seen(x)
	x.Verification = taxIDAnswers[x.Value]
	c.updated("customer.tax_id.updated", x, before)
}

// taxIDsOf are the tax IDs of a customer, newest first.
func (st *state) taxIDsOf(customer string) []resource {
	var all []resource
	for i := len(st.TaxIDs.order) - 1; i >= 0; i-- {
		if x := st.TaxIDs.order[i]; x.Customer == customer {
			all = append(all, x)
		}
	}
	return all
}

func createTaxID(c *call) (answer, *Error) {
	u, refused := c.ownerInPath()
	if refused != nil {
		return nil, refused
	}
	x, refused := newTaxID(c.params, "value")
	if refused != nil {
		return nil, refused
	}
	c.addTaxID(u, x)
	return one{x}, nil
}

func (c *call) taxIDInPath() (*TaxID, *Error) {
	u, refused := c.ownerInPath()
	if refused != nil {
		return nil, refused
	}
	x, refused := needInPath(&c.st.TaxIDs, "tax_id", "id", c.path("id"))
	if refused == nil && x.Customer != u.ID {
		return nil, missingInPath("tax_id", "id", x.ID)
	}
	return x, refused
}

func retrieveTaxID(c *call) (answer, *Error) {
	x, refused := c.taxIDInPath()
	if refused != nil {
		return nil, refused
	}
	return one{x}, nil
}

func deleteTaxID(c *call) (answer, *Error) {
	x, refused := c.taxIDInPath()
	if refused != nil {
		return nil, refused
	}
	c.st.TaxIDs.remove(x.ID)
	c.emit("customer.tax_id.deleted", x)
	return deleted{"tax_id", x.ID}, nil
}

func listTaxIDs(c *call) (answer, *Error) {
	u, refused := c.ownerInPath()
	if refused != nil {
		return nil, refused
	}
	return paged(c, &c.st.TaxIDs, func(x *TaxID) bool { return x.Customer == u.ID })
}
