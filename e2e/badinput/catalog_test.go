package badinput

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// priced makes a product with one price at Stripe, and waits until Till knows it.
func (s *scene) priced(t *testing.T, price map[string]string) (product, id string) {
	t.Helper()
	product = s.AtStripe("POST", "/v1/products", url.Values{"name": {"Something"}})["id"].(string)
	form := url.Values{"product": {product}, "currency": {"eur"}}
	for name, value := range price {
		form.Set(name, value)
	}
	id = s.AtStripe("POST", "/v1/prices", form)["id"].(string)
	s.Until("the price is mirrored", func() bool { return s.Count("SELECT count(*) FROM prices WHERE id = ?", id) == 1 })
	return product, id
}

func TestPrices(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		_, recurring := s.priced(t, map[string]string{"unit_amount": "900", "recurring[interval]": "month", "lookup_key": "club"})
		_, fraction := s.priced(t, map[string]string{"unit_amount_decimal": "0.5"})
		_, tiered := s.priced(t, map[string]string{"billing_scheme": "tiered", "tiers_mode": "volume", "tiers[0][up_to]": "inf", "tiers[0][unit_amount]": "900", "recurring[interval]": "month"})
		_, chosen := s.priced(t, map[string]string{"custom_unit_amount[enabled]": "true"})
		_, dozen := s.priced(t, map[string]string{"unit_amount": "900", "transform_quantity[divide_by]": "12", "transform_quantity[round]": "down"})
		_, both := s.priced(t, map[string]string{"unit_amount": "900", "currency_options[usd][unit_amount]": "950"})
		_, cheap := s.priced(t, map[string]string{"unit_amount": "10"})
		_, free := s.priced(t, map[string]string{"unit_amount": "0"})
		_, dollars := s.priced(t, map[string]string{"unit_amount": "900", "currency": "usd"})
		_, huge := s.priced(t, map[string]string{"unit_amount": "900"})
		_, large := s.priced(t, map[string]string{"unit_amount": "900"})
		s.settle()                                                                             // no reading of a price may still come
		for id, amount := range map[string]int64{huge: 10000000000000, large: 9000000000000} { // beyond what Stripe takes today
			if err := s.DB.Write(t.Context()).Exec("UPDATE prices SET unit_amount = ? WHERE id = ?", amount, id).Error; err != nil {
				t.Fatal(err)
			}
		}
		_, inactive := s.priced(t, map[string]string{"unit_amount": "900", "lookup_key": "old"})
		s.AtStripe("POST", "/v1/prices/"+inactive, url.Values{"active": {"false"}})
		gone, orphan := s.priced(t, map[string]string{"unit_amount": "900", "lookup_key": "gone"})
		s.AtStripe("POST", "/v1/products/"+gone, url.Values{"active": {"false"}})
		s.Until("all news is there", func() bool {
			return s.Count("SELECT count(*) FROM prices WHERE id = ? AND NOT active", inactive)+s.Count("SELECT count(*) FROM products WHERE id = ? AND NOT active", gone) == 2
		})
		s.settle()

		rows := map[string][2]string{}
		for name, tc := range map[string]struct{ id, want string }{
			"unknown":                     {"price_nothing", "422 price_not_found"},
			"unknown by lookup key":       {"teapot", "422 price_not_found"},
			"a lookup key in capitals":    {"MUG", "422 price_not_found"},
			"a lookup key with a space":   {"mug ", "422 price_not_found"},
			"SQL":                         {"' OR '1'='1", "422 price_not_found"},
			"a wildcard":                  {"%", "422 price_not_found"},
			"a product":                   {gone, "422 price_not_found"},
			"recurring":                   {recurring, "422 price_not_one_time"},
			"recurring by lookup key":     {"club", "422 price_not_one_time"},
			"of half a cent":              {fraction, "422 price_not_one_time"},
			"in tiers":                    {tiered, "422 price_not_one_time"},
			"of the payer's choice":       {chosen, "422 price_not_one_time"},
			"inactive":                    {inactive, "422 price_not_found"},
			"inactive by lookup key":      {"old", "422 price_not_found"},
			"of an inactive product":      {orphan, "422 price_not_found"},
			"of one by lookup key":        {"gone", "422 price_not_found"},
			"empty":                       {"", "422 validation_failed"},
			"of 256 characters":           {strings.Repeat("p", 256), "422 validation_failed"},
			"with NUL":                    {`mug\u0000`, "422 validation_failed"},
			"the name of an object in JS": {"__proto__", "422 price_not_found"},
		} {
			rows["a price "+name] = [2]string{`{"items":[{"priceId":"` + tc.id + `","quantity":1}]}`, tc.want + " items[0].priceId"}
			rows["a price behind a good one, "+name] = [2]string{`{` + strings.TrimSuffix(item, "]") + `,{"priceId":"` + tc.id + `","quantity":1}]}`, tc.want + " items[1].priceId"}
		}
		for name, r := range map[string][2]string{
			"no price":                      {`{"items":[{"quantity":1}]}`, "422 validation_failed items[0].priceId"},
			"a price null":                  {`{"items":[{"priceId":null,"quantity":1}]}`, "422 validation_failed items[0].priceId"},
			"a price a number":              {`{"items":[{"priceId":7,"quantity":1}]}`, "422 validation_failed items[0].priceId"},
			"a price of the client's":       {`{"items":[{"priceId":"mug","quantity":1,"unitAmount":1}]}`, "422 validation_failed items[0].unitAmount"},
			"an amount of the client's":     {`{"items":[{"priceId":"mug","quantity":1,"amount":1}]}`, "422 validation_failed items[0].amount"},
			"a discount of the client's":    {`{"items":[{"priceId":"mug","quantity":1,"discount":100}]}`, "422 validation_failed items[0].discount"},
			"items empty":                   {`{"items":[]}`, "422 validation_failed items"},
			"items null":                    {`{"items":null}`, "422 validation_failed items"},
			"items an object":               {`{"items":{"priceId":"mug","quantity":1}}`, "422 validation_failed items"},
			"items a string":                {`{"items":"mug"}`, "422 validation_failed items"},
			"an item null":                  {`{"items":[null]}`, "422 validation_failed items[0]"},
			"an item a list":                {`{"items":[["mug",1]]}`, "422 validation_failed items[0]"},
			"101 lines":                     {`{"items":[` + strings.Repeat(`{"priceId":"mug","quantity":1},`, 100) + `{"priceId":"mug","quantity":1}]}`, "422 validation_failed items"},
			"two currencies":                {fmt.Sprintf(`{"items":[{"priceId":"mug","quantity":1},{"priceId":%q,"quantity":1}]}`, dollars), "422 currency_mismatch items[1].priceId"},
			"a currency that it has not":    {fmt.Sprintf(`{"items":[{"priceId":%q,"quantity":1}],"currency":"chf"}`, both), "422 currency_mismatch items[0].priceId"},
			"a currency that one has not":   {fmt.Sprintf(`{"items":[{"priceId":%q,"quantity":1},{"priceId":"mug","quantity":1}],"currency":"usd"}`, both), "422 currency_mismatch items[1].priceId"},
			"two without a currency":        {fmt.Sprintf(`{"items":[{"priceId":%q,"quantity":1},{"priceId":%q,"quantity":1}]}`, dollars, both), "422 currency_mismatch items[1].priceId"},
			"a currency of nobody's":        {fmt.Sprintf(`{"items":[{"priceId":%q,"quantity":1}],"currency":"xyz"}`, both), "422 currency_unknown currency"},
			"a currency of two letters":     {fmt.Sprintf(`{"items":[{"priceId":%q,"quantity":1}],"currency":"us"}`, both), "422 validation_failed currency"},
			"a currency null":               {fmt.Sprintf(`{"items":[{"priceId":%q,"quantity":1}],"currency":null}`, both), "422 validation_failed currency"},
			"less than a package":           {fmt.Sprintf(`{"items":[{"priceId":"mug","quantity":1},{"priceId":%q,"quantity":11}]}`, dozen), "422 quantity_too_small items[1].quantity"},
			"less than Stripe takes":        {fmt.Sprintf(`{"items":[{"priceId":%q,"quantity":4}]}`, cheap), "422 amount_too_small items"},
			"nothing to pay":                {fmt.Sprintf(`{"items":[{"priceId":%q,"quantity":4}]}`, free), "422 amount_too_small items"},
			"a line that overflows 64 bits": {fmt.Sprintf(`{"items":[{"priceId":%q,"quantity":999999}]}`, huge), "422 amount_too_large items[0].quantity"},
			"a sum that overflows 64 bits":  {fmt.Sprintf(`{"items":[{"priceId":%q,"quantity":999999},{"priceId":%q,"quantity":999999}]}`, large, large), "422 amount_too_large items[1].quantity"},
		} {
			rows[name] = r
		}
		s.both(t, rows)
		s.accept(t, "100 lines", 201, s.post("", "/payments/intent", `{"items":[`+strings.Repeat(`{"priceId":"mug","quantity":1},`, 99)+`{"priceId":"mug","quantity":1}]}`, "").request)
		s.accept(t, "five of ten cents", 201, s.post("", "/payments/intent", fmt.Sprintf(`{"items":[{"priceId":%q,"quantity":5}]}`, cheap), "").request)
	})
}
