package sandbox_test

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// product makes one by name.
func (b *bench) product(name string) *stripe.Product {
	b.t.Helper()
	p, err := b.stripe.Products.New(&stripe.ProductParams{Name: stripe.String(name)})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// ids are those of a list answer, newest first.
func (r reply) ids() []string {
	r.t.Helper()
	list, ok := r.at("data").([]any)
	if !ok {
		r.t.Fatalf("no list: %s", r.Body)
	}
	ids := []string{}
	for _, x := range list {
		o, _ := x.(map[string]any)
		id, _ := o["id"].(string)
		ids = append(ids, id)
	}
	return ids
}

// refusals is a table of what an operation refuses.
type refusals map[string]struct{ form, code, param string }

func (b *bench) refuses(method, path string, table refusals) {
	b.t.Helper()
	for name, tc := range table {
		if r := b.send(method, path, tc.form); r.Status != 400 || r.str("error.code") != tc.code || r.str("error.param") != tc.param {
			b.t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
}

func TestProductDefaultPrice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("is made with its product", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/products/create")
		p := &stripe.ProductParams{Name: stripe.String("Club"), DefaultPriceData: &stripe.ProductDefaultPriceDataParams{
			Currency: stripe.String("usd"), UnitAmount: stripe.Int64(900), TaxBehavior: stripe.String("inclusive"),
			Recurring:       &stripe.ProductDefaultPriceDataRecurringParams{Interval: stripe.String("year")},
			CurrencyOptions: map[string]*stripe.ProductDefaultPriceDataCurrencyOptionsParams{"eur": {UnitAmount: stripe.Int64(800)}}}}
		p.AddExpand("default_price.currency_options")
		club, err := b.stripe.Products.New(p)
		if err != nil || club.DefaultPrice.UnitAmount != 900 || club.DefaultPrice.TaxBehavior != "inclusive" || club.DefaultPrice.Recurring.Interval != "year" ||
			club.DefaultPrice.CurrencyOptions["eur"].UnitAmount != 800 || club.DefaultPrice.CurrencyOptions["usd"].UnitAmount != 900 {
			t.Errorf("%+v %v", club, err)
		}
	})
	t.Run("is one of the product's own", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/products/update")
		cup, other := b.product("Cup"), b.product("Mug")
		price := b.send("POST", "/v1/prices", "currency=usd&unit_amount=100&product="+cup.ID).str("id")
		if got, err := b.stripe.Products.Update(cup.ID, &stripe.ProductParams{DefaultPrice: stripe.String(price)}); err != nil || got.DefaultPrice.ID != price {
			t.Errorf("%+v %v", got, err)
		}
		b.refuses("POST", "/v1/products/"+other.ID, refusals{"another's price": {"default_price=" + price, "resource_missing", "default_price"}})
	})
	t.Run("cannot be archived", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/products-prices/manage-prices")
		own := b.send("POST", "/v1/products", "name=Cup&default_price_data[currency]=usd&default_price_data[unit_amount]=100")
		_, err := b.stripe.Prices.Update(own.str("default_price"), &stripe.PriceParams{Active: stripe.Bool(false)})
		if e := refused(t, err); e.Msg != "This price cannot be archived because it is the default price of its product." {
			t.Errorf("%+v", e)
		}
	})
}

func TestProductsAreListedBy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	book := b.send("POST", "/v1/products", "name=Book&shippable=true&url=https://shop.example/book").str("id")
	file := b.send("POST", "/v1/products", "name=File&shippable=false&active=false&url=https://shop.example/file").str("id")
	for name, tc := range map[string]struct{ query, want string }{
		"ids":       {"ids[]=" + book + "&ids[]=prod_nobody", book},
		"url":       {"url=https://shop.example/file", file},
		"shippable": {"shippable=true", book},
		"active":    {"active=false", file},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/api/products/list")
			if got := b.send("GET", "/v1/products?"+tc.query, "").ids(); len(got) != 1 || got[0] != tc.want {
				t.Errorf("%v, want %s", got, tc.want)
			}
		})
	}
	b.refuses("GET", "/v1/products?shippable=maybe", refusals{"no boolean": {"", "", "shippable"}})
}

func TestProductDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("not while it has prices", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/products/delete")
		cup := b.product("Cup")
		b.send("POST", "/v1/prices", "currency=usd&unit_amount=100&product="+cup.ID)
		_, err := b.stripe.Products.Del(cup.ID, nil)
		if e := refused(t, err); e.HTTPStatusCode != 400 || e.Msg != "This product cannot be deleted because it has one or more user-created prices." {
			t.Errorf("%+v", e)
		}
	})
	t.Run("and gone", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/products/delete")
		cup := b.product("Cup")
		if gone, err := b.stripe.Products.Del(cup.ID, nil); err != nil || !gone.Deleted {
			t.Fatalf("%+v %v", gone, err)
		}
		for _, method := range []string{"GET", "DELETE"} {
			if r := b.send(method, "/v1/products/"+cup.ID, ""); r.Status != 404 || r.str("error.code") != "resource_missing" {
				t.Errorf("%s", r.Body)
			}
		}
	})
}
