package payments

import (
	"cmp"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"

	"gorm.io/gorm"

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
	Currency     string // of Amount or Lines
	Reference    string // the app's id for the cart, up to 64 characters
	ReceiptEmail string
	// Locale is that of mails to the customer, a language tag (BCP 47); empty: the best
	// that AcceptLanguage asks for, of the customer's request.
	Locale         string
	AcceptLanguage string
	Description    string
	Metadata       map[string]string
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
	case c.Amount == nil && c.Lines == nil && c.Currency != "":
		return errValidation.Detailf("currency goes with amount or lines; items have their own.").At("currency")
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
	total money.Amount
	items []itemRow
	setBy string // see Cart
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
	amount, err := money.Amount{Minor: line.UnitAmount, Currency: currency}.Times(line.Quantity)
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

// price adds the cart up, with the catalogue's prices where it has none of its own.
func (s *Service) price(tx *gorm.DB, c Cart) (priced, error) {
	var prices *catalog.Prices
	if err := store.Send(tx, func(p *store.Pipe) { prices = s.catalog.Look(p, c.priceIDs()) }); err != nil {
		return priced{}, err
	}
	return s.priceAt(prices, c)
}

func (c Cart) priceIDs() []string {
	ids := make([]string, len(c.Items))
	for i, l := range c.Items {
		ids[i] = l.PriceID
	}
	return ids
}

func (s *Service) priceAt(prices *catalog.Prices, c Cart) (priced, error) {
	if c.Items != nil {
		return priceItems(prices, c.Items)
	}
	if c.Amount != nil && c.setBy == "" && s.conf.AmountMax == 0 {
		return priced{}, ErrClientAmount
	}
	currency, err := money.ParseCurrency(c.Currency)
	if err != nil {
		return priced{}, ErrCurrencyUnknown.Detailf("currency %q is not one that Stripe charges in.", c.Currency)
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

func priceItems(prices *catalog.Prices, lines []Line) (priced, error) {
	sum := summing{field: "items"}
	for _, l := range lines {
		p, err := prices.Find(l.PriceID)
		if refused, ok := problem.As(err); ok {
			return priced{}, sum.at(refused, "priceId")
		}
		line := itemRow{PriceID: p.ID, ProductID: p.ProductID, Name: p.ProductName, Quantity: l.Quantity, UnitAmount: p.Unit.Minor}
		if err := sum.add(line, p.Unit.Currency); err != nil {
			return priced{}, err
		}
	}
	return sum.priced, chargeable(sum.total, "items")
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

// same reports whether an order holds just these lines.
func (p priced) same(order *orderRow, items []itemRow) bool {
	if order.Total != p.total.Minor || order.Currency != p.total.Currency || len(items) != len(p.items) {
		return false
	}
	for i := range items {
		a, b := items[i], p.items[i]
		renamed := p.setBy != "" && a.PriceID == "" && a.Name != b.Name
		if a.PriceID != b.PriceID || a.Quantity != b.Quantity || a.UnitAmount != b.UnitAmount || renamed {
			return false
		}
	}
	return true
}
