package sandbox_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/sandbox"
)

func TestProductsAndPrices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := &stripe.ProductParams{Name: stripe.String("Cup"), Images: stripe.StringSlice([]string{"https://shop.example/cup.png"})}
	p.AddMetadata("colour", "blue")
	cup, err := b.stripe.Products.New(p)
	if err != nil || !cup.Active || cup.Images[0] != "https://shop.example/cup.png" || cup.Metadata["colour"] != "blue" {
		t.Fatalf("%+v %v", cup, err)
	}
	if got, err := b.stripe.Products.Get(cup.ID, nil); err != nil || got.Name != "Cup" {
		t.Errorf("%+v %v", got, err)
	}
	price, err := b.stripe.Prices.New(&stripe.PriceParams{Product: stripe.String(cup.ID), Currency: stripe.String("usd"), UnitAmount: stripe.Int64(1200), LookupKey: stripe.String("cup")})
	if err != nil || price.Type != stripe.PriceTypeOneTime || price.UnitAmount != 1200 || price.UnitAmountDecimal != 1200 || price.LookupKey != "cup" || price.BillingScheme != "per_unit" {
		t.Fatalf("%+v %v", price, err)
	}
	again := &stripe.PriceParams{Product: stripe.String(cup.ID), Currency: stripe.String("usd"), UnitAmount: stripe.Int64(1300), LookupKey: stripe.String("cup")}
	_, err = b.stripe.Prices.New(again)
	if e := refused(t, err); e.Code != "resource_already_exists" || e.Param != "lookup_key" {
		t.Errorf("%+v", e)
	}
	again.TransferLookupKey = stripe.Bool(true)
	newer, err := b.stripe.Prices.New(again)
	if err != nil || newer.LookupKey != "cup" {
		t.Fatalf("%+v %v", newer, err)
	}
	list := &stripe.PriceListParams{LookupKeys: stripe.StringSlice([]string{"cup", "saucer"})}
	list.AddExpand("data.product")
	var found []string
	for i := b.stripe.Prices.List(list); i.Next(); {
		found = append(found, i.Price().ID)
		if i.Price().Product.Name != "Cup" {
			t.Errorf("product not expanded: %+v", i.Price().Product)
		}
	}
	if !slices.Equal(found, []string{newer.ID}) {
		t.Errorf("%v, want %s", found, newer.ID)
	}
	monthly, err := b.stripe.Prices.New(&stripe.PriceParams{Currency: stripe.String("eur"), UnitAmountDecimal: stripe.Float64(0.5),
		ProductData: &stripe.PriceProductDataParams{Name: stripe.String("Club")}, Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("month")}})
	if err != nil || monthly.Type != stripe.PriceTypeRecurring || monthly.Recurring.IntervalCount != 1 || monthly.Recurring.UsageType != "licensed" || monthly.UnitAmount != 0 || monthly.UnitAmountDecimal != 0.5 {
		t.Errorf("%+v %v", monthly, err)
	}
	if _, err := b.stripe.Prices.Update(newer.ID, &stripe.PriceParams{Active: stripe.Bool(false), Nickname: stripe.String("old")}); err != nil {
		t.Fatal(err)
	}
	if got, err := b.stripe.Prices.Get(newer.ID, nil); err != nil || got.Active || got.Nickname != "old" {
		t.Errorf("%+v %v", got, err)
	}
	for q, want := range map[string]int{"active=true": 2, "active=false": 1, "product=" + cup.ID: 2, "type=recurring": 1, "currency=eur": 1, "recurring[interval]=month": 1} {
		if got := b.send("GET", "/v1/prices?"+q, "").at("data").([]any); len(got) != want {
			t.Errorf("%s: %d, want %d", q, len(got), want)
		}
	}
	if r := b.send("DELETE", "/v1/products/"+cup.ID, ""); r.Status != 400 {
		t.Errorf("a product with prices was deleted: %s", r.Body)
	}
	own := b.send("POST", "/v1/products", "id=mug&name=Mug&default_price_data[currency]=usd&default_price_data[unit_amount]=900&expand[]=default_price")
	if own.str("id") != "mug" || own.at("default_price.unit_amount") != 900.0 {
		t.Errorf("%s", own.Body)
	}
	if r := b.send("POST", "/v1/products", "id=mug&name=Mug"); r.str("error.code") != "resource_already_exists" {
		t.Errorf("%s", r.Body)
	}
	if got := b.send("GET", "/v1/products?ids[]=mug&ids[]=nothing", "").at("data").([]any); len(got) != 1 {
		t.Errorf("%v", got)
	}
	lone := b.send("POST", "/v1/products", "name=Lone").str("id")
	if r := b.send("DELETE", "/v1/products/"+lone, ""); r.at("deleted") != true {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("GET", "/v1/products/"+lone, ""); r.Status != 404 {
		t.Errorf("%s", r.Body)
	}
}

func TestPricesRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct{ form, code, param string }{
		"no product":        {"currency=usd&unit_amount=1", "parameter_missing", "product"},
		"no amount":         {"currency=usd&product_data[name]=a", "parameter_missing", "unit_amount"},
		"no such product":   {"currency=usd&unit_amount=1&product=prod_nobody", "resource_missing", "product"},
		"less than nothing": {"currency=usd&unit_amount=-1&product_data[name]=a", "parameter_invalid_integer", "unit_amount"},
		"no name":           {"currency=usd&unit_amount=1&product_data[active]=true", "parameter_missing", "product_data[name]"},
		"no interval":       {"currency=usd&unit_amount=1&product_data[name]=a&recurring[interval_count]=2", "parameter_missing", "recurring[interval]"},
	} {
		if r := b.send("POST", "/v1/prices", tc.form); r.Status != 400 || r.str("error.code") != tc.code || r.str("error.param") != tc.param {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
}

// https://stripe.com/docs/api/events: *.updated says what was there before.
func TestUpdatedEventsRemember(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook := b.receive("product.updated", "price.updated", "customer.updated", "payment_method.updated")
	cup := b.send("POST", "/v1/products", "name=Cup&metadata[a]=1&metadata[b]=2").str("id")
	r := b.send("POST", "/v1/products/"+cup, "name=Mug&metadata[a]=3&metadata[b]=&metadata[c]=4", "Idempotency-Key", "rename")
	e := hook.next(t, "product.updated")
	was := e.Data.PreviousAttributes
	meta, _ := was["metadata"].(map[string]any)
	if was["name"] != "Cup" || meta["a"] != "1" || meta["b"] != "2" || meta["c"] != nil || len(meta) != 3 || e.Data.Object["name"] != "Mug" {
		t.Errorf("%v", was)
	}
	if e.Request.ID != r.Header.Get("Request-Id") || e.Request.IdempotencyKey != "rename" {
		t.Errorf("%+v", e.Request)
	}
	price := b.send("POST", "/v1/prices", "currency=usd&unit_amount=100&product="+cup).str("id")
	b.send("POST", "/v1/prices/"+price, "nickname=small")
	if was := hook.next(t, "price.updated").Data.PreviousAttributes; was["nickname"] != nil || len(was) != 1 {
		t.Errorf("%v", was)
	}
	u := b.send("POST", "/v1/customers", "email=a@example.com").str("id")
	b.send("POST", "/v1/customers/"+u, "email=b@example.com&address[city]=Bonn")
	if was := hook.next(t, "customer.updated").Data.PreviousAttributes; was["email"] != "a@example.com" || len(was) != 2 {
		t.Errorf("%v", was)
	}
	before := len(b.eventTypes())
	b.send("POST", "/v1/customers/"+u, "email=b@example.com")
	if got := b.eventTypes(); len(got) != before {
		t.Errorf("no change, yet an event: %v", got[before:])
	}
}

func TestCatalogOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sandbox.json")
	b := setupWith(t, sandbox.Options{StateFile: file})
	cup := b.product("Cup").ID
	b.send("POST", "/v1/plans", "id=gold&currency=usd&interval=month&trial_period_days=3&billing_scheme=tiered&tiers_mode=volume&tiers[0][up_to]=inf&tiers[0][unit_amount_decimal]=0.5&product="+cup)
	price := b.send("POST", "/v1/prices", "currency=usd&unit_amount=100&tax_behavior=inclusive&currency_options[eur][unit_amount]=90&product="+cup).str("id")
	coupon := b.send("POST", "/v1/coupons", "percent_off=12.5&max_redemptions=2&applies_to[products][]="+cup).str("id")
	gone := b.send("POST", "/v1/coupons", "amount_off=500&currency=usd&currency_options[eur][amount_off]=450").str("id")
	promo := b.send("POST", "/v1/promotion_codes", "code=SAVED&restrictions[minimum_amount]=100&restrictions[minimum_amount_currency]=usd&coupon="+gone).str("id")
	b.send("DELETE", "/v1/coupons/"+gone, "")
	rate := b.send("POST", "/v1/tax_rates", "display_name=Tax&percentage=7.25&inclusive=true").str("id")
	shipping := b.send("POST", "/v1/shipping_rates", "display_name=Ground&fixed_amount[currency]=usd&fixed_amount[amount]=500&fixed_amount[currency_options][eur][amount]=400").str("id")
	b.send("POST", "/v1/tax/settings", "defaults[tax_code]=txcd_99999999&head_office[address][country]=DE")
	tax := b.taxed("saved").ID
	paths := []string{
		"/v1/plans/gold?expand[]=tiers", "/v1/prices/" + price + "?expand[]=currency_options", "/v1/coupons/" + coupon + "?expand[]=applies_to",
		"/v1/promotion_codes/" + promo + "?expand[]=restrictions.currency_options&expand[]=coupon.currency_options", "/v1/tax_rates/" + rate,
		"/v1/shipping_rates/" + shipping + "?expand[]=fixed_amount.currency_options", "/v1/tax/settings", "/v1/tax/transactions/" + tax + "?expand[]=line_items",
	}
	before := map[string]reply{}
	for _, path := range paths {
		if before[path] = b.send("GET", path, ""); before[path].Status != 200 {
			t.Fatalf("%s", before[path].Body)
		}
	}
	if err := b.sandbox.Close(); err != nil {
		t.Fatal(err)
	}
	again := setupWith(t, sandbox.Options{StateFile: file})
	again.clock.unix.Store(b.clock.unix.Load())
	for _, path := range paths {
		if after := again.send("GET", path, ""); !sameJSON(t, before[path].Body, after.Body) {
			t.Errorf("%s\n%s\n%s", path, before[path].Body, after.Body)
		}
	}
}
