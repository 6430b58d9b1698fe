package sandbox_test

import (
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// taxed makes a transaction of two lines, of 10.00 and of 11.90 with its tax, and
// 5.00 of shipping, in Germany.
func (b *bench) taxed(reference string) *stripe.TaxTransaction {
	b.t.Helper()
	id := b.send("POST", "/v1/tax/calculations", "currency=eur&customer_details[address][country]=DE&line_items[0][amount]=1000&line_items[0][reference]=cup"+
		"&line_items[1][amount]=1190&line_items[1][tax_behavior]=inclusive&line_items[1][quantity]=2&shipping_cost[amount]=500").str("id")
	p := &stripe.TaxTransactionCreateFromCalculationParams{Calculation: stripe.String(id), Reference: stripe.String(reference)}
	p.AddExpand("line_items")
	p.AddMetadata("a", "b")
	x, err := b.stripe.TaxTransactions.CreateFromCalculation(p)
	if err != nil {
		b.t.Fatal(err)
	}
	return x
}

func (b *bench) reverse(x *stripe.TaxTransaction, reference string, p *stripe.TaxTransactionCreateReversalParams) (*stripe.TaxTransaction, error) {
	p.OriginalTransaction, p.Reference = stripe.String(x.ID), stripe.String(reference)
	if p.Mode == nil {
		p.Mode = stripe.String("partial")
	}
	p.AddExpand("line_items")
	return b.stripe.TaxTransactions.CreateReversal(p)
}

func TestTaxTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	x := b.taxed("order-1")
	t.Run("is made of a calculation", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax/transactions/create_from_calculation")
		l := x.LineItems.Data
		if x.Type != "transaction" || x.Reference != "order-1" || x.Metadata["a"] != "b" || x.Reversal != nil || len(l) != 2 || l[0].AmountTax != 190 || l[0].Reference != "cup" || l[1].Reference == "" || l[1].Quantity != 2 || l[1].Type != "transaction" || x.ShippingCost.AmountTax != 95 {
			t.Errorf("%+v", x)
		}
		if got, err := b.stripe.TaxTransactions.Get(x.ID, nil); err != nil || got.Reference != "order-1" {
			t.Errorf("%+v %v", got, err)
		}
		if r := b.send("GET", "/v1/tax/transactions/tax_nobody", ""); r.Status != 404 || r.str("error.code") != "resource_missing" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("lists its lines by the page", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax/transactions/line_items")
		l := x.LineItems.Data
		if got := b.send("GET", "/v1/tax/transactions/"+x.ID+"/line_items?limit=1", ""); !slices.Equal(got.ids(), []string{l[0].ID}) || got.at("has_more") != true {
			t.Errorf("%s", got.Body)
		}
		if got := b.send("GET", "/v1/tax/transactions/"+x.ID+"/line_items?starting_after="+l[0].ID, "").ids(); !slices.Equal(got, []string{l[1].ID}) {
			t.Errorf("%v", got)
		}
	})
	t.Run("is refused", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax/transactions/create_from_calculation")
		again := b.calculation("customer_details[address][country]=DE").str("id")
		b.refuses("POST", "/v1/tax/transactions/create_from_calculation", refusals{
			"no such calculation":       {"reference=a&calculation=taxcalc_nobody", "resource_missing", "calculation"},
			"no reference":              {"calculation=" + again, "parameter_missing", "reference"},
			"a reference that is taken": {"reference=order-1&calculation=" + again, "resource_already_exists", "reference"},
		})
	})
}

func TestTaxReversal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("in full", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/tax/custom")
		x := b.taxed("full")
		r, err := b.reverse(x, "full-back", &stripe.TaxTransactionCreateReversalParams{Mode: stripe.String("full")})
		if err != nil || r.Type != "reversal" || r.Reversal.OriginalTransaction != x.ID || r.ShippingCost.Amount != -500 || r.ShippingCost.AmountTax != -95 {
			t.Fatalf("%+v %v", r, err)
		}
		if l := r.LineItems.Data; len(l) != 2 || l[0].Amount != -1000 || l[0].AmountTax != -190 || l[0].Type != "reversal" || l[0].Reversal.OriginalLineItem != x.LineItems.Data[0].ID || l[1].Quantity != 2 || l[0].ID == x.LineItems.Data[0].ID {
			t.Errorf("%+v", l)
		}
		_, err = b.reverse(x, "full-again", &stripe.TaxTransactionCreateReversalParams{Mode: stripe.String("full")})
		if e := refused(t, err); e.Param != "original_transaction" {
			t.Errorf("%+v", e)
		}
		_, err = b.reverse(r, "back-back", &stripe.TaxTransactionCreateReversalParams{Mode: stripe.String("full")})
		if e := refused(t, err); e.Param != "original_transaction" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("of a line", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax/transactions/create_reversal")
		x := b.taxed("line")
		part := func(amount, tax int64) *stripe.TaxTransactionCreateReversalParams {
			return &stripe.TaxTransactionCreateReversalParams{LineItems: []*stripe.TaxTransactionCreateReversalLineItemParams{{OriginalLineItem: stripe.String(x.LineItems.Data[0].ID),
				Reference: stripe.String("cup back"), Amount: stripe.Int64(amount), AmountTax: stripe.Int64(tax), Quantity: stripe.Int64(1)}}}
		}
		r, err := b.reverse(x, "line-1", part(-400, -76))
		if err != nil || len(r.LineItems.Data) != 1 || r.LineItems.Data[0].Amount != -400 || r.LineItems.Data[0].Reference != "cup back" || r.ShippingCost != nil {
			t.Fatalf("%+v %v", r, err)
		}
		for _, p := range []*stripe.TaxTransactionCreateReversalParams{part(-601, -114), part(-600, -115), part(-1<<63, 0), part(1, 0), part(0, 1)} {
			_, err := b.reverse(x, "line-2", p)
			refused(t, err)
		}
		if r, err := b.reverse(x, "line-2", part(-600, -114)); err != nil {
			t.Errorf("%+v %v", r, err)
		}
	})
	t.Run("of the shipping", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax/transactions/create_reversal")
		x := b.taxed("shipping")
		r, err := b.reverse(x, "shipping-1", &stripe.TaxTransactionCreateReversalParams{ShippingCost: &stripe.TaxTransactionCreateReversalShippingCostParams{Amount: stripe.Int64(-500), AmountTax: stripe.Int64(-95)}})
		if err != nil || r.ShippingCost.Amount != -500 || len(r.LineItems.Data) != 0 {
			t.Fatalf("%+v %v", r, err)
		}
		_, err = b.reverse(x, "shipping-2", &stripe.TaxTransactionCreateReversalParams{ShippingCost: &stripe.TaxTransactionCreateReversalShippingCostParams{Amount: stripe.Int64(-1), AmountTax: stripe.Int64(0)}})
		if e := refused(t, err); e.Param != "shipping_cost[amount]" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("of a flat amount, taxes and all", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/tax/custom")
		x := b.taxed("flat")
		r, err := b.reverse(x, "flat-1", &stripe.TaxTransactionCreateReversalParams{FlatAmount: stripe.Int64(-1001)})
		if err != nil {
			t.Fatal(err)
		}
		sum := r.ShippingCost.Amount + r.ShippingCost.AmountTax
		for _, l := range r.LineItems.Data {
			if sum += l.Amount; l.TaxBehavior == "exclusive" {
				sum += l.AmountTax
			}
		}
		if sum != -1001 {
			t.Errorf("%d: %+v", sum, r)
		}
		total := int64(1190 + 1190 + 595)
		_, err = b.reverse(x, "flat-2", &stripe.TaxTransactionCreateReversalParams{FlatAmount: stripe.Int64(1001 - total - 1)})
		if e := refused(t, err); e.Param != "flat_amount" {
			t.Errorf("%+v", e)
		}
		if r, err := b.reverse(x, "flat-2", &stripe.TaxTransactionCreateReversalParams{FlatAmount: stripe.Int64(1001 - total)}); err != nil {
			t.Errorf("%+v %v", r, err)
		}
	})
	t.Run("is refused", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax/transactions/create_reversal")
		x := b.taxed("refused")
		start := "reference=r&original_transaction=" + x.ID
		line := "&line_items[0][reference]=l&line_items[0][amount]=-1&line_items[0][amount_tax]=0&line_items[0][original_line_item]="
		b.refuses("POST", "/v1/tax/transactions/create_reversal", refusals{
			"no such transaction": {"mode=full&reference=r&original_transaction=tax_nobody", "resource_missing", "original_transaction"},
			"a reference taken":   {"mode=full&reference=refused&original_transaction=" + x.ID, "resource_already_exists", "reference"},
			"no mode":             {start, "parameter_missing", "mode"},
			"a part of all":       {start + "&mode=full&flat_amount=-1", "", "mode"},
			"a part of nothing":   {start + "&mode=partial", "parameter_missing", "line_items"},
			"both":                {start + "&mode=partial&flat_amount=-1" + line + x.LineItems.Data[0].ID, "parameters_exclusive", "flat_amount"},
			"no such line":        {start + "&mode=partial" + line + "tax_li_nobody", "resource_missing", "line_items[0][original_line_item]"},
			"a line twice": {start + "&mode=partial" + line + x.LineItems.Data[0].ID + "&line_items[1][reference]=m&line_items[1][amount]=-1&line_items[1][amount_tax]=0&line_items[1][original_line_item]=" + x.LineItems.Data[0].ID,
				"", "line_items[1][original_line_item]"},
			"nothing": {start + "&mode=partial&flat_amount=0", "parameter_invalid_integer", "flat_amount"},
		})
		bare := b.calculation("customer_details[address][country]=DE").str("id")
		id := b.send("POST", "/v1/tax/transactions/create_from_calculation", "reference=bare&calculation="+bare).str("id")
		b.refuses("POST", "/v1/tax/transactions/create_reversal", refusals{
			"shipping that was not": {"mode=partial&reference=r&shipping_cost[amount]=-1&shipping_cost[amount_tax]=0&original_transaction=" + id, "", "shipping_cost"},
		})
	})
}
