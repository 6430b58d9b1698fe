package payments

import (
	"cmp"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/catalog"
	"till/pkg/mail"
	"till/pkg/money"
	"till/pkg/problem"
	"till/pkg/store"
)

// Cart is what somebody wants to pay for: lines from the catalogue, or an amount
// where the operator lets clients name one. The app's backend may name any amount,
// and lines of its own.
type Cart struct {
	Items        []Line
	Lines        []OwnLine
	Amount       *int64 // minor units of Currency
	Currency     string // of Amount or Lines; of Items, where it is not to be their own
	Reference    string // the app's id for the cart, up to 64 characters
	ReceiptEmail string
	// Locale is that of mails to the customer, a language tag (BCP 47); empty: the best
	// that AcceptLanguage asks for, of the customer's request.
	Locale         string
	AcceptLanguage string
	Description    string
	Metadata       map[string]string
	// PromotionCode is what the customer has typed; with Items alone.
	PromotionCode string
	// CaptureMethod is the backend's alone to choose; empty: the operator's.
	CaptureMethod CaptureMethod

	setBy string // the server key whose word this is; empty: the customer's
}

// Line is a quantity of something in the catalogue.
type Line struct {
	PriceID  string // Stripe's price id or its lookup key
	Quantity int64
}

// What can be wrong with a cart.
var (
	ErrExactlyOneOf       = problem.New(problem.Invalid, "exactly_one_of", "Send exactly one of orderId, items, amount; with a server key, lines.")
	ErrClientAmount       = problem.New(problem.Forbidden, "client_amount_not_allowed", "This server takes prices from its catalogue only. Send items instead of amount.").At("amount")
	ErrAmountTooSmall     = problem.New(problem.Invalid, "amount_too_small", "The amount is too small.")
	ErrAmountTooLarge     = problem.New(problem.Invalid, "amount_too_large", "The amount is too large.")
	ErrAmountInvalid      = problem.New(problem.Invalid, "amount_invalid", "The amount cannot be charged in this currency.")
	ErrCurrencyUnknown    = problem.New(problem.Invalid, "currency_unknown", "The currency is not one that Stripe charges in.").At("currency")
	ErrQuantityTooSmall   = problem.New(problem.Invalid, "quantity_too_small", "The quantity is too small.")
	ErrCurrencyMismatch   = problem.New(problem.Invalid, "currency_mismatch", "All items of an order must have the same currency.")
	errValidation         = problem.New(problem.Invalid, "validation_failed", "The request is not valid.")
	errReceiptEmail       = errValidation.Detailf("receiptEmail must be one plain mail address, such as jenny@example.com.").At("receiptEmail")
	errLocale             = errValidation.Detailf("locale must be a language tag (BCP 47), such as de or de-AT.").At("locale")
	errReservedMetadata   = errValidation.Detailf("metadata names that start with till_ are Till's own.").At("metadata")
	errMetadataNameLength = errValidation.Detailf("metadata names have 1 to 40 characters and no square brackets.").At("metadata")
)

// check refuses what no catalogue is needed for to see that it is wrong.
// withOrder says that the request names an existing order beside the cart.
func (c Cart) check(withOrder bool) error {
	var sent []string
	if withOrder {
		sent = append(sent, "orderId")
	}
	if c.Items != nil {
		sent = append(sent, "items")
	}
	if c.Lines != nil {
		sent = append(sent, "lines")
	}
	if c.Amount != nil {
		sent = append(sent, "amount")
	}
	if len(sent) != 1 {
		got := "none of them"
		if len(sent) > 0 {
			got = strings.Join(sent, " and ")
		}
		return ErrExactlyOneOf.Detailf("Send exactly one of orderId, items, amount; this request has %s.", got)
	}
	switch {
	case (c.Amount != nil || c.Lines != nil) && c.Currency == "":
		return errValidation.Detailf("currency is required with %s.", sent[0]).At("currency")
	case c.PromotionCode != "" && c.Items == nil:
		return errValidation.Detailf("promotionCode goes with items, not with %s.", sent[0]).At("promotionCode")
	case withOrder && c.Currency != "":
		return errValidation.Detailf("currency belongs to a new order; leave it out with orderId.").At("currency")
	case withOrder && c.Reference != "":
		return errValidation.Detailf("reference belongs to a new order; leave it out with orderId.").At("reference")
	}
	if c.ReceiptEmail != "" && !plainAddress(c.ReceiptEmail) {
		return errReceiptEmail
	}
	if c.Locale != "" {
		if _, err := mail.ParseLocale(c.Locale); err != nil {
			return errLocale
		}
	}
	for name := range c.Metadata {
		if strings.HasPrefix(strings.ToLower(name), "till_") {
			return errReservedMetadata
		}
		if name == "" || len(name) > 40 || strings.ContainsAny(name, "[]") {
			return errMetadataNameLength
		}
	}
	return nil
}

// plainAddress takes an address without a name, comments or line breaks, at a host
// that has a name: jenny@[127.0.0.1] would have the mail server call a number.
func plainAddress(s string) bool {
	a, err := netmail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= 254 && !strings.ContainsAny(s, "\r\n[]")
}

// localeOf is the locale that a cart asks for, and whether it names it.
func (s *Service) localeOf(c Cart) (locale string, named bool) {
	if c.Locale != "" {
		locale, _ = mail.ParseLocale(c.Locale) // check has read it before
		return locale, true
	}
	return s.letters.Preferred(c.AcceptLanguage), false
}

// priced is a cart with what it costs.
type priced struct {
	total     money.Amount // less the promotion
	items     []itemRow
	setBy     string     // see Cart
	promotion *promotion // nil: none
}

// promotionID is what tells a cart's code from an order's.
func (p priced) promotionID() string {
	if p.promotion == nil {
		return ""
	}
	return p.promotion.ID
}

// summing is a cart as it is added up, line by line of a field of the request.
type summing struct {
	priced
	field string
}

// at names the line that comes next.
func (s *summing) at(err *problem.Error, name string) error {
	return err.At(fmt.Sprintf("%s[%d].%s", s.field, len(s.items), name))
}

// add takes a line of one currency into the sum, which the first one sets.
func (s *summing) add(line itemRow, currency money.Currency) error {
	units := line.pack().Units(line.Quantity)
	if units == 0 {
		return s.at(ErrQuantityTooSmall.Detailf("This is sold in packages of %d: order that many at least.", line.DivideBy), "quantity")
	}
	amount, err := money.Amount{Minor: line.UnitAmount, Currency: currency}.Times(units)
	if err != nil {
		return s.at(ErrAmountTooLarge, "quantity")
	}
	if len(s.items) == 0 {
		s.total = money.Amount{Currency: currency}
	}
	if currency != s.total.Currency {
		return s.at(ErrCurrencyMismatch, "priceId")
	}
	if s.total, err = s.total.Plus(amount); err != nil {
		return s.at(ErrAmountTooLarge, "quantity")
	}
	line.Position, line.Amount = int64(len(s.items)), amount.Minor
	s.items = append(s.items, line)
	return nil
}

// price adds the cart up, with the catalogue's prices where it has none of its own,
// and takes off what its promotion code gives to this owner.
func (s *Service) price(tx *gorm.DB, who auth.Principal, c Cart) (priced, error) {
	var prices *catalog.Prices
	if err := store.Send(tx, func(p *store.Pipe) { prices = s.catalog.Look(p, c.priceIDs()) }); err != nil {
		return priced{}, err
	}
	cart, err := s.priceAt(prices, c)
	if err == nil && c.PromotionCode != "" {
		err = s.discount(tx, who, c, &cart)
	}
	return cart, err
}

func (c Cart) priceIDs() []string {
	ids := make([]string, len(c.Items))
	for i, l := range c.Items {
		ids[i] = l.PriceID
	}
	return ids
}

// priceAt adds the cart up without its promotion code.
func (s *Service) priceAt(prices *catalog.Prices, c Cart) (priced, error) {
	if c.Amount != nil && c.setBy == "" && s.conf.AmountMax == 0 {
		return priced{}, ErrClientAmount
	}
	var currency money.Currency
	if c.Currency != "" || c.Items == nil {
		var err error
		if currency, err = money.ParseCurrency(c.Currency); err != nil {
			return priced{}, ErrCurrencyUnknown.Detailf("currency %q is not one that Stripe charges in.", c.Currency)
		}
	}
	if c.Items != nil {
		cart, err := priceItems(prices, c.Items, currency)
		if err == nil && c.PromotionCode == "" { // else its total is not known yet
			err = chargeable(cart.total, "items")
		}
		return cart, err
	}
	if c.Lines != nil {
		return priceOwn(c.Lines, currency)
	}
	a := money.Amount{Minor: *c.Amount, Currency: currency}
	if err := chargeable(a, "amount"); err != nil {
		return priced{}, err
	}
	if c.setBy == "" {
		if err := s.withinBounds(a); err != nil {
			return priced{}, err
		}
	}
	return priced{total: a, items: []itemRow{{Name: cmp.Or(c.Description, "Payment"), Quantity: 1, UnitAmount: a.Minor, Amount: a.Minor}}}, nil
}

// priceItems adds up lines of the catalogue, in this currency or, where it is empty,
// in the prices' own.
func priceItems(prices *catalog.Prices, lines []Line, currency money.Currency) (priced, error) {
	sum := summing{field: "items"}
	for _, l := range lines {
		p, err := prices.Find(l.PriceID)
		if refused, ok := problem.As(err); ok {
			return priced{}, sum.at(refused, "priceId")
		}
		unit, sold := p.In(cmp.Or(currency, p.Unit.Currency))
		if !sold {
			return priced{}, sum.at(ErrCurrencyMismatch.Detailf("The price %q is not sold in %s.", l.PriceID, currency), "priceId")
		}
		line := itemRow{
			PriceID: p.ID, ProductID: p.ProductID, Name: p.ProductName, Quantity: l.Quantity,
			UnitAmount: unit.Minor, DivideBy: p.Package.DivideBy, RoundUp: p.Package.RoundUp,
		}
		if err := sum.add(line, unit.Currency); err != nil {
			return priced{}, err
		}
	}
	return sum.priced, nil
}

// withinBounds holds an amount that a client names to what the operator allows.
func (s *Service) withinBounds(a money.Amount) error {
	switch {
	case a.Currency != s.conf.Currency:
		return ErrCurrencyMismatch.Detailf("Amounts are taken in %s only.", s.conf.Currency).At("currency")
	case a.Minor < s.conf.AmountMin:
		return ErrAmountTooSmall.Detailf("amount must be at least %d (minor units).", s.conf.AmountMin).At("amount")
	case a.Minor > s.conf.AmountMax:
		return ErrAmountTooLarge.Detailf("amount must be at most %d (minor units).", s.conf.AmountMax).At("amount")
	}
	return nil
}

func chargeable(a money.Amount, param string) error {
	err := a.Chargeable()
	var out *money.RangeError
	if !errors.As(err, &out) {
		return err
	}
	kind := ErrAmountInvalid
	switch {
	case a.Minor < out.Min:
		kind = ErrAmountTooSmall
	case a.Minor > out.Max:
		kind = ErrAmountTooLarge
	}
	return kind.Detailf("The total of %d %s %s.", a.Minor, a.Currency, out.Error()).At(param)
}

// inSteps refuses a part of an amount that Stripe's step of the currency does not allow.
func inSteps(minor int64, currency money.Currency, field string) error {
	if minor%currency.Step() == 0 {
		return nil
	}
	return ErrAmountInvalid.Detailf("%d (minor units of %s) is no multiple of %d.", minor, currency, currency.Step()).At(field)
}

// same reports whether an order holds just these lines.
func (p priced) same(order *orderRow, items []itemRow) bool {
	if order.Total != p.total.Minor || order.Currency != p.total.Currency || order.PromotionID != p.promotionID() || len(items) != len(p.items) {
		return false
	}
	for i := range items {
		a, b := items[i], p.items[i]
		renamed := p.setBy != "" && a.PriceID == "" && a.Name != b.Name
		if a.PriceID != b.PriceID || a.Quantity != b.Quantity || a.UnitAmount != b.UnitAmount || a.pack() != b.pack() || a.Discount != b.Discount || renamed {
			return false
		}
	}
	return true
}
