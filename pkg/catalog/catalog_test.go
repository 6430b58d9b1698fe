package catalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/catalog"
	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/problem"
	"till/pkg/sandbox"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

var t0 = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }

// object is a product or price as an event shows it.
type object map[string]any

func (o object) with(name string, value any) object {
	c := object{}
	for k, v := range o {
		c[k] = v
	}
	c[name] = value
	return c
}

func product(id, name string) object {
	return object{"id": id, "object": "product", "name": name, "active": true, "created": t0.Unix(), "images": []string{"https://shop.example/a.svg"}, "metadata": map[string]string{"shelf": "A"}}
}

func price(id, product, lookupKey string, unit int64) object {
	o := object{"id": id, "object": "price", "product": product, "currency": "eur", "unit_amount": unit, "type": "one_time", "billing_scheme": "per_unit", "active": true, "created": t0.Unix()}
	if lookupKey != "" {
		o["lookup_key"] = lookupKey
	}
	return o
}

func event(kind string, second int, o object) gateway.Event {
	body, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return gateway.Event{ID: fmt.Sprint("evt_", kind, second), Type: kind, Created: at(second), ObjectID: o["id"].(string), Object: body}
}

type fixture struct {
	*catalog.Service
	t  *testing.T
	db *store.DB
}

func setup(t *testing.T, db *store.DB) fixture {
	return fixture{catalog.New(db, nil, false), t, db}
}

func (f fixture) apply(events ...gateway.Event) []bool {
	f.t.Helper()
	var applied []bool
	err := f.db.Tx(f.t.Context(), func(tx *gorm.DB) (err error) {
		applied, err = f.Apply(tx, events)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return applied
}

// resolve runs within a transaction, as orders are priced.
func (f fixture) resolve(ids ...string) (map[string]catalog.Price, error) {
	found := map[string]catalog.Price{}
	err := f.db.Tx(f.t.Context(), func(tx *gorm.DB) error {
		var prices *catalog.Prices
		err := store.Send(tx, func(p *store.Pipe) { prices = f.Look(p, ids) })
		for _, id := range ids {
			if err == nil {
				found[id], err = prices.Find(id)
			}
		}
		return err
	})
	return found, err
}

func (f fixture) names() []string {
	f.t.Helper()
	products, _, err := f.Products(f.t.Context(), store.Page{Limit: 100})
	if err != nil {
		f.t.Fatal(err)
	}
	var names []string
	for _, p := range products {
		for _, price := range p.Prices {
			names = append(names, fmt.Sprint(p.Name, " ", price.Unit.Minor))
		}
	}
	return names
}

func TestApplyAndRead(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		f := setup(t, db)
		applied := f.apply(
			event("price.created", 0, price("price_mug", "prod_mug", "mug", 1800)), // before its product, as it can come
			event("product.created", 0, product("prod_mug", "Mug")),
			event("price.created", 0, price("price_mug_us", "prod_mug", "", 1900).with("currency", "usd").with("created", at(1).Unix())),
			event("charge.succeeded", 0, object{"id": "ch_1"}),
			event("product.exploded", 0, product("prod_mug", "Bang")),
		)
		if !slices.Equal(applied, []bool{true, true, true, false, false}) {
			t.Errorf("applied %v", applied)
		}
		products, more, err := f.Products(t.Context(), store.Page{})
		if err != nil || more || len(products) != 1 {
			t.Fatalf("products are %+v, %t, %v", products, more, err)
		}
		p := products[0]
		if p.ID != "prod_mug" || p.Name != "Mug" || !p.CreatedAt.Equal(t0) || p.Metadata["shelf"] != "A" || len(p.Images) != 1 || len(p.Prices) != 2 {
			t.Errorf("product is %+v", p)
		}
		want := catalog.Price{ID: "price_mug", LookupKey: "mug", ProductID: "prod_mug", ProductName: "Mug", Unit: money.Amount{Minor: 1800, Currency: "eur"}, Options: map[money.Currency]int64{}}
		if !reflect.DeepEqual(p.Prices[0], want) || p.Prices[1].Unit.Currency != "usd" {
			t.Errorf("prices are %+v", p.Prices)
		}
		got, err := f.resolve("mug", "price_mug", "price_mug_us")
		if err != nil || !reflect.DeepEqual(got["mug"], want) || !reflect.DeepEqual(got["price_mug"], want) || got["price_mug_us"].Unit.Minor != 1900 {
			t.Errorf("resolved %+v, %v", got, err)
		}
	})
}

func TestForeignEventsAreIgnored(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		f := setup(t, db)
		connect := event("product.created", 0, product("prod_a", "A"))
		connect.Account = "acct_1"
		live := event("product.created", 0, product("prod_b", "B"))
		live.Livemode = true
		if applied := f.apply(connect, live, event("price.created", 0, price("price_a", "prod_a", "", 1))); !slices.Equal(applied, []bool{false, false, true}) {
			t.Errorf("applied %v", applied)
		}
		if _, err := f.resolve("price_a"); !errors.Is(err, catalog.ErrPriceNotFound) {
			t.Errorf("a price without its product resolved: %v", err)
		}
	})
}

// Whatever the order and grouping in which events come, the newest news holds.
func TestNewestNewsWinsInAnyOrder(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		f := setup(t, db)
		for round := range 12 {
			id, other := fmt.Sprint("prod_", round), fmt.Sprint("gone_", round)
			events := []gateway.Event{
				event("product.created", 0, product(id, "first")),
				event("product.updated", 1, product(id, "second")),
				event("product.updated", 2, product(id, fmt.Sprint("third ", round))),
				event("price.created", 0, price("price_"+id, id, "", 100)),
				event("price.updated", 3, price("price_"+id, id, "", 300)),
				event("price.updated", 2, price("price_"+id, id, "", 200)),
				event("product.created", 0, product(other, "gone")),
				event("product.deleted", 1, product(other, "gone")),
				event("product.updated", 1, product(other, "gone")),
				event("price.created", 0, price("price_"+other, other, "", 1)),
			}
			rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			for len(events) > 0 {
				n := 1 + rand.IntN(len(events))
				f.apply(events[:n]...)
				events = events[n:]
			}
			if names := f.names(); !slices.Contains(names, fmt.Sprintf("third %d 300", round)) || len(names) != round+1 {
				t.Fatalf("round %d: %v", round, names)
			}
		}
	})
}

func TestADeletedProductCanBeMadeAgainUnderItsId(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		f := setup(t, db)
		first, second := product("prod_a", "old"), product("prod_a", "new").with("created", at(10).Unix())
		f.apply(event("price.created", 0, price("price_a", "prod_a", "", 1)))
		f.apply(event("product.created", 10, second), event("product.deleted", 5, first)) // the deletion comes late
		f.apply(event("product.deleted", 5, first))
		if names := f.names(); !slices.Equal(names, []string{"new 1"}) {
			t.Errorf("for sale: %v", names)
		}
		f.apply(event("product.deleted", 20, second))
		f.apply(event("product.updated", 30, second))
		if names := f.names(); names != nil {
			t.Errorf("what was deleted is for sale: %v", names)
		}
	})
}

func TestALookupKeyThatMovesIsTheNewestOnes(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		f := setup(t, db)
		f.apply(event("product.created", 0, product("prod_a", "A")), event("price.created", 0, price("price_old", "prod_a", "a", 100)))
		moved := price("price_new", "prod_a", "a", 200).with("created", at(5).Unix())
		f.apply(event("price.created", 5, moved))
		if got, err := f.resolve("a"); err != nil || got["a"].ID != "price_new" { // the loser's event is still on its way
			t.Errorf("resolved %+v, %v", got, err)
		}
		f.apply(event("price.updated", 5, price("price_old", "prod_a", "", 100)))
		got, err := f.resolve("a", "price_old")
		if err != nil || got["a"].ID != "price_new" || got["price_old"].Unit.Minor != 100 {
			t.Errorf("resolved %+v, %v", got, err)
		}
		f.apply(event("price.updated", 9, moved.with("active", false)))
		if _, err := f.resolve("a"); !errors.Is(err, catalog.ErrPriceNotFound) {
			t.Errorf("an inactive price resolved: %v", err)
		}
	})
}

func TestResolveNamesThePriceItRefuses(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		f := setup(t, db)
		f.apply(
			event("product.created", 0, product("prod_a", "A")),
			event("product.created", 0, product("prod_off", "Off").with("active", false)),
			event("price.created", 0, price("good", "prod_a", "", 100)),
			event("price.created", 0, price("monthly", "prod_a", "", 100).with("type", "recurring")),
			event("price.created", 0, price("packages", "prod_a", "", 100).with("type", "recurring").with("transform_quantity", object{"divide_by": 5, "round": "up"})),
			event("price.created", 0, price("tiered", "prod_a", "", 100).with("billing_scheme", "tiered").with("unit_amount", nil)),
			event("price.created", 0, price("chosen", "prod_a", "", 100).with("custom_unit_amount", object{"minimum": 100, "maximum": nil, "preset": nil}).with("unit_amount", nil)),
			event("price.created", 0, price("fraction", "prod_a", "", 100).with("unit_amount", nil).with("unit_amount_decimal", "0.5")),
			event("price.created", 0, price("inactive", "prod_a", "", 100).with("active", false)),
			event("price.created", 0, price("off", "prod_off", "", 100)),
			event("price.deleted", 0, price("deleted", "prod_a", "", 100)),
		)
		for id, want := range map[string]error{
			"monthly": catalog.ErrPriceNotOneTime, "tiered": catalog.ErrPriceNotOneTime,
			"packages": catalog.ErrPriceNotOneTime, "chosen": catalog.ErrPriceNotOneTime, "fraction": catalog.ErrPriceNotOneTime,
			"inactive": catalog.ErrPriceNotFound, "off": catalog.ErrPriceNotFound, "deleted": catalog.ErrPriceNotFound,
			"absent": catalog.ErrPriceNotFound, "": catalog.ErrPriceNotFound, "' OR 1=1 --": catalog.ErrPriceNotFound,
		} {
			_, err := f.resolve("good", id)
			p, _ := problem.As(err)
			if !errors.Is(err, want) || !strings.Contains(p.Detail, fmt.Sprintf("%q", id)) || p.Kind != problem.Invalid {
				t.Errorf("%q: %v", id, err)
			}
		}
		if names := f.names(); !slices.Equal(names, []string{"A 100"}) {
			t.Errorf("for sale: %v", names)
		}
	})
}

func TestProductsInPages(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		f := setup(t, db)
		var events []gateway.Event
		for i, id := range []string{"m", "c", "x", "a", "k"} { // ids say nothing about age; c and x are of the same second
			created := at(i - i/2).Unix()
			events = append(events,
				event("product.created", 9, product(id, id).with("created", created)),
				event("price.created", 9, price("price_"+id, id, "", 1)))
		}
		f.apply(events...)
		f.apply(event("product.created", 9, product("unsold", "unsold")))
		all := f.page(store.Page{Limit: 100})
		if len(all.ids) != 5 || all.more || all.ids[4] != "m" {
			t.Fatalf("all are %+v", all)
		}
		for name, tc := range map[string]struct {
			page store.Page
			want []string
			more bool
		}{
			"the first":         {store.Page{Limit: 2}, all.ids[:2], true},
			"the second":        {store.Page{Limit: 2, StartingAfter: all.ids[1]}, all.ids[2:4], true},
			"the last":          {store.Page{Limit: 2, StartingAfter: all.ids[3]}, all.ids[4:], false},
			"back":              {store.Page{Limit: 2, EndingBefore: all.ids[4]}, all.ids[2:4], true},
			"back to the start": {store.Page{Limit: 2, EndingBefore: all.ids[2]}, all.ids[:2], false},
			"an unknown cursor": {store.Page{Limit: 2, StartingAfter: "nobody"}, nil, false},
		} {
			if got := f.page(tc.page); !slices.Equal(got.ids, tc.want) || got.more != tc.more {
				t.Errorf("%s: %+v, want %v and %t", name, got, tc.want, tc.more)
			}
		}
	})
}

type pageOf struct {
	ids  []string
	more bool
}

func (f fixture) page(p store.Page) (out pageOf) {
	f.t.Helper()
	products, more, err := f.Products(f.t.Context(), p)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, p := range products {
		out.ids = append(out.ids, p.ID)
	}
	out.more = more
	return out
}

func TestSyncMakesTheMirrorWhole(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		stripe := offline(t, func(*http.Request) {})
		g := gatewayTo(t, stripe)
		f := fixture{catalog.New(db, g, false), t, db}

		var prices []gateway.Price
		for i := range 130 { // two pages
			p, err := g.EnsureOffer(t.Context(), gateway.Offer{LookupKey: fmt.Sprint("offer_", i), Name: fmt.Sprint("Offer ", i), Unit: money.Amount{Minor: 100, Currency: "eur"}})
			if err != nil {
				t.Fatal(err)
			}
			prices = append(prices, p)
		}
		change(t, stripe+"/v1/prices/"+prices[0].ID, url.Values{"active": {"false"}})
		// What the mirror holds and Stripe does not know: its end was missed.
		f.apply(event("product.created", -1e6, product("prod_lost", "Lost")), event("price.created", -1e6, price("price_lost", "prod_lost", "", 1)))

		n, err := f.Sync(t.Context())
		if err != nil || n != (catalog.Counts{Products: 130, Prices: 130, Archived: 2}) {
			t.Fatalf("synced %+v, %v", n, err)
		}
		if got := len(f.page(store.Page{Limit: 1000}).ids); got != 129 {
			t.Errorf("%d products are for sale, want 129", got)
		}
		if got, err := f.resolve("offer_129"); err != nil || got["offer_129"].ID != prices[129].ID {
			t.Errorf("resolved %+v, %v", got, err)
		}
		if n, err := f.Sync(t.Context()); err != nil || n.Archived != 0 {
			t.Errorf("again: %+v, %v", n, err)
		}
	})
}

// offline is a sandbox; before is told of each request before that is answered.
func offline(t *testing.T, before func(*http.Request)) (address string) {
	t.Helper()
	box, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		before(q)
		box.ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func gatewayTo(t *testing.T, address string) *gateway.Gateway {
	g := gateway.New(gateway.Options{SecretKey: "sk_test_1", URL: address})
	t.Cleanup(g.Close)
	return g
}

// change is a request of the merchant's; it returns what Stripe says then, as an
// event shows it.
func change(t *testing.T, address string, form url.Values) object {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer sk_test_1")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", res.Status, body)
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatal(err)
	}
	return o
}
