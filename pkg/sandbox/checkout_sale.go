package sandbox

import (
	"strconv"
	"strings"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// checkoutSale is what a session sells while it is being read. Prices, products
// and ways of delivery without an id are new: they become part of the state once
// nothing can be refused any more.
type checkoutSale struct {
	rows     []soldRow
	shipping []*ShippingRate
}

type soldRow struct {
	line    *LineItem
	price   *Price
	product *Product
}

// readSale reads what is sold, and refuses what cannot be.
func (c *call) readSale(s *CheckoutSession, params *form.Value) (*checkoutSale, *Error) {
	sold := &checkoutSale{}
	s.Currency = money.Currency(params.Str("currency"))
	for i, item := range list(params, "line_items") {
		at := "line_items[" + strconv.Itoa(i) + "]"
		row, refused := c.readRow(item, at)
		if refused != nil {
			return nil, refused
		}
		if s.Currency == "" {
			s.Currency = row.price.Currency
		}
		if row.price.in(s.Currency) == nil {
			return nil, invalidRequest("", at, "The price specified only supports `"+string(row.price.Currency)+"`. This doesn't match the expected currency: `"+string(s.Currency)+"`.")
		}
		row.line.Currency = s.Currency
		sold.rows = append(sold.rows, row)
	}
	for i, name := range s.Types {
		if !typeNamed(name).paysIn(s.Currency) {
			return nil, invalidRequest("", "payment_method_types["+strconv.Itoa(i)+"]", "The payment method `"+name+"` cannot be used with the currency `"+string(s.Currency)+"`.")
		}
	}
	if len(sold.rows) > 100 {
		return nil, invalidRequest("", "line_items", "You may only specify up to 100 line items.")
	}
	var refused *Error
	if sold.shipping, refused = c.readShipping(s, list(params, "shipping_options")); refused != nil {
		return nil, refused
	}
	if given := list(params, "discounts"); len(given) == 1 {
		if s.Discount, refused = c.readDiscount(s, given[0], sold); refused != nil {
			return nil, refused
		}
	}
	return sold, sold.admitTotal(s)
}

// admitTotal refuses what comes to less than can be charged; nothing at all is fine.
func (sold *checkoutSale) admitTotal(s *CheckoutSession) *Error {
	total, custom := int64(0), false
	for i, n := range sold.amounts(s) {
		total += n
		custom = custom || sold.rows[i].price.in(s.Currency).Custom != nil
	}
	if s.Discount != nil {
		if off, ok := s.Discount.Coupon.discounts(s.Currency, sold.sales(s)); ok {
			for _, n := range off {
				total -= n
			}
		}
	}
	if len(sold.shipping) > 0 {
		total += sold.shipping[0].Costs[s.Currency].Amount
	}
	if total == 0 || custom {
		return nil
	}
	return checkoutAmount(total, s.Currency)
}

// checkoutAmount is checkAmount in the words that Checkout has for it.
func checkoutAmount(total int64, currency money.Currency) *Error {
	refused := checkAmount(total, currency)
	if refused == nil {
		return nil
	}
	refused.Param = ""
	if refused.Code == "amount_too_small" {
		refused.Message = "The Checkout Session's total amount due must add up to at least" + strings.TrimPrefix(refused.Message, "Amount must be at least")
	}
	return refused
}

func (sold *checkoutSale) amounts(s *CheckoutSession) []int64 {
	all := make([]int64, len(sold.rows))
	for i, row := range sold.rows {
		all[i], _ = row.price.total(s.Currency, row.line.Quantity)
	}
	return all
}

func (sold *checkoutSale) sales(s *CheckoutSession) []sale {
	all := make([]sale, len(sold.rows))
	for i, n := range sold.amounts(s) {
		all[i] = sale{Product: sold.rows[i].price.Product, Amount: n}
	}
	return all
}

// readRow reads one of line_items.
func (c *call) readRow(item *form.Value, at string) (row soldRow, refused *Error) {
	row.line = &LineItem{Quantity: item.Int("quantity"), Rates: item.Strs("tax_rates"), Dynamic: item.Strs("dynamic_tax_rates")}
	switch {
	case item.Set("price") == item.Has("price_data"):
		return row, invalidRequest("", at, "You must specify either `price` or `price_data` for each line item.")
	case item.Set("price"):
		row.price, refused = need(&c.st.Prices, "price", at+"[price]", item.Str("price"))
	default:
		row.price, row.product, refused = c.readPriceData(item.At("price_data"), at+"[price_data]")
	}
	if refused != nil {
		return row, refused
	}
	if !item.Has("price_data") {
		if refused := c.admitPrice(row.price, at); refused != nil {
			return row, refused
		}
	}
	if row.product == nil {
		row.product, _ = c.st.Products.find(row.price.Product)
	}
	row.line.Text = row.product.Given["name"].Str()
	if adjustable := item.At("adjustable_quantity"); adjustable.Bool("enabled") {
		row.line.Adjustable = adjustable
	}
	custom := row.price.in(row.price.Currency).Custom
	low, high := row.line.bounds()
	switch n := row.line.Quantity; {
	case row.price.kind() == "recurring":
		return row, invalidRequest("", at, "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
	case !item.Set("quantity"):
		return row, invalidRequest("parameter_missing", at+"[quantity]", "Quantity is required. Add `quantity` to `"+at+"`")
	case n < 1:
		return row, invalidRequest("parameter_invalid_integer", at+"[quantity]", "This value must be greater than or equal to 1.")
	case row.line.Adjustable != nil && (n < low || n > high):
		return row, invalidRequest("", at+"[quantity]", "The quantity must be between the minimum and the maximum of `adjustable_quantity`.")
	case custom != nil && n != 1:
		return row, invalidRequest("", at+"[quantity]", "Line items with a `custom_unit_amount` must have a quantity of 1.")
	}
	if custom != nil {
		row.line.Chosen = custom.Int("preset")
	}
	return row, c.admitRates(row.line, at)
}

// bounds are those within which the payer may choose the quantity.
func (l *LineItem) bounds() (low, high int64) {
	low, high = l.Adjustable.Int("minimum"), 99
	if l.Adjustable.Set("maximum") {
		high = l.Adjustable.Int("maximum")
	}
	return low, high
}

// admitPrice refuses a price that is not for sale.
func (c *call) admitPrice(p *Price, at string) *Error {
	product, _ := c.st.Products.find(p.Product)
	switch {
	case !p.Active:
		return invalidRequest("", at+"[price]", "The price specified is inactive. This field only accepts active prices.")
	case !product.Active:
		return invalidRequest("", at+"[price]", "This price is not available to be purchased because its product is not active.")
	}
	return nil
}

func (c *call) admitRates(l *LineItem, at string) *Error {
	if len(l.Rates) > 0 && len(l.Dynamic) > 0 {
		return invalidRequest("parameters_exclusive", at+"[tax_rates]", "You may only specify one of these parameters: tax_rates, dynamic_tax_rates.")
	}
	for name, ids := range map[string][]string{"tax_rates": l.Rates, "dynamic_tax_rates": l.Dynamic} {
		for i, id := range ids {
			x, refused := need(&c.st.TaxRates, "tax rate", at+"["+name+"]["+strconv.Itoa(i)+"]", id)
			if refused != nil {
				return refused
			}
			if !x.Active {
				return invalidRequest("", at+"["+name+"]["+strconv.Itoa(i)+"]", "The tax rate "+id+" is archived and cannot be used.")
			}
		}
	}
	return nil
}

// readPriceData reads a price that is made for this session alone.
func (c *call) readPriceData(data *form.Value, at string) (*Price, *Product, *Error) {
	p, refused := c.newPrice(data, at)
	if refused != nil {
		return nil, nil, refused
	}
	p.Active = false // it is not to be sold again
	switch id := data.Str("product"); {
	case (id != "") == data.Has("product_data"):
		return nil, nil, invalidRequest("", at, "You must specify either `product` or `product_data` when creating a price.")
	case id != "":
		product, refused := need(&c.st.Products, "product", at+"[product]", id)
		if refused == nil && !product.Active {
			refused = invalidRequest("", at+"[product]", "The product "+id+" is marked as inactive, and thus no new prices can be created with it.")
		}
		p.Product = id
		return p, product, refused
	}
	product, refused := c.newProduct(data.At("product_data"), at+"[product_data]")
	if refused == nil {
		product.Active = false
	}
	return p, product, refused
}

// readShipping reads the ways of delivery; those described by shipping_rate_data are new.
func (c *call) readShipping(s *CheckoutSession, options []*form.Value) ([]*ShippingRate, *Error) {
	var all []*ShippingRate
	for i, option := range options {
		at := "shipping_options[" + strconv.Itoa(i) + "]"
		var rate *ShippingRate
		var refused *Error
		switch id := option.Str("shipping_rate"); {
		case (id != "") == option.Has("shipping_rate_data"):
			return nil, invalidRequest("", at, "You must specify either `shipping_rate` or `shipping_rate_data` for each shipping option.")
		case id != "":
			rate, refused = need(&c.st.ShippingRates, "shipping rate", at+"[shipping_rate]", id)
		default:
			rate, refused = newShippingRate(option.At("shipping_rate_data"), at+"[shipping_rate_data]")
		}
		switch {
		case refused != nil:
			return nil, refused
		case !rate.Active:
			return nil, invalidRequest("", at+"[shipping_rate]", "The shipping rate "+rate.ID+" is archived and cannot be used.")
		case rate.Costs[s.Currency] == nil:
			return nil, invalidRequest("", at, "The shipping rate specified only supports `"+string(rate.Currency)+"`. This doesn't match the expected currency: `"+string(s.Currency)+"`.")
		}
		all = append(all, rate)
	}
	return all, nil
}

func (c *call) addShippingRate(rate *ShippingRate) {
	c.create(&rate.object, "shr_1"+token(23))
	c.st.ShippingRates.insert(rate)
}

// readDiscount reads the coupon or promotion code that the session begins with.
func (c *call) readDiscount(s *CheckoutSession, given *form.Value, sold *checkoutSale) (*Discount, *Error) {
	d := &Discount{Customer: s.Customer}
	var total int64
	for _, n := range sold.amounts(s) {
		total += n
	}
	at := "discounts[0][coupon]"
	switch coupon, code := given.Str("coupon"), given.Str("promotion_code"); {
	case (coupon == "") == (code == ""):
		return nil, invalidRequest("", "discounts[0]", "You must specify either `coupon` or `promotion_code` for each discount.")
	case coupon != "":
		k, refused := need(&c.st.Coupons, "coupon", at, coupon)
		if refused != nil {
			return nil, refused
		}
		d.Coupon = k
	default:
		at = "discounts[0][promotion_code]"
		p, refused := need(&c.st.PromotionCodes, "promotion code", at, code)
		if refused != nil {
			return nil, refused
		}
		if !p.active(c.st, c.now) {
			return nil, invalidRequest("", at, "This promotion code is not active.")
		}
		if refused := c.restricts(p, at, s.Customer, money.Amount{Minor: total, Currency: s.Currency}); refused != nil {
			return nil, refused
		}
		d.Promotion, d.Coupon = p.ID, p.coupon(c.st)
	}
	if !d.Coupon.valid(c.now) {
		return nil, invalidRequest("", at, "Coupon "+d.Coupon.ID+" is used up or expired and cannot be applied.")
	}
	if _, applies := d.Coupon.discounts(s.Currency, sold.sales(s)); !applies {
		return nil, invalidRequest("", at, "This coupon cannot be redeemed because it does not apply to anything in this order.")
	}
	return d, nil
}

// addSale makes what was read part of the state.
func (c *call) addSale(s *CheckoutSession, sold *checkoutSale) {
	for _, row := range sold.rows {
		if row.product.ID == "" {
			c.addProduct(row.product)
		}
		if row.price.ID == "" {
			row.price.Product = row.product.ID
			c.addPrice(row.price)
		}
		row.line.Price = row.price.ID
		s.Lines = append(s.Lines, row.line)
	}
	numberLines(s.Lines)
	for _, rate := range sold.shipping {
		if rate.ID == "" {
			c.addShippingRate(rate)
		}
		s.ShippingRates = append(s.ShippingRates, rate.ID)
	}
	if len(s.ShippingRates) > 0 {
		s.ShippingRate = s.ShippingRates[0]
	}
	if s.Discount != nil {
		c.startDiscount(s.Discount)
	}
}

func (c *call) startDiscount(d *Discount) {
	d.ID, d.Created = "di_1"+token(23), c.now
}
