package sandbox

import "strconv"

var searchRoutes = []route{
	{pattern: "GET /v1/charges/search", answers: "search:charge", handle: searchCharges},
	{pattern: "GET /v1/customers/search", answers: "search:customer", handle: searchCustomers},
	{pattern: "GET /v1/payment_intents/search", answers: "search:payment_intent", handle: searchPaymentIntents},
	{pattern: "GET /v1/prices/search", answers: "search:price", handle: searchPrices},
	{pattern: "GET /v1/products/search", answers: "search:product", handle: searchProducts},
}

// The fields of each resource, as https://stripe.com/docs/search lists them.
var (
	chargeFields = searchFields[*Charge]{
		"amount":                                  {searchNumber, func(ch *Charge) string { return decimalText(ch.Amount) }},
		"billing_details.address.postal_code":     {searchExact, func(ch *Charge) string { return ch.Billing.Str("address", "postal_code") }},
		"created":                                 {searchNumber, func(ch *Charge) string { return decimalText(ch.Created) }},
		"currency":                                {searchExact, func(ch *Charge) string { return string(ch.Currency) }},
		"customer":                                {searchExact, func(ch *Charge) string { return ch.Customer }},
		"disputed":                                {searchExact, func(ch *Charge) string { return strconv.FormatBool(ch.Dispute != "") }},
		"payment_method_details.card.brand":       {searchExact, ofCard(func(card *Card) string { return card.test().brand })},
		"payment_method_details.card.exp_month":   {searchNumber, ofCard(func(card *Card) string { return decimalText(card.ExpMonth) })},
		"payment_method_details.card.exp_year":    {searchNumber, ofCard(func(card *Card) string { return decimalText(card.ExpYear) })},
		"payment_method_details.card.fingerprint": {searchExact, ofCard(func(card *Card) string { return card.fingerprint() })},
		"payment_method_details.card.last4":       {searchExact, ofCard(func(card *Card) string { return card.last4() })},
		"refunded": {searchExact, func(ch *Charge) string {
			return strconv.FormatBool(ch.AmountRefunded > 0 && ch.AmountRefunded == ch.Amount)
		}},
		"status": {searchExact, func(ch *Charge) string {
			if ch.Paid {
				return "succeeded"
			}
			return "failed"
		}},
	}
	customerFields = searchFields[*Customer]{
		"created": {searchNumber, func(u *Customer) string { return decimalText(u.Created) }},
		"email":   {searchText, func(u *Customer) string { return u.Email }},
		"name":    {searchText, func(u *Customer) string { return u.Given["name"].Str() }},
		"phone":   {searchText, func(u *Customer) string { return u.Given["phone"].Str() }},
	}
	paymentIntentFields = searchFields[*PaymentIntent]{
		"amount":   {searchNumber, func(in *PaymentIntent) string { return decimalText(in.Amount) }},
		"created":  {searchNumber, func(in *PaymentIntent) string { return decimalText(in.Created) }},
		"currency": {searchExact, func(in *PaymentIntent) string { return string(in.Currency) }},
		"customer": {searchExact, func(in *PaymentIntent) string { return in.Customer }},
		"status":   {searchExact, func(in *PaymentIntent) string { return string(in.Status) }},
	}
	priceFields = searchFields[*Price]{
		"active":     {searchExact, func(p *Price) string { return strconv.FormatBool(p.Active) }},
		"currency":   {searchExact, func(p *Price) string { return string(p.Currency) }},
		"lookup_key": {searchExact, func(p *Price) string { return p.LookupKey }},
		"product":    {searchExact, func(p *Price) string { return p.Product }},
		"type":       {searchExact, func(p *Price) string { return p.kind() }},
	}
	productFields = searchFields[*Product]{
		"active":      {searchExact, func(p *Product) string { return strconv.FormatBool(p.Active) }},
		"description": {searchText, func(p *Product) string { return p.Given["description"].Str() }},
		"name":        {searchText, func(p *Product) string { return p.Given["name"].Str() }},
		"shippable":   {searchExact, func(p *Product) string { return p.Given["shippable"].Str() }},
		"url":         {searchText, func(p *Product) string { return p.Given["url"].Str() }},
	}
)

func decimalText(n int64) string { return strconv.FormatInt(n, 10) }

func every[T resource](T) bool { return true }

// ofCard reads the card that a charge was for, "" where something else paid.
func ofCard(read func(card *Card) string) func(ch *Charge) string {
	return func(ch *Charge) string {
		if ch.Card.Number == "" {
			return ""
		}
		return read(&ch.Card)
	}
}

func searchCharges(c *call) (answer, *Error) {
	return searched(c, "charges", &c.st.Charges, chargeFields, every[*Charge])
}

func searchCustomers(c *call) (answer, *Error) {
	return searched(c, "customers", &c.st.Customers, customerFields, func(u *Customer) bool { return !u.Deleted })
}

func searchPaymentIntents(c *call) (answer, *Error) {
	return searched(c, "payment_intents", &c.st.Intents, paymentIntentFields, every[*PaymentIntent])
}

func searchPrices(c *call) (answer, *Error) {
	return searched(c, "prices", &c.st.Prices, priceFields, every[*Price])
}

func searchProducts(c *call) (answer, *Error) {
	return searched(c, "products", &c.st.Products, productFields, every[*Product])
}
