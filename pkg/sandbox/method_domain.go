package sandbox

import (
	"regexp"
	"strings"
)

// MethodDomain is a domain on which wallets may be shown.
type MethodDomain struct {
	object
	Domain  string `json:"domain"`
	Enabled bool   `json:"enabled"`
}

var methodDomainRoutes = []route{
	{pattern: "POST /v1/payment_method_domains", answers: "payment_method_domain", handle: createMethodDomain},
	{pattern: "GET /v1/payment_method_domains", answers: "list:payment_method_domain", handle: listMethodDomains},
	{pattern: "GET /v1/payment_method_domains/{payment_method_domain}", answers: "payment_method_domain", handle: retrieveMethodDomain},
	{pattern: "POST /v1/payment_method_domains/{payment_method_domain}", answers: "payment_method_domain", handle: updateMethodDomain},
	{pattern: "POST /v1/payment_method_domains/{payment_method_domain}/validate", answers: "payment_method_domain", handle: retrieveMethodDomain},
}

var domainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$`)

func (d *MethodDomain) name() string { return "payment_method_domain" }

// In a sandbox nothing stands behind a domain that could be asked: whoever
// registers one has it, with every wallet.
func (d *MethodDomain) render(w *writer) {
	w.str("domain_name", d.Domain)
	w.bool("enabled", d.Enabled)
	for _, wallet := range []string{"apple_pay", "google_pay", "link", "paypal"} {
		w.sub(wallet, nil, func(w *writer) { w.str("status", "active") })
	}
}

func createMethodDomain(c *call) (answer, *Error) {
	d := &MethodDomain{Domain: strings.ToLower(c.params.Str("domain_name")), Enabled: !c.params.Has("enabled") || c.params.Bool("enabled")}
	if !domainForm.MatchString(d.Domain) {
		return nil, invalidRequest("", "domain_name", "Invalid domain name: "+c.params.Str("domain_name")+". Pass a domain without scheme, port or path, such as shop.example.com.")
	}
	for _, other := range c.st.MethodDomains.order {
		if other.Domain == d.Domain {
			return nil, invalidRequest("resource_already_exists", "domain_name", "The domain "+d.Domain+" is registered already (`"+other.ID+"`).")
		}
	}
	c.create(&d.object, "pmd_1"+token(23))
	c.st.MethodDomains.insert(d)
	return one{d}, nil
}

func (c *call) methodDomainInPath() (*MethodDomain, *Error) {
	return needInPath(&c.st.MethodDomains, "payment_method_domain", "payment_method_domain", c.path("payment_method_domain"))
}

// retrieveMethodDomain is also what validating comes to, see render.
func retrieveMethodDomain(c *call) (answer, *Error) {
	d, refused := c.methodDomainInPath()
	if refused != nil {
		return nil, refused
	}
	return one{d}, nil
}

func updateMethodDomain(c *call) (answer, *Error) {
	d, refused := c.methodDomainInPath()
	if refused != nil {
		return nil, refused
	}
	if c.params.Has("enabled") {
		d.Enabled = c.params.Bool("enabled")
	}
	return one{d}, nil
}

func listMethodDomains(c *call) (answer, *Error) {
	domain := c.params.Str("domain_name")
	return paged(c, &c.st.MethodDomains, func(d *MethodDomain) bool {
		return (domain == "" || d.Domain == domain) && (!c.params.Has("enabled") || d.Enabled == c.params.Bool("enabled"))
	})
}
