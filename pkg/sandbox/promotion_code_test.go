package sandbox_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

func TestPromotionCodes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenth := b.send("POST", "/v1/coupons", "percent_off=10").str("id")
	jenny := b.send("POST", "/v1/customers", "name=Jenny").str("id")
	t.Run("are as the merchant wants them", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/promotion_codes/create")
		p := &stripe.PromotionCodeParams{Coupon: stripe.String(tenth), Code: stripe.String("Spring20"), Customer: stripe.String(jenny), MaxRedemptions: stripe.Int64(5), ExpiresAt: stripe.Int64(b.clock.now().Add(time.Hour).Unix()),
			Restrictions: &stripe.PromotionCodeRestrictionsParams{FirstTimeTransaction: stripe.Bool(true), MinimumAmount: stripe.Int64(1000), MinimumAmountCurrency: stripe.String("usd"),
				CurrencyOptions: map[string]*stripe.PromotionCodeRestrictionsCurrencyOptionsParams{"eur": {MinimumAmount: stripe.Int64(900)}}}}
		p.AddExpand("restrictions.currency_options")
		code, err := b.stripe.PromotionCodes.New(p)
		if err != nil || code.Code != "Spring20" || !code.Active || code.Coupon.ID != tenth || code.Coupon.PercentOff != 10 || code.Customer.ID != jenny || code.MaxRedemptions != 5 ||
			!code.Restrictions.FirstTimeTransaction || code.Restrictions.MinimumAmount != 1000 || code.Restrictions.CurrencyOptions["eur"].MinimumAmount != 900 {
			t.Errorf("%+v %v", code, err)
		}
		if got, err := b.stripe.PromotionCodes.Get(code.ID, nil); err != nil || got.ID != code.ID || len(got.Restrictions.CurrencyOptions) != 0 {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("get a code if they have none", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/billing/subscriptions/coupons#promotion-codes")
		code, err := b.stripe.PromotionCodes.New(&stripe.PromotionCodeParams{Coupon: stripe.String(tenth)})
		if err != nil || len(code.Code) != 8 || strings.ToUpper(code.Code) != code.Code {
			t.Errorf("%+v %v", code, err)
		}
	})
	t.Run("are alone among the active ones of a customer, whatever their case", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/promotion_codes/create")
		first := b.send("POST", "/v1/promotion_codes", "code=LONE&coupon="+tenth).str("id")
		_, err := b.stripe.PromotionCodes.New(&stripe.PromotionCodeParams{Coupon: stripe.String(tenth), Code: stripe.String("lone")})
		if e := refused(t, err); e.Msg != "An active promotion code with `code: lone` already exists." {
			t.Errorf("%+v", e)
		}
		if r := b.send("POST", "/v1/promotion_codes", "code=LONE&customer="+jenny+"&coupon="+tenth); r.Status != 200 {
			t.Errorf("a customer's own code: %s", r.Body)
		}
		b.send("POST", "/v1/promotion_codes/"+first, "active=false")
		if r := b.send("POST", "/v1/promotion_codes", "code=LONE&coupon="+tenth); r.Status != 200 {
			t.Errorf("the other one is not active any more: %s", r.Body)
		}
		if r := b.send("POST", "/v1/promotion_codes/"+first, "active=true"); r.Status != 400 {
			t.Errorf("two active ones: %s", r.Body)
		}
	})
	t.Run("stay within their coupon", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/promotion_codes/create")
		short := b.send("POST", "/v1/coupons", query("percent_off", "10", "max_redemptions", "2", "redeem_by", itoa(b.clock.now().Add(time.Hour).Unix()))).str("id")
		b.refuses("POST", "/v1/promotion_codes", refusals{
			"longer":           {"expires_at=" + itoa(b.clock.now().Add(2*time.Hour).Unix()) + "&coupon=" + short, "", "expires_at"},
			"oftener":          {"max_redemptions=3&coupon=" + short, "", "max_redemptions"},
			"never":            {"max_redemptions=0&coupon=" + tenth, "parameter_invalid_integer", "max_redemptions"},
			"yesterday":        {"expires_at=1&coupon=" + tenth, "", "expires_at"},
			"no such coupon":   {"coupon=nothing", "resource_missing", "coupon"},
			"no coupon":        {"code=A", "parameter_missing", "coupon"},
			"no such customer": {"customer=cus_nobody&coupon=" + tenth, "resource_missing", "customer"},
			"no letters":       {"code=10%25&coupon=" + tenth, "", "code"},
			"half a minimum":   {"restrictions[minimum_amount]=100&coupon=" + tenth, "parameter_missing", "restrictions"},
			"no minimum":       {"restrictions[minimum_amount]=0&restrictions[minimum_amount_currency]=usd&coupon=" + tenth, "parameter_invalid_integer", "restrictions[minimum_amount]"},
			"minimum of what":  {"restrictions[minimum_amount]=100&restrictions[minimum_amount_currency]=xxx&coupon=" + tenth, "", "restrictions[minimum_amount_currency]"},
		})
	})
	t.Run("change what may be changed", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/promotion_codes/update")
		id := b.send("POST", "/v1/promotion_codes", "code=CHANGE&restrictions[minimum_amount]=100&restrictions[minimum_amount_currency]=usd&coupon="+tenth).str("id")
		p := &stripe.PromotionCodeParams{Restrictions: &stripe.PromotionCodeRestrictionsParams{CurrencyOptions: map[string]*stripe.PromotionCodeRestrictionsCurrencyOptionsParams{"eur": {MinimumAmount: stripe.Int64(90)}}}}
		p.AddExpand("restrictions.currency_options")
		p.AddMetadata("a", "b")
		code, err := b.stripe.PromotionCodes.Update(id, p)
		if err != nil || code.Metadata["a"] != "b" || code.Restrictions.CurrencyOptions["eur"].MinimumAmount != 90 || code.Restrictions.CurrencyOptions["usd"].MinimumAmount != 100 {
			t.Errorf("%+v %v", code, err)
		}
		b.refuses("POST", "/v1/promotion_codes/"+id, refusals{"the code": {"code=OTHER", "parameter_unknown", "code"}})
		free := b.send("POST", "/v1/promotion_codes", "coupon="+tenth).str("id")
		b.refuses("POST", "/v1/promotion_codes/"+free, refusals{"a minimum elsewhere alone": {"restrictions[currency_options][eur][minimum_amount]=1", "", "restrictions[currency_options]"}})
		if r := b.send("POST", "/v1/promotion_codes/promo_nobody", "active=false"); r.Status != 404 || r.str("error.code") != "resource_missing" {
			t.Errorf("%s", r.Body)
		}
	})
	for name, tc := range map[string]struct{ query, want string }{
		"code, whatever its case": {"code=spring20", "Spring20"},
		"customer":                {"limit=1&customer=" + jenny, "LONE"},
		"coupon":                  {"limit=1&code=CHANGE&coupon=" + tenth, "CHANGE"},
		"active":                  {"active=false", "LONE"},
	} {
		t.Run("are listed by "+name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/api/promotion_codes/list")
			list := b.send("GET", "/v1/promotion_codes?"+tc.query, "").at("data").([]any)
			if len(list) != 1 || list[0].(map[string]any)["code"] != tc.want {
				t.Errorf("%v", list)
			}
		})
	}
	if kinds := b.eventTypes(); !slices.Contains(kinds, "promotion_code.created") || !slices.Contains(kinds, "promotion_code.updated") {
		t.Errorf("%v", kinds)
	}
}

func TestPromotionCodeIsActiveUntil(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenth := b.send("POST", "/v1/coupons", "percent_off=10").str("id")
	active := func(t *testing.T, id string) bool {
		t.Helper()
		p, err := b.stripe.PromotionCodes.Get(id, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p.Active
	}
	t.Run("it expires", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/promotion_codes/object")
		id := b.send("POST", "/v1/promotion_codes", query("code", "HOUR", "coupon", tenth, "expires_at", itoa(b.clock.now().Add(time.Hour).Unix()))).str("id")
		b.clock.advance(2 * time.Hour)
		if active(t, id) || b.sandbox.Redeem("HOUR", "", "usd", 100) == "" {
			t.Error("still active")
		}
		b.send("POST", "/v1/promotion_codes/"+id, "active=false")
		if r := b.send("POST", "/v1/promotion_codes/"+id, "active=true"); r.Status != 400 || r.str("error.param") != "active" {
			t.Errorf("activated again: %s", r.Body)
		}
	})
	t.Run("its last redemption", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/billing/subscriptions/coupons#promotion-codes")
		id := b.send("POST", "/v1/promotion_codes", "code=TWICE&max_redemptions=2&coupon="+tenth).str("id")
		for range 2 {
			if why := b.sandbox.Redeem("twice", "", "usd", 100); why != "" {
				t.Fatal(why)
			}
		}
		if active(t, id) || b.sandbox.Redeem("TWICE", "", "usd", 100) == "" {
			t.Error("still active")
		}
		if k, err := b.stripe.Coupons.Get(tenth, nil); err != nil || k.TimesRedeemed != 2 || !k.Valid {
			t.Errorf("%+v %v", k, err)
		}
	})
	t.Run("its coupon is deleted", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/promotion_codes/object")
		coupon := b.send("POST", "/v1/coupons", "percent_off=20").str("id")
		id := b.send("POST", "/v1/promotion_codes", "code=GONE&coupon="+coupon).str("id")
		b.send("DELETE", "/v1/coupons/"+coupon, "")
		if p, err := b.stripe.PromotionCodes.Get(id, nil); err != nil || p.Active || p.Coupon.PercentOff != 20 {
			t.Errorf("%+v %v", p, err)
		}
	})
}

func TestPromotionCodeIsRestrictedTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenth := b.send("POST", "/v1/coupons", "percent_off=10").str("id")
	jenny, new := b.send("POST", "/v1/customers", "name=Jenny").str("id"), b.send("POST", "/v1/customers", "name=New").str("id")
	t.Run("a customer", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/billing/subscriptions/coupons#promotion-codes")
		b.send("POST", "/v1/promotion_codes", "code=JENNY&customer="+jenny+"&coupon="+tenth)
		if b.sandbox.Redeem("JENNY", new, "usd", 100) == "" || b.sandbox.Redeem("JENNY", "", "usd", 100) == "" {
			t.Error("another may use it")
		}
		if why := b.sandbox.Redeem("JENNY", jenny, "usd", 100); why != "" {
			t.Error(why)
		}
	})
	t.Run("first orders", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/billing/subscriptions/coupons#promotion-codes")
		b.send("POST", "/v1/promotion_codes", "code=FIRST&restrictions[first_time_transaction]=true&coupon="+tenth)
		if _, err := b.confirm(b.intent(func(p *stripe.PaymentIntentParams) { p.Customer = stripe.String(jenny) }).ID, "pm_card_visa"); err != nil {
			t.Fatal(err)
		}
		if b.sandbox.Redeem("FIRST", jenny, "usd", 100) == "" {
			t.Error("who has paid before may use it")
		}
		if why := b.sandbox.Redeem("FIRST", new, "usd", 100); why != "" {
			t.Error(why)
		}
	})
	t.Run("orders that are large enough", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/billing/subscriptions/coupons#promotion-codes")
		b.send("POST", "/v1/promotion_codes", "code=LARGE&restrictions[minimum_amount]=1000&restrictions[minimum_amount_currency]=usd&restrictions[currency_options][eur][minimum_amount]=900&coupon="+tenth)
		for name, tc := range map[string]struct {
			currency string
			amount   int64
			ok       bool
		}{
			"too small":          {"usd", 999, false},
			"just large enough":  {"usd", 1000, true},
			"in another one":     {"eur", 900, true},
			"in no currency set": {"gbp", 5000, false},
		} {
			if why := b.sandbox.Redeem("LARGE", "", tc.currency, tc.amount); (why == "") != tc.ok {
				t.Errorf("%s: %q", name, why)
			}
		}
	})
}
