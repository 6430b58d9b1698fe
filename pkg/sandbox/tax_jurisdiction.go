package sandbox

import "strings"

// jurisdiction is a place whose tax the sandbox's merchant collects.
type jurisdiction struct {
	name string
	kind string // Stripe's tax_type
	rate string // percent, as Stripe writes percentage_decimal
	zips string // first and last ZIP prefix of a state, for addresses without one
}

// jurisdictions is where the merchant is registered, by country or by country and
// state. The rates are tests' to rely on and never change: a state's own rate
// stands for its counties and cities too. Anywhere else no tax is collected, and
// the reason is not_collecting. The tax code txcd_00000000 is exempt everywhere.
var jurisdictions = map[string]jurisdiction{
	"US-CA": {"California", "sales_tax", "7.25", "900-961"},
	"US-NY": {"New York", "sales_tax", "4.0", "100-149"},
	"US-TX": {"Texas", "sales_tax", "6.25", "750-799"},
	"US-WA": {"Washington", "sales_tax", "6.5", "980-994"},
	"CA-AB": {"Alberta", "gst", "5.0", ""},
	"CA-ON": {"Ontario", "hst", "13.0", ""},
	"AT":    {"Austria", "vat", "20.0", ""},
	"AU":    {"Australia", "gst", "10.0", ""},
	"DE":    {"Germany", "vat", "19.0", ""},
	"ES":    {"Spain", "vat", "21.0", ""},
	"FR":    {"France", "vat", "20.0", ""},
	"GB":    {"United Kingdom", "vat", "20.0", ""},
	"IE":    {"Ireland", "vat", "23.0", ""},
	"IT":    {"Italy", "vat", "22.0", ""},
	"JP":    {"Japan", "jct", "10.0", ""},
	"NL":    {"Netherlands", "vat", "21.0", ""},
	"NZ":    {"New Zealand", "gst", "15.0", ""},
}

// taxNames are what is printed for a tax_type.
var taxNames = map[string]string{"sales_tax": "Sales Tax", "vat": "VAT", "gst": "GST", "hst": "HST", "jct": "JCT"}

// taxPlace is where somebody is for tax: a country, and a state where states tax.
type taxPlace struct {
	Country string `json:"country"`
	State   string `json:"state,omitempty"`
}

// locate finds the place of an address, false if the address says too little.
func locate(country, state, zip string) (taxPlace, bool) {
	switch {
	case len(country) != 2 || strings.Trim(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return taxPlace{}, false
	case country != "US" && country != "CA":
		return taxPlace{Country: country}, true
	case state != "":
		return taxPlace{country, strings.ToUpper(state)}, true
	case country == "US" && len(zip) >= 5 && digits(zip[:5]):
		return taxPlace{country, stateOf(zip)}, true
	}
	return taxPlace{}, false
}

// stateOf is the state of a ZIP code, "" for those where no tax is collected.
func stateOf(zip string) string {
	for key, j := range jurisdictions {
		first, last, ok := strings.Cut(j.zips, "-")
		if ok && zip[:3] >= first && zip[:3] <= last {
			return strings.TrimPrefix(key, "US-")
		}
	}
	return ""
}

// jurisdiction is false where no tax is collected.
func (p taxPlace) jurisdiction() (jurisdiction, bool) {
	key := p.Country
	if p.State != "" {
		key += "-" + p.State
	}
	j, ok := jurisdictions[key]
	return j, ok
}

func (j jurisdiction) percent() percent {
	p, _ := parsePercent(j.rate) // from the table above
	return p
}
