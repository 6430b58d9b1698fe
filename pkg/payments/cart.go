package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"gorm.io/gorm"

	"till/pkg/catalog"
	"till/pkg/money"
	"till/pkg/problem"
)

// Cart is what somebody wants to pay for: lines from the catalogue, or an amount
// where the operator lets clients name one.
type Cart struct {
	Items        []Line
	Amount       *int64 // minor units of Currency
	Currency     string
	Reference    string // the app's id for the cart, up to 64 characters
	ReceiptEmail string
	Description  string
	Metadata     map[string]string
}

// Line is a quantity of something in the catalogue.
type Line struct {
	PriceID  string // Stripe's price id or its lookup key
	Quantity int64
}

// What can be wrong with a cart.
var (
	ErrExactlyOneOf       = problem.New(problem.Invalid, "exactly_one_of", "Send exactly one of orderId, items, amount.")
	ErrClientAmount       = problem.New(problem.Forbidden, "client_amount_not_allowed", "This server takes prices from its catalogue only. Send items instead of amount.").At("amount")
	ErrAmountTooSmall     = problem.New(problem.Invalid, "amount_too_small", "The amount is too small.")
	ErrAmountTooLarge     = problem.New(problem.Invalid, "amount_too_large", "The amount is too large.")
	ErrAmountInvalid      = problem.New(problem.Invalid, "amount_invalid", "The amount cannot be charged in this currency.")
	ErrCurrencyUnknown    = problem.New(problem.Invalid, "currency_unknown", "The currency is not one that Stripe charges in.").At("currency")
	ErrCurrencyMismatch   = problem.New(problem.Invalid, "currency_mismatch", "All items of an order must have the same currency.")
	errValidation         = problem.New(problem.Invalid, "validation_failed", "The request is not valid.")
	errReceiptEmail       = errValidation.Detailf("receiptEmail must be one plain mail address, such as jenny@example.com.").At("receiptEmail")
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
	case c.Amount != nil && c.Currency == "":
		return errValidation.Detailf("currency is required with amount.").At("currency")
	case c.Amount == nil && c.Currency != "":
		return errValidation.Detailf("currency goes with amount only; items have their own.").At("currency")
	case withOrder && c.Reference != "":
		return errValidation.Detailf("reference belongs to a new order; leave it out with orderId.").At("reference")
	}
	if c.ReceiptEmail != "" && !plainAddress(c.ReceiptEmail) {
		return errReceiptEmail
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
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= 254 && !strings.ContainsAny(s, "\r\n[]")
}

// priced is a cart with what it costs.
type priced struct {
	total money.Amount
	items []itemRow
}

// price looks the cart up in the catalogue and adds it up.
func (s *Service) price(ctx context.Context, tx *gorm.DB, c Cart) (priced, error) {
	if c.Amount != nil {
		return s.priceAmount(*c.Amount, c.Currency, cmp.Or(c.Description, "Payment"))
	}
	ids := make([]string, len(c.Items))
	for i, l := range c.Items {
		ids[i] = l.PriceID
	}
	prices, err := s.catalog.Resolve(ctx, tx, ids)
	if err != nil {
		return priced{}, atLine(err, c.Items)
	}
	var out priced
	for i, l := range c.Items {
		p := prices[l.PriceID]
		amount, err := p.Unit.Times(l.Quantity)
		if err != nil {
			return priced{}, ErrAmountTooLarge.At(fmt.Sprintf("items[%d].quantity", i))
		}
		if i == 0 {
			out.total = money.Amount{Currency: p.Unit.Currency}
		}
		if p.Unit.Currency != out.total.Currency {
			return priced{}, ErrCurrencyMismatch.At(fmt.Sprintf("items[%d].priceId", i))
		}
		if out.total, err = out.total.Plus(amount); err != nil {
			return priced{}, ErrAmountTooLarge.At(fmt.Sprintf("items[%d].quantity", i))
		}
		out.items = append(out.items, itemRow{
			Position: int64(i), PriceID: p.ID, ProductID: p.ProductID, Name: p.ProductName,
			Quantity: l.Quantity, UnitAmount: p.Unit.Minor, Amount: amount.Minor,
		})
	}
	return out, chargeable(out.total, "items")
}

func (s *Service) priceAmount(minor int64, code, name string) (priced, error) {
	if s.conf.AmountMax == 0 {
		return priced{}, ErrClientAmount
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return priced{}, ErrCurrencyUnknown.Detailf("currency %q is not one that Stripe charges in.", code)
	}
	a := money.Amount{Minor: minor, Currency: currency}
	if err := chargeable(a, "amount"); err != nil {
		return priced{}, err
	}
	switch {
	case currency != s.conf.Currency:
		return priced{}, ErrCurrencyMismatch.Detailf("Amounts are taken in %s only.", s.conf.Currency).At("currency")
	case minor < s.conf.AmountMin:
		return priced{}, ErrAmountTooSmall.Detailf("amount must be at least %d (minor units).", s.conf.AmountMin).At("amount")
	case minor > s.conf.AmountMax:
		return priced{}, ErrAmountTooLarge.Detailf("amount must be at most %d (minor units).", s.conf.AmountMax).At("amount")
	}
	return priced{total: a, items: []itemRow{{Name: name, Quantity: 1, UnitAmount: minor, Amount: minor}}}, nil
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

// atLine names the line whose price the catalogue refused.
func atLine(err error, lines []Line) error {
	var refused *catalog.PriceError
	if !errors.As(err, &refused) {
		return err
	}
	p, ok := problem.As(err)
	if !ok {
		return err
	}
	for i, l := range lines {
		if l.PriceID == refused.ID {
			return p.At(fmt.Sprintf("items[%d].priceId", i))
		}
	}
	return err
}

// same reports whether an order holds just these lines.
func (p priced) same(order *orderRow, items []itemRow) bool {
	if order.Total != p.total.Minor || order.Currency != p.total.Currency || len(items) != len(p.items) {
		return false
	}
	for i := range items {
		a, b := items[i], p.items[i]
		if a.PriceID != b.PriceID || a.Quantity != b.Quantity || a.UnitAmount != b.UnitAmount {
			return false
		}
	}
	return true
}
