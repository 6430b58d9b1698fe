package catalog_test

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"till/pkg/catalog"
	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

type currencies = map[money.Currency]int64

func (f fixture) options(id string) currencies {
	f.t.Helper()
	got, err := f.resolve(id)
	if err != nil {
		f.t.Fatal(err)
	}
	return got[id].Options
}

func (f fixture) read() {
	f.t.Helper()
	if err := f.ReadUnread(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

func (f fixture) unread() (n int64) {
	f.t.Helper()
	if err := f.db.Read(f.t.Context()).Raw("SELECT coalesce(sum(unread), 0) FROM prices").Scan(&n).Error; err != nil {
		f.t.Fatal(err)
	}
	return n
}

// seen is an object in an event of now.
func seen(kind string, o object) gateway.Event {
	ev := event(kind, 0, o)
	ev.Created = time.Now().UTC().Truncate(time.Second)
	return ev
}

func TestFurtherCurrenciesAreReadAfterAnEvent(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		meanwhile := func() {}
		stripe := offline(t, func(q *http.Request) {
			if strings.HasPrefix(q.URL.Path, "/v1/prices/") && q.Method == http.MethodGet {
				meanwhile()
			}
		})
		f := fixture{catalog.New(db, gatewayTo(t, stripe), false), t, db}
		product := change(t, stripe+"/v1/products", url.Values{"name": {"Mug"}})
		price := change(t, stripe+"/v1/prices", url.Values{
			"product": {product["id"].(string)}, "currency": {"eur"}, "unit_amount": {"1800"}, "currency_options[usd][unit_amount]": {"1950"},
		})
		id := price["id"].(string)
		f.apply(seen("product.created", product), seen("price.created", price))
		if got := f.options(id); len(got) != 0 {
			t.Errorf("an event holds %v", got)
		}
		f.read()
		if got := f.options(id); !maps.Equal(got, currencies{"usd": 1950}) || f.unread() != 0 {
			t.Errorf("read %v", got)
		}

		changed := change(t, stripe+"/v1/prices/"+id, url.Values{"currency_options[usd][unit_amount]": {"2000"}, "currency_options[jpy][unit_amount]": {"300"}})
		f.apply(seen("price.updated", changed))
		if got := f.options(id); !maps.Equal(got, currencies{"usd": 1950}) {
			t.Errorf("until it is read, what was read last stands: %v", got)
		}
		// An event that comes while Stripe answers may be of a change that the answer lacks.
		meanwhile = func() { f.apply(seen("price.updated", changed)) }
		f.read()
		if n := f.unread(); n != 2 {
			t.Errorf("%d events are unread, want 2", n)
		}
		meanwhile = func() {}
		f.read()
		if got := f.options(id); !maps.Equal(got, currencies{"usd": 2000, "jpy": 300}) || f.unread() != 0 {
			t.Errorf("read %v", got)
		}
		if got, err := f.resolve(id); err != nil || got[id].Unit != (money.Amount{Minor: 1800, Currency: "eur"}) {
			t.Errorf("the price's own: %+v, %v", got, err)
		}
	})
}

func TestWhatStripeDoesNotAnswerStaysUnread(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		stripe := offline(t, func(*http.Request) {})
		f := fixture{catalog.New(db, gateway.New(gateway.Options{SecretKey: "sk_test_1", URL: "http://127.0.0.1:1"}), false), t, db}
		f.apply(event("product.created", 0, product("prod_a", "A")), event("price.created", 0, price("price_a", "prod_a", "", 100)), event("price.created", 0, price("price_b", "prod_a", "", 100)))
		if err := f.ReadUnread(t.Context()); !errors.Is(err, gateway.ErrUnknown) || f.unread() != 2 {
			t.Errorf("%d unread, %v", f.unread(), err)
		}
		// What Stripe does not know is not asked for for ever.
		f.Service = catalog.New(db, gatewayTo(t, stripe), false)
		f.read()
		if got, err := f.resolve("price_a", "price_b"); err != nil || len(got) != 2 || f.unread() != 0 {
			t.Errorf("%+v, %v, %d unread", got, err, f.unread())
		}
	})
}

func TestSyncReadsFurtherCurrenciesAndPackages(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		stripe := offline(t, func(*http.Request) {})
		f := fixture{catalog.New(db, gatewayTo(t, stripe), false), t, db}
		product := change(t, stripe+"/v1/products", url.Values{"name": {"Eggs"}})["id"].(string)
		id := change(t, stripe+"/v1/prices", url.Values{
			"product": {product}, "currency": {"eur"}, "unit_amount": {"300"}, "currency_options[usd][unit_amount]": {"350"},
			"transform_quantity[divide_by]": {"6"}, "transform_quantity[round]": {"down"},
		})["id"].(string)
		if _, err := f.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := f.resolve(id)
		if p := got[id]; err != nil || !maps.Equal(p.Options, currencies{"usd": 350}) || p.Package != (catalog.Package{DivideBy: 6}) || f.unread() != 0 {
			t.Errorf("got %+v, %v, %d unread", got, err, f.unread())
		}
	})
}

func TestUnitsOfPackages(t *testing.T) {
	const most = int64(^uint64(0) >> 1)
	for name, tc := range map[string]struct {
		quantity int64
		pack     catalog.Package
		want     int64
	}{
		"pieces":                           {7, catalog.Package{}, 7},
		"full packages, up":                {8, catalog.Package{DivideBy: 4, RoundUp: true}, 2},
		"full packages, down":              {8, catalog.Package{DivideBy: 4}, 2},
		"one that is not full, up":         {10, catalog.Package{DivideBy: 4, RoundUp: true}, 3},
		"one that is not full, down":       {10, catalog.Package{DivideBy: 4}, 2},
		"less than one, up":                {1, catalog.Package{DivideBy: 4, RoundUp: true}, 1},
		"less than one, down":              {3, catalog.Package{DivideBy: 4}, 0},
		"as many as there are numbers, up": {most, catalog.Package{DivideBy: 2, RoundUp: true}, most/2 + 1},
	} {
		if got := tc.pack.Units(tc.quantity); got != tc.want {
			t.Errorf("%s: %d units, want %d", name, got, tc.want)
		}
	}
}
