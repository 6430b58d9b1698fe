package sandbox

import (
	"slices"
	"strconv"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// TaxTransaction is tax that was collected, or given back where it reverses another.
type TaxTransaction struct {
	object
	Reference string         `json:"reference"`
	Currency  money.Currency `json:"currency"`
	Customer  string         `json:"customer,omitempty"`
	Details   *form.Value    `json:"customer_details,omitempty"`
	Lines     []*TaxLine     `json:"lines"`
	Shipping  *TaxLine       `json:"shipping,omitempty"`
	TaxDate   int64          `json:"tax_date"`
	Reverses  string         `json:"reverses,omitempty"` // the original transaction
}

var taxTransactionRoutes = []route{
	{pattern: "POST /v1/tax/transactions/create_from_calculation", answers: "tax.transaction", handle: createTaxTransaction},
	{pattern: "POST /v1/tax/transactions/create_reversal", answers: "tax.transaction", handle: createTaxReversal},
	{pattern: "GET /v1/tax/transactions/{transaction}", answers: "tax.transaction", handle: retrieveTaxTransaction},
	{pattern: "GET /v1/tax/transactions/{transaction}/line_items", answers: "list:tax.transaction_line_item", handle: listTransactionLines},
}

func (x *TaxTransaction) name() string { return "tax.transaction" }

func (x *TaxTransaction) render(w *writer) {
	w.str("reference", x.Reference)
	w.str("currency", string(x.Currency))
	w.opt("customer", x.Customer)
	renderCustomerDetails(w, x.Details)
	w.int("tax_date", x.TaxDate)
	if w.expanded("line_items") {
		w.page("line_items", allLines("/v1/tax/transactions/"+x.ID+"/line_items", x.Lines))
	}
	if x.Shipping != nil {
		w.sub("shipping_cost", nil, x.Shipping.renderShipping)
	}
	if x.Reverses == "" {
		w.str("type", "transaction")
		return
	}
	w.str("type", "reversal")
	w.sub("reversal", nil, func(w *writer) { w.str("original_transaction", x.Reverses) })
}

// addTaxTransaction makes a transaction part of the state.
func (c *call) addTaxTransaction(x *TaxTransaction) {
	number(x.Lines)
	c.create(&x.object, "tax_1"+token(23))
	c.st.TaxTransactions.insert(x)
}

// newReference refuses a reference that a transaction has already.
func (c *call) newReference() (string, *Error) {
	reference := c.params.Str("reference")
	for _, x := range c.st.TaxTransactions.order {
		if x.Reference == reference {
			return "", invalidRequest("resource_already_exists", "reference", "A tax transaction with the reference '"+reference+"' already exists.")
		}
	}
	return reference, nil
}

func createTaxTransaction(c *call) (answer, *Error) {
	from, refused := need(&c.st.TaxCalculations, "tax calculation", "calculation", c.params.Str("calculation"))
	if refused != nil {
		return nil, refused
	}
	if c.now > from.ExpiresAt {
		return nil, invalidRequest("", "calculation", "The tax calculation '"+from.ID+"' has expired.")
	}
	reference, refused := c.newReference()
	if refused != nil {
		return nil, refused
	}
	x := &TaxTransaction{Reference: reference, Currency: from.Currency, Customer: from.Customer, Details: from.Details, Shipping: from.Shipping, TaxDate: from.TaxDate}
	if refused := x.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	for _, l := range from.Lines {
		line := *l
		line.Of = "tax.transaction_line_item"
		if line.Reference == "" {
			line.Reference = l.ID
		}
		x.Lines = append(x.Lines, &line)
	}
	c.addTaxTransaction(x)
	return one{x}, nil
}

// remaining is what of a line, or of the shipping, no reversal has taken back yet.
func (c *call) remaining(x *TaxTransaction, l *TaxLine) (amount, tax int64) {
	amount, tax = l.Amount, l.Tax
	for _, r := range c.st.TaxTransactions.order {
		if r.Reverses != x.ID {
			continue
		}
		for _, back := range r.Lines {
			if l.ID != "" && back.Reverses == l.ID {
				amount, tax = amount+back.Amount, tax+back.Tax
			}
		}
		if l == x.Shipping && r.Shipping != nil {
			amount, tax = amount+r.Shipping.Amount, tax+r.Shipping.Tax
		}
	}
	return amount, tax
}

func createTaxReversal(c *call) (answer, *Error) {
	x, refused := need(&c.st.TaxTransactions, "tax transaction", "original_transaction", c.params.Str("original_transaction"))
	if refused != nil {
		return nil, refused
	}
	if x.Reverses != "" {
		return nil, invalidRequest("", "original_transaction", "A reversal cannot be reversed.")
	}
	r := &TaxTransaction{Currency: x.Currency, Customer: x.Customer, Details: x.Details, TaxDate: x.TaxDate, Reverses: x.ID}
	if r.Reference, refused = c.newReference(); refused != nil {
		return nil, refused
	}
	if refused := r.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	parts := c.params.Has("line_items") || c.params.Has("shipping_cost")
	switch flat := c.params.Has("flat_amount"); {
	case c.params.Str("mode") == "full" && (parts || flat):
		return nil, invalidRequest("", "mode", "`line_items`, `shipping_cost` and `flat_amount` can only be specified when `mode` is `partial`.")
	case c.params.Str("mode") == "full":
		refused = c.reverseAll(x, r)
	case parts && flat:
		return nil, invalidRequest("parameters_exclusive", "flat_amount", "`flat_amount` cannot be combined with `line_items` or `shipping_cost`.")
	case flat:
		refused = c.reverseFlat(x, r)
	case parts:
		refused = c.reverseParts(x, r)
	default:
		return nil, invalidRequest("parameter_missing", "line_items", "You must specify `line_items`, `shipping_cost` or `flat_amount` when `mode` is `partial`.")
	}
	if refused != nil {
		return nil, refused
	}
	c.addTaxTransaction(r)
	return one{r}, nil
}

// back is the line that takes amount and tax of l back; both are negative.
func back(l *TaxLine, amount, tax int64) *TaxLine {
	line := *l
	line.Amount, line.Tax, line.Reverses, line.Metadata = amount, tax, l.ID, nil
	return &line
}

func (c *call) reverseAll(x, r *TaxTransaction) *Error {
	for _, other := range c.st.TaxTransactions.order {
		if other.Reverses == x.ID {
			return invalidRequest("", "original_transaction", "The transaction '"+x.ID+"' cannot be fully reversed because it has been reversed in part or in full already.")
		}
	}
	for _, l := range x.Lines {
		r.Lines = append(r.Lines, back(l, -l.Amount, -l.Tax))
	}
	if x.Shipping != nil {
		r.Shipping = back(x.Shipping, -x.Shipping.Amount, -x.Shipping.Tax)
	}
	return nil
}

// reverseFlat spreads an amount that includes the taxes over what is left of the
// transaction's lines and shipping.
func (c *call) reverseFlat(x, r *TaxTransaction) *Error {
	lines := x.Lines
	if x.Shipping != nil {
		lines = append(lines[:len(lines):len(lines)], x.Shipping)
	}
	var left int64
	taxes, totals := make([]int64, len(lines)), make([]int64, len(lines))
	for i, l := range lines {
		totals[i], taxes[i] = c.remaining(x, l)
		if !l.inclusive() {
			totals[i] += taxes[i]
		}
		left += totals[i]
	}
	flat := -c.params.Int("flat_amount")
	switch {
	case flat <= 0:
		return invalidRequest("parameter_invalid_integer", "flat_amount", "This value must be less than 0.")
	case flat > left:
		return invalidRequest("", "flat_amount", "The flat amount is greater than what remains to be reversed of the transaction.")
	}
	for i, part := range spread(flat, totals) {
		if part == 0 {
			continue
		}
		tax := share(part, taxes[i], totals[i])
		amount := part
		if !lines[i].inclusive() {
			amount -= tax
		}
		line := back(lines[i], -amount, -tax)
		if lines[i] == x.Shipping {
			r.Shipping = line
		} else {
			r.Lines = append(r.Lines, line)
		}
	}
	return nil
}

// reverseParts takes back what was sent of single lines and of the shipping.
func (c *call) reverseParts(x, r *TaxTransaction) *Error {
	items := &form.Value{}
	if c.params.Has("line_items") {
		items = c.params.At("line_items")
	}
	for i, params := range items.List {
		at := "line_items[" + strconv.Itoa(i) + "]"
		var l *TaxLine
		for _, line := range x.Lines {
			if line.ID == params.Str("original_line_item") {
				l = line
			}
		}
		if l == nil {
			return missingInBody("tax transaction line item", at+"[original_line_item]", params.Str("original_line_item"))
		}
		if slices.ContainsFunc(r.Lines, func(back *TaxLine) bool { return back.Reverses == l.ID }) {
			return invalidRequest("", at+"[original_line_item]", "The line item '"+l.ID+"' is given more than once.")
		}
		line, refused := c.reversePart(x, l, params, at)
		if refused != nil {
			return refused
		}
		line.Reference = params.Str("reference")
		if params.Has("quantity") {
			line.Quantity = params.Int("quantity")
		}
		if refused := line.mergeMetadata(params); refused != nil {
			return refused
		}
		r.Lines = append(r.Lines, line)
	}
	params := c.params.At("shipping_cost")
	switch {
	case params == nil:
		return nil
	case x.Shipping == nil:
		return invalidRequest("", "shipping_cost", "The original transaction has no shipping cost.")
	}
	var refused *Error
	r.Shipping, refused = c.reversePart(x, x.Shipping, params, "shipping_cost")
	return refused
}

func (c *call) reversePart(x *TaxTransaction, l *TaxLine, params *form.Value, at string) (*TaxLine, *Error) {
	amount, tax := params.Int("amount"), params.Int("amount_tax")
	amountLeft, taxLeft := c.remaining(x, l)
	switch {
	case amount > 0:
		return nil, invalidRequest("parameter_invalid_integer", at+"[amount]", "This value must be less than or equal to 0.")
	case tax > 0:
		return nil, invalidRequest("parameter_invalid_integer", at+"[amount_tax]", "This value must be less than or equal to 0.")
	case amount < -amountLeft:
		return nil, invalidRequest("", at+"[amount]", "The amount is greater than what remains to be reversed.")
	case tax < -taxLeft:
		return nil, invalidRequest("", at+"[amount_tax]", "The tax is greater than what remains to be reversed.")
	}
	return back(l, amount, tax), nil
}

func (c *call) taxTransactionInPath() (*TaxTransaction, *Error) {
	return needInPath(&c.st.TaxTransactions, "tax transaction", "transaction", c.path("transaction"))
}

func retrieveTaxTransaction(c *call) (answer, *Error) {
	x, refused := c.taxTransactionInPath()
	if refused != nil {
		return nil, refused
	}
	return one{x}, nil
}

func listTransactionLines(c *call) (answer, *Error) {
	x, refused := c.taxTransactionInPath()
	if refused != nil {
		return nil, refused
	}
	return linesPage(c, x.Lines)
}
