package sandbox_test

import (
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestCheckoutTotals(t *testing.T) {
	t.Parallel()
	t.Run("with a coupon, which is used up once the session is paid", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/discounts")
		b := setup(t)
		b.send("POST", "/v1/coupons", "id=TENTH&percent_off=10&max_redemptions=1")
		with := func(p *stripe.CheckoutSessionParams) {
			p.Discounts = []*stripe.CheckoutSessionDiscountParams{{Coupon: stripe.String("TENTH")}}
		}
		s := b.checkout(with)
		s = b.session(s.ID, "total_details.breakdown", "line_items.data.discounts")
		if s.AmountSubtotal != 4000 || s.AmountTotal != 3600 || s.TotalDetails.AmountDiscount != 400 || s.TotalDetails.Breakdown.Discounts[0].Discount.Coupon.ID != "TENTH" {
			t.Errorf("%+v", s)
		}
		if d := s.LineItems.Data[0].Discounts; len(d) != 1 || d[0].Amount != 400 {
			t.Errorf("%+v", d)
		}
		b.pay(s.ID, visa)
		if k, err := b.stripe.Coupons.Get("TENTH", nil); err != nil || k.TimesRedeemed != 1 || k.Valid {
			t.Errorf("%+v %v", k, err)
		}
		r := b.send("POST", "/v1/checkout/sessions", query("mode", "payment", "success_url", "https://shop.example/", "line_items[0][price]", b.cup(), "line_items[0][quantity]", "1", "discounts[0][coupon]", "TENTH"))
		if r.Status != 400 || r.str("error.param") != "discounts[0][coupon]" {
			t.Errorf("a coupon that is used up was taken: %s", r.Body)
		}
	})
	t.Run("with a code that the payer types", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/discounts")
		b := setup(t)
		b.send("POST", "/v1/coupons", "id=FIVE&amount_off=500&currency=usd")
		code := b.send("POST", "/v1/promotion_codes", "coupon=FIVE&code=FRIENDS").str("id")
		b.send("POST", "/v1/promotion_codes", "coupon=FIVE&code=BIG&restrictions[minimum_amount]=9000&restrictions[minimum_amount_currency]=usd")
		s := b.checkout(func(p *stripe.CheckoutSessionParams) { p.AllowPromotionCodes = stripe.Bool(true) })
		for _, wrong := range []string{"NONE", "BIG"} {
			if p := b.pay(s.ID, "", "do", "apply", "promo", wrong); !strings.Contains(p.Body, `id="promo-error" role="alert">This`) {
				t.Errorf("%s: %s", wrong, p.Body)
			}
		}
		if p := b.pay(s.ID, "", "do", "apply", "promo", "friends"); !p.has("Pay $35.00") || !p.has("−$5.00") {
			t.Errorf("%s", p.Body)
		}
		if p := b.pay(s.ID, "", "do", "drop"); !p.has("Pay $40.00") {
			t.Errorf("%s", p.Body)
		}
		b.pay(s.ID, "", "do", "apply", "promo", "FRIENDS")
		b.pay(s.ID, visa)
		if got := b.session(s.ID, "payment_intent", "total_details.breakdown"); got.PaymentIntent.Amount != 3500 || got.TotalDetails.Breakdown.Discounts[0].Discount.PromotionCode.ID != code {
			t.Errorf("%+v", got)
		}
		if p, err := b.stripe.PromotionCodes.Get(code, nil); err != nil || p.TimesRedeemed != 1 {
			t.Errorf("%+v %v", p, err)
		}
	})
	t.Run("with a promotion code of the session's own", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/checkout/sessions/create")
		b := setup(t)
		b.send("POST", "/v1/coupons", "id=FIVE&amount_off=500&currency=usd")
		code := b.send("POST", "/v1/promotion_codes", "coupon=FIVE&code=FRIENDS").str("id")
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.Discounts = []*stripe.CheckoutSessionDiscountParams{{PromotionCode: stripe.String(code)}}
		})
		if s.AmountTotal != 3500 {
			t.Errorf("%+v", s)
		}
		b.send("POST", "/v1/promotion_codes/"+code, "active=false")
		r := b.send("POST", "/v1/checkout/sessions", query("mode", "payment", "success_url", "https://shop.example/", "line_items[0][price]", b.cup(), "line_items[0][quantity]", "1", "discounts[0][promotion_code]", code))
		if r.str("error.message") != "This promotion code is not active." {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("with tax rates that are in the price and that come on top", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/use-manual-tax-rates")
		b := setup(t)
		vat := b.send("POST", "/v1/tax_rates", "display_name=VAT&percentage=25&inclusive=true").str("id")
		sales := b.send("POST", "/v1/tax_rates", "display_name=Sales&percentage=10&inclusive=false").str("id")
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.LineItems = append(line(b.cup(), 1), line(b.cup(), 1)...)
			p.LineItems[0].TaxRates, p.LineItems[1].TaxRates = stripe.StringSlice([]string{vat}), stripe.StringSlice([]string{sales})
		})
		s = b.session(s.ID, "line_items.data.taxes", "total_details.breakdown")
		if s.AmountTotal != 4200 || s.TotalDetails.AmountTax != 600 || s.LineItems.Data[0].AmountTotal != 2000 || s.LineItems.Data[1].AmountTotal != 2200 ||
			s.LineItems.Data[0].Taxes[0].Rate.ID != vat || len(s.TotalDetails.Breakdown.Taxes) != 2 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("with tax rates by where the payer is", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/use-manual-tax-rates")
		b := setup(t)
		german := b.send("POST", "/v1/tax_rates", "display_name=USt&percentage=19&inclusive=false&country=DE").str("id")
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.LineItems = line(b.cup(), 1)
			p.LineItems[0].DynamicTaxRates = stripe.StringSlice([]string{german})
		})
		if s.AmountTotal != 2000 {
			t.Errorf("%+v", s)
		}
		b.pay(s.ID, visa, "country", "DE")
		if got := b.session(s.ID, "payment_intent"); got.PaymentIntent.Amount != 2380 || got.TotalDetails.AmountTax != 380 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("with automatic tax, once the address is known", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/tax/checkout")
		b := setup(t)
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.AutomaticTax = &stripe.CheckoutSessionAutomaticTaxParams{Enabled: stripe.Bool(true)}
			p.LineItems = line(b.cup(), 1)
			p.ShippingOptions = []*stripe.CheckoutSessionShippingOptionParams{shipping("Post", 1000)}
		})
		if s.AutomaticTax.Status != "requires_location_inputs" || s.AmountTotal != 3000 {
			t.Errorf("%+v", s.AutomaticTax)
		}
		b.pay(s.ID, visa, "country", "DE", "postal_code", "53113")
		got := b.session(s.ID)
		if got.AutomaticTax.Status != "complete" || got.TotalDetails.AmountTax != 570 || got.ShippingCost.AmountTax != 190 || got.ShippingCost.AmountTotal != 1190 || got.AmountTotal != 3570 {
			t.Errorf("%+v %+v", got.TotalDetails, got.ShippingCost)
		}
	})
	t.Run("with the delivery that the payer chooses", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/during-payment/charge-shipping")
		b := setup(t)
		post := b.send("POST", "/v1/shipping_rates", "display_name=Post&type=fixed_amount&fixed_amount[amount]=500&fixed_amount[currency]=usd&delivery_estimate[minimum][unit]=business_day&delivery_estimate[minimum][value]=2&delivery_estimate[maximum][unit]=business_day&delivery_estimate[maximum][value]=5").str("id")
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.ShippingOptions = []*stripe.CheckoutSessionShippingOptionParams{{ShippingRate: stripe.String(post)}, shipping("Courier", 1500)}
		})
		if s.AmountTotal != 4500 || s.TotalDetails.AmountShipping != 500 || s.ShippingCost.ShippingRate.ID != post || len(s.ShippingOptions) != 2 || s.ShippingOptions[1].ShippingAmount != 1500 {
			t.Errorf("%+v", s)
		}
		courier := s.ShippingOptions[1].ShippingRate.ID
		if p := b.browse("GET", s.URL, nil); !p.has("2–5 business days") || !p.has("Courier") {
			t.Errorf("%s", p.Body)
		}
		if p := b.pay(s.ID, "", "do", "update", "shipping_rate", courier); !p.has("Pay $55.00") {
			t.Errorf("%s", p.Body)
		}
		b.pay(s.ID, visa)
		if got := b.session(s.ID, "payment_intent", "shipping_cost.shipping_rate"); got.PaymentIntent.Amount != 5500 || got.ShippingCost.ShippingRate.DisplayName != "Courier" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("with quantities that the payer changes", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/adjustable-quantity")
		b := setup(t)
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.LineItems = line(b.cup(), 2)
			p.LineItems[0].AdjustableQuantity = &stripe.CheckoutSessionLineItemAdjustableQuantityParams{Enabled: stripe.Bool(true), Minimum: stripe.Int64(1), Maximum: stripe.Int64(5)}
		})
		quantity := "quantity-" + b.session(s.ID, "line_items").LineItems.Data[0].ID
		if p := b.pay(s.ID, visa, quantity, "6"); !p.has("between 1 and 5") {
			t.Errorf("%s", p.Body)
		}
		b.pay(s.ID, visa, quantity, "3")
		if got := b.session(s.ID, "line_items"); got.AmountTotal != 6000 || got.PaymentStatus != "paid" || got.LineItems.Data[0].Quantity != 3 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("with an amount that the payer names", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/pay-what-you-want")
		b := setup(t)
		gift := b.send("POST", "/v1/prices", "currency=usd&product_data[name]=Gift&custom_unit_amount[enabled]=true&custom_unit_amount[minimum]=300&custom_unit_amount[maximum]=10000").str("id")
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.LineItems, p.SubmitType = line(gift, 1), stripe.String("donate")
		})
		amount := "amount-" + b.session(s.ID, "line_items").LineItems.Data[0].ID
		for _, wrong := range []string{"", "two", "1.00", "100.01", "5.001"} {
			if p := b.pay(s.ID, visa, amount, wrong); p.To != "" || !strings.Contains(p.Body, amount+`-error" role="alert">`) || strings.Contains(p.Body, amount+`-error" role="alert"><`) {
				t.Errorf("%q was taken", wrong)
			}
		}
		b.pay(s.ID, visa, amount, "12.50")
		if got := b.session(s.ID); got.AmountTotal != 1250 || got.PaymentStatus != "paid" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("in a currency of a price's options", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/present-local-currencies")
		b := setup(t)
		both := b.send("POST", "/v1/prices", "currency=usd&unit_amount=2000&product_data[name]=Cup&currency_options[eur][unit_amount]=1800").str("id")
		s := b.checkout(func(p *stripe.CheckoutSessionParams) { p.LineItems, p.Currency = line(both, 2), stripe.String("eur") })
		if s.Currency != "eur" || s.AmountTotal != 3600 {
			t.Errorf("%+v", s)
		}
	})
}

func shipping(name string, amount int64) *stripe.CheckoutSessionShippingOptionParams {
	return &stripe.CheckoutSessionShippingOptionParams{ShippingRateData: &stripe.CheckoutSessionShippingOptionShippingRateDataParams{
		DisplayName: stripe.String(name), Type: stripe.String("fixed_amount"),
		FixedAmount: &stripe.CheckoutSessionShippingOptionShippingRateDataFixedAmountParams{Amount: stripe.Int64(amount), Currency: stripe.String("usd")}}}
}
