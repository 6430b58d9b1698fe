package sandbox

// TaxLine is a line of a tax calculation or of a tax transaction, or what is
// known of the shipping in one.
type TaxLine struct {
	object
	Of           string   `json:"of"` // Stripe's name of the line: tax.calculation_line_item
	Amount       int64    `json:"amount"`
	Tax          int64    `json:"amount_tax"`
	Behavior     string   `json:"tax_behavior"`
	Code         string   `json:"tax_code"`
	Product      string   `json:"product,omitempty"`
	Quantity     int64    `json:"quantity"`
	Reference    string   `json:"reference,omitempty"`
	Reason       string   `json:"reason,omitempty"`        // why it is taxed as it is
	Rate         string   `json:"rate,omitempty"`          // percent, "" if the tax is not imposed
	Reverses     string   `json:"reverses,omitempty"`      // line of the original transaction
	ShippingRate string   `json:"shipping_rate,omitempty"` // id of the shipping rate
	Place        taxPlace `json:"place"`
}

func (l *TaxLine) name() string { return l.Of }

func (l *TaxLine) render(w *writer) {
	w.int("amount", l.Amount)
	w.int("amount_tax", l.Tax)
	w.str("tax_behavior", l.Behavior)
	w.str("tax_code", l.Code)
	w.opt("product", l.Product)
	w.int("quantity", l.Quantity)
	w.opt("reference", l.Reference)
	switch {
	case l.Of == "tax.calculation_line_item":
		if w.expanded("tax_breakdown") {
			l.breakdown(w)
		}
	case l.Reverses != "":
		w.str("type", "reversal")
		w.sub("reversal", nil, func(w *writer) { w.str("original_line_item", l.Reverses) })
	default:
		w.str("type", "transaction")
	}
}

// renderShipping writes the fields of shipping_cost.
func (l *TaxLine) renderShipping(w *writer) {
	w.int("amount", l.Amount)
	w.int("amount_tax", l.Tax)
	w.str("tax_behavior", l.Behavior)
	w.str("tax_code", l.Code)
	w.opt("shipping_rate", l.ShippingRate)
	if w.t.Index("tax_breakdown") >= 0 && w.expanded("tax_breakdown") {
		l.breakdown(w)
	}
}

func (l *TaxLine) breakdown(w *writer) {
	w.each("tax_breakdown", 1, func(w *writer, _ int) {
		j, _ := l.Place.jurisdiction()
		w.int("amount", l.Tax)
		w.str("sourcing", "destination")
		w.str("taxability_reason", l.Reason)
		w.int("taxable_amount", l.taxable())
		w.sub("jurisdiction", nil, func(w *writer) {
			w.str("country", l.Place.Country)
			w.opt("state", l.Place.State)
			switch {
			case j.name != "":
				w.str("display_name", j.name)
			case l.Place.State != "":
				w.str("display_name", l.Place.State)
			default:
				w.str("display_name", l.Place.Country)
			}
			if l.Place.State != "" {
				w.str("level", "state")
			} else {
				w.str("level", "country")
			}
		})
		if l.Rate != "" {
			w.sub("tax_rate_details", nil, func(w *writer) {
				w.str("display_name", taxNames[j.kind])
				w.str("percentage_decimal", l.Rate)
				w.str("tax_type", j.kind)
			})
		}
	})
}

func (l *TaxLine) inclusive() bool { return l.Behavior == "inclusive" }

// taxable is the amount that the tax was reckoned of.
func (l *TaxLine) taxable() int64 {
	switch {
	case l.Rate == "":
		return 0
	case l.inclusive():
		return l.Amount - l.Tax
	}
	return l.Amount
}

// total is what is paid for the line.
func (l *TaxLine) total() int64 {
	if l.inclusive() {
		return l.Amount
	}
	return l.Amount + l.Tax
}

// impose reckons the tax of a line where it is sold. override is the customer's
// own standing: none, customer_exempt or reverse_charge.
func (l *TaxLine) impose(at taxPlace, override string) {
	l.Place = at
	j, collecting := at.jurisdiction()
	switch {
	case !collecting:
		l.Reason = "not_collecting"
	case override == "customer_exempt", override == "reverse_charge":
		l.Reason = override
	case l.Code == "txcd_00000000":
		l.Reason = "product_exempt"
	case l.inclusive():
		l.Reason, l.Rate, l.Tax = "standard_rated", j.rate, j.percent().within(l.Amount)
	default:
		l.Reason, l.Rate, l.Tax = "standard_rated", j.rate, j.percent().of(l.Amount)
	}
}

// linesPage lists lines in the order in which they were sent.
func linesPage(c *call, lines []*TaxLine) (answer, *Error) {
	var t table[*TaxLine]
	for i := len(lines) - 1; i >= 0; i-- {
		t.insert(lines[i])
	}
	return paged(c, &t, func(*TaxLine) bool { return true })
}

// allLines is the list of lines inside their calculation or transaction.
func allLines(url string, lines []*TaxLine) *page {
	p := &page{url: url}
	for _, l := range lines[:min(10, len(lines))] {
		p.data = append(p.data, l)
	}
	p.hasMore = len(lines) > 10
	return p
}

// number gives each line its id and its place, so that lists keep the order.
func number(lines []*TaxLine) {
	for i, l := range lines {
		l.ID, l.Seq = "tax_li_"+token(14), int64(len(lines)-i)
	}
}
