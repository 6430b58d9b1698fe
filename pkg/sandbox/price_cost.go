package sandbox

import (
	"math/big"
	"strconv"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// Cost is what a price asks for in one currency.
type Cost struct {
	UnitAmount  *int64      `json:"unit_amount,omitempty"` // minor units; nil when it is a fraction, in tiers or the buyer's choice
	Decimal     string      `json:"unit_amount_decimal,omitempty"`
	Tiers       []Tier      `json:"tiers,omitempty"`
	Custom      *form.Value `json:"custom_unit_amount,omitempty"` // bounds of the buyer's choice
	TaxBehavior string      `json:"tax_behavior,omitempty"`
}

// Tier is a cost up to a quantity; UpTo is 0 for the last one, which has no end.
type Tier struct {
	UpTo int64  `json:"up_to,omitempty"`
	Unit string `json:"unit,omitempty"` // decimals of minor units, "" for none
	Flat string `json:"flat,omitempty"`
}

// renderCost writes the fields that a price and each of its currency options have.
func (k *Cost) renderCost(w *writer) {
	w.str("tax_behavior", orUnspecified(k.TaxBehavior))
	switch {
	case k.Custom != nil:
		w.sub("custom_unit_amount", k.Custom, nil)
	case k.UnitAmount != nil:
		w.int("unit_amount", *k.UnitAmount)
	}
	if k.Decimal != "" {
		w.str("unit_amount_decimal", k.Decimal)
	} else {
		w.null("unit_amount_decimal")
	}
	if k.Tiers != nil && w.expanded("tiers") {
		renderTiers(w, k.Tiers)
	}
}

func renderTiers(w *writer, tiers []Tier) {
	w.each("tiers", len(tiers), func(w *writer, i int) {
		w.amount("unit_amount", tiers[i].Unit)
		w.amount("flat_amount", tiers[i].Flat)
		w.optInt("up_to", tiers[i].UpTo)
	})
}

// amount writes a decimal and, if it has no fraction, the integer.
func (w *writer) amount(name, decimal string) {
	if n, err := strconv.ParseInt(decimal, 10, 64); err == nil {
		w.int(name, n)
	}
	w.opt(name+"_decimal", decimal)
}

// in is the cost in a currency, nil if the price has none there.
func (p *Price) in(currency money.Currency) *Cost {
	if currency == p.Currency {
		return &p.Cost
	}
	return p.Options[currency]
}

// total is what a quantity costs in minor units, half of one rounded up; false
// where the price is not sold in that currency, or the buyer names the amount, or
// there is not so much money.
func (p *Price) total(currency money.Currency, quantity int64) (int64, bool) {
	k := p.in(currency)
	if k == nil || k.Custom != nil {
		return 0, false
	}
	quantity = p.transformed(quantity)
	sum := new(big.Rat)
	add := func(unit string, n int64) {
		if each, ok := new(big.Rat).SetString(unit); ok {
			sum.Add(sum, each.Mul(each, new(big.Rat).SetInt64(n)))
		}
	}
	var below int64
	for _, tier := range k.Tiers {
		within := tier.UpTo == 0 || quantity <= tier.UpTo
		switch {
		case quantity == 0:
		case p.graduated() && within:
			add(tier.Unit, quantity-below)
			add(tier.Flat, 1)
		case p.graduated():
			add(tier.Unit, tier.UpTo-below)
			add(tier.Flat, 1)
		case within:
			add(tier.Unit, quantity)
			add(tier.Flat, 1)
		}
		if within {
			break
		}
		below = tier.UpTo
	}
	add(k.Decimal, quantity)
	sum.Add(sum, big.NewRat(1, 2))
	total := new(big.Int).Div(sum.Num(), sum.Denom())
	return total.Int64(), total.IsInt64()
}

func (p *Price) graduated() bool { return p.Given["tiers_mode"].Str() == "graduated" }

// transformed is the quantity that is charged for: 10 sold in packages of 4 are 3, or 2.
func (p *Price) transformed(quantity int64) int64 {
	by := p.Given["transform_quantity"].Int("divide_by")
	switch {
	case by == 0:
		return quantity
	case p.Given["transform_quantity"].Str("round") == "up":
		return (quantity + by - 1) / by
	}
	return quantity / by
}
