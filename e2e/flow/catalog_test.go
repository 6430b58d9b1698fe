package flow

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"

	"till/e2e/rig"
)

// sells makes a product with one price at Stripe and waits until Till has read it.
func sells(r *rig.Rig, fields ...string) (product, price string) {
	r.T.Helper()
	product = r.AtStripe("POST", "/v1/products", url.Values{"name": {"Eggs"}})["id"].(string)
	form := url.Values{"product": {product}, "currency": {"eur"}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	price = r.AtStripe("POST", "/v1/prices", form)["id"].(string)
	r.Until("the price is read", func() bool {
		return r.Count("SELECT count(*) FROM prices JOIN products ON products.id = product_id WHERE prices.id = ? AND unread = 0", price) == 1
	})
	return product, price
}

// line is one of a cart.
type line struct {
	price    string
	quantity int
}

func items(lines ...line) (out []any) {
	for _, l := range lines {
		out = append(out, map[string]any{"priceId": l.price, "quantity": l.quantity})
	}
	return out
}

// atCheckout is what Stripe asks for the same in a Checkout Session, with more
// parameters in pairs.
func atCheckout(r *rig.Rig, lines []line, more ...string) map[string]any {
	r.T.Helper()
	form := url.Values{"mode": {"payment"}, "success_url": {"https://shop.example"}}
	for i, l := range lines {
		form.Set(fmt.Sprintf("line_items[%d][price]", i), l.price)
		form.Set(fmt.Sprintf("line_items[%d][quantity]", i), strconv.Itoa(l.quantity))
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return r.AtStripe("POST", "/v1/checkout/sessions", form)
}

func TestPackagesCostWhatStripeSays(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, up := sells(r, "unit_amount", "1200", "transform_quantity[divide_by]", "6", "transform_quantity[round]", "up")
		_, down := sells(r, "unit_amount", "700", "transform_quantity[divide_by]", "4", "transform_quantity[round]", "down")
		token := r.Guest()
		for _, lines := range [][]line{{{up, 1}}, {{up, 6}}, {{up, 7}}, {{down, 4}}, {{down, 11}}, {{up, 13}, {down, 7}}} {
			order := r.Call("POST", "/orders", token, map[string]any{"items": items(lines...)})
			if want := fmt.Sprint(atCheckout(r, lines)["amount_total"]); order.Status != 201 || order.Get("total") != want {
				t.Errorf("%v: %d %s, and Stripe asks for %s", lines, order.Status, order.Body, want)
			}
		}
		order := r.Call("POST", "/orders", token, map[string]any{"items": items(line{up, 7})})
		if order.Get("items.0.quantity") != "7" || order.Get("items.0.unitAmount") != "1200" || order.Get("items.0.amount") != "2400" ||
			order.Get("items.0.transformQuantity.divideBy") != "6" || order.Get("items.0.transformQuantity.round") != "up" {
			t.Errorf("%s", order.Body)
		}
		refused := r.Intent(422, token, map[string]any{"items": items(line{up, 1}, line{down, 3})})
		if refused.Get("code") != "quantity_too_small" || refused.Get("param") != "items[1].quantity" {
			t.Errorf("%s", refused.Body)
		}
		started := r.Intent(201, token, map[string]any{"orderId": order.Get("id"), "receiptEmail": "jenny@example.com"})
		r.Confirm(started.Get("clientSecret"), "pm_card_visa")
		if paid := r.Await(token, started.Get("id"), 0); paid.Get("status") != "succeeded" || paid.Get("amount") != "2400" {
			t.Errorf("%s", paid.Body)
		}
		once(t, r, order.Get("id"))
	})
}

func TestAnOrderInAFurtherCurrency(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		product, price := sells(r, "unit_amount", "1800", "currency_options[usd][unit_amount]", "1950", "currency_options[jpy][unit_amount]", "300",
			"transform_quantity[divide_by]", "2", "transform_quantity[round]", "up")
		token, lines := r.Guest(), []line{{price, 3}}
		list := r.Call("GET", "/catalog/products", "", nil)
		for i := range 4 {
			at := fmt.Sprintf("data.%d.", i)
			got := list.Get(at+"prices.0.currencyOptions") + list.Get(at+"prices.0.transformQuantity")
			if want := "[map[currency:jpy unitAmount:300] map[currency:usd unitAmount:1950]]map[divideBy:2 round:up]"; list.Get(at+"id") == product && got != want || list.Get(at+"id") != product && got != "" {
				t.Errorf("%d: %s in %s", i, got, list.Body)
			}
		}
		for _, currency := range []string{"", "eur", "EUR", "usd", "jpy"} {
			cart, more := map[string]any{"items": items(lines...)}, []string{}
			if currency != "" {
				cart["currency"] = currency
			}
			if currency == "usd" || currency == "jpy" {
				more = []string{"currency", currency}
			}
			order, stripe := r.Call("POST", "/orders", token, cart), atCheckout(r, lines, more...)
			if order.Status != 201 || order.Get("total") != fmt.Sprint(stripe["amount_total"]) || order.Get("currency") != stripe["currency"] {
				t.Errorf("%q: %s, and Stripe asks for %v %v", currency, order.Body, stripe["amount_total"], stripe["currency"])
			}
		}
		// A cart that goes on in another currency is the same payment.
		first := r.Intent(201, token, map[string]any{"items": items(lines...), "reference": "cart-1", "receiptEmail": "jenny@example.com"})
		second := r.Intent(200, token, map[string]any{"items": items(lines...), "reference": "cart-1", "currency": "usd"})
		if second.Get("id") != first.Get("id") || second.Get("amount") != "3900" || second.Get("currency") != "usd" {
			t.Fatalf("%s", second.Body)
		}
		r.Confirm(second.Get("clientSecret"), "pm_card_visa")
		r.Await(token, first.Get("id"), 0)
		once(t, r, first.Get("orderId"))
		if order := r.Call("GET", "/orders/"+first.Get("orderId"), token, nil); order.Get("currency") != "usd" || order.Get("items.0.unitAmount") != "1950" {
			t.Errorf("%s", order.Body)
		}
	})
}

// An event about a price leads to a reading, and until then the payer pays what
// the catalogue shows.
func TestAChangedCurrencyOption(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, price := sells(r, "unit_amount", "1800", "currency_options[usd][unit_amount]", "1950")
		token, cart := r.Guest(), map[string]any{"items": items(line{price, 1}), "currency": "usd"}
		r.Fault("GET", "/v1/prices/*", "status_before", 1000)
		r.AtStripe("POST", "/v1/prices/"+price, url.Values{"currency_options[usd][unit_amount]": {"2000"}, "metadata[season]": {"winter"}}) // what events show has to change as well
		r.Until("Till has heard of it", func() bool { return r.Count("SELECT count(*) FROM prices WHERE id = ? AND unread > 0", price) == 1 })
		if order := r.Call("POST", "/orders", token, cart); order.Get("total") != "1950" {
			t.Errorf("%s", order.Body)
		}
		r.Door("DELETE", "/_sandbox/faults", nil)
		r.Until("it is read", func() bool { return r.Count("SELECT count(*) FROM prices WHERE unread > 0") == 0 })
		if order := r.Call("POST", "/orders", token, cart); order.Get("total") != "2000" {
			t.Errorf("%s", order.Body)
		}
	})
}
