package badinput

import (
	"strings"
	"testing"

	"till/pkg/config"
)

// with sets what the operator of a shop has chosen.
func with(currency string, lowest, highest int64) func(*config.Config) {
	return func(c *config.Config) {
		c.Currency, c.ClientAmountMin, c.ClientAmountMax = currency, &lowest, &highest
	}
}

func TestAmounts(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		rows := map[string][2]string{}
		for literal, want := range map[string]string{
			"-1": "422 validation_failed amount", "-0": "422 validation_failed amount", "-9223372036854775808": "422 validation_failed amount",
			"0": "422 amount_too_small amount", "1": "422 amount_too_small amount", "49": "422 amount_too_small amount",
			"99":    "422 amount_too_small amount", // Stripe would take it, the operator does not
			"50001": "422 amount_too_large amount", "99999999": "422 amount_too_large amount", "100000000": "422 amount_too_large amount",
			"2147483648": "422 amount_too_large amount", "9007199254740993": "422 amount_too_large amount", "9223372036854775807": "422 amount_too_large amount",
			"9223372036854775808": "422 validation_failed amount", "18446744073709552616": "422 validation_failed amount",
			"1" + strings.Repeat("0", 400): "422 validation_failed amount", "1e400": "422 validation_failed amount",
			"1.5": "422 validation_failed amount", "100.0": "422 validation_failed amount", "1e3": "422 validation_failed amount", "1E3": "422 validation_failed amount",
			"1e0": "422 validation_failed amount", "1000e-1": "422 validation_failed amount",
			`"500"`: "422 validation_failed amount", `""`: "422 validation_failed amount", `"٥٠٠"`: "422 validation_failed amount",
			"null": "422 validation_failed amount", "[500]": "422 validation_failed amount", `{"minor":500}`: "422 validation_failed amount", "true": "422 validation_failed amount",
			"NaN": "400 invalid_json amount", "Infinity": "400 invalid_json amount", "0x1F4": "400 invalid_json", "0500": "400 invalid_json", "+500": "400 invalid_json amount",
			"5_00": "400 invalid_json", "500,00": "400 invalid_json", ".5": "400 invalid_json amount", "500.": "400 invalid_json amount", "٥٠٠": "400 invalid_json amount",
		} {
			rows["amount "+shorten(literal)] = [2]string{`{"amount":` + literal + `,"currency":"eur"}`, want}
		}
		for literal, want := range map[string]string{
			`"usd"`: "422 currency_mismatch currency", `"jpy"`: "422 currency_mismatch currency", `"KWD"`: "422 currency_mismatch currency",
			`"xyz"`: "422 currency_unknown currency", `"btc"`: "422 currency_unknown currency", `"xau"`: "422 currency_unknown currency",
			`"e r"`: "422 currency_unknown currency", `"\u0435ur"`: "422 currency_unknown currency", `"€€€"`: "422 currency_unknown currency", `"eu\n"`: "422 currency_unknown currency",
			`"eu"`: "422 validation_failed currency", `"euro"`: "422 validation_failed currency", `""`: "422 validation_failed currency", `" eur"`: "422 validation_failed currency",
			`"eu\u0000"`: "422 validation_failed currency", "978": "422 validation_failed currency", "null": "422 validation_failed currency", `["eur"]`: "422 validation_failed currency",
		} {
			rows["currency "+literal] = [2]string{`{"amount":500,"currency":` + literal + `}`, want}
		}
		rows["amount without a currency"] = [2]string{`{"amount":500}`, "422 validation_failed currency"}
		rows["items in a currency that they are not sold in"] = [2]string{`{` + item + `,"currency":"sek"}`, "422 currency_mismatch items[0].priceId"}
		s.both(t, rows)
		s.accept(t, "the lowest amount", 201, s.post("", "/payments/intent", `{"amount":100,"currency":"eur"}`, "").request)
		s.accept(t, "the highest amount, the currency in capitals", 201, s.post("", "/orders", `{"amount":50000,"currency":"EUR"}`, "").request)
	})
}

// An amount from a client is refused unless the operator allows it.
func TestNoAmountsAllowed(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		s.both(t, map[string][2]string{
			"an amount":                        {`{"amount":500,"currency":"eur"}`, "403 client_amount_not_allowed amount"},
			"an amount in another currency":    {`{"amount":500,"currency":"usd"}`, "403 client_amount_not_allowed amount"},
			"an amount in no currency at all":  {`{"amount":500,"currency":"xyz"}`, "403 client_amount_not_allowed amount"},
			"an amount that nobody would take": {`{"amount":0,"currency":"eur"}`, "403 client_amount_not_allowed amount"},
			"a negative one":                   {`{"amount":-1,"currency":"eur"}`, "422 validation_failed amount"},
		})
		s.accept(t, "items", 201, s.post("", "/payments/intent", `{`+item+`}`, "").request)
	}, func(c *config.Config) { c.ClientAmountMin, c.ClientAmountMax = nil, nil })
}

func TestAmountsOfOtherCurrencies(t *testing.T) {
	for _, shop := range []struct {
		currency        string
		lowest, highest int64
		good            string
		bad             map[string]string
	}{
		{"jpy", 50, 50_000, "50", map[string]string{"49": "amount_too_small", "50001": "amount_too_large", "100.00": "validation_failed"}},
		{"isk", 100, 100_000, "1000", map[string]string{"1001": "amount_invalid", "150": "amount_invalid", "99": "amount_too_small", "100100": "amount_too_large"}},
		{"ugx", 100, 100_000, "1000", map[string]string{"1050": "amount_invalid"}},
		{"kwd", 100, 100_000, "1230", map[string]string{"1234": "amount_invalid", "1239": "amount_invalid", "9": "amount_too_small"}},
		{"huf", 17_500, 9_000_000, "17500", map[string]string{"17499": "amount_too_small", "100": "amount_too_small"}},
	} {
		t.Run(shop.currency, func(t *testing.T) {
			on(t, func(t *testing.T, s *scene) {
				rows := map[string][2]string{"euros": {`{"amount":20000,"currency":"eur"}`, "422 currency_mismatch currency"}}
				for literal, code := range shop.bad {
					rows[literal] = [2]string{`{"amount":` + literal + `,"currency":"` + shop.currency + `"}`, "422 " + code + " amount"}
				}
				s.both(t, rows)
				s.accept(t, shop.good, 201, s.post("", "/payments/intent", `{"amount":`+shop.good+`,"currency":"`+shop.currency+`"}`, "").request)
			}, with(shop.currency, shop.lowest, shop.highest))
		})
	}
}

func TestQuantities(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		rows := map[string][2]string{}
		for literal, want := range map[string]string{
			"0": "422 validation_failed", "-1": "422 validation_failed", "-0": "422 validation_failed", "1.5": "422 validation_failed", "1.0": "422 validation_failed",
			"1e1": "422 validation_failed", `"1"`: "422 validation_failed", "null": "422 validation_failed", "true": "422 validation_failed", "[1]": "422 validation_failed",
			"1000000": "422 validation_failed", "2147483648": "422 validation_failed", "9007199254740993": "422 validation_failed",
			"9223372036854775807": "422 validation_failed", "9223372036854775808": "422 validation_failed", "18446744073709551617": "422 validation_failed",
			"NaN": "400 invalid_json",
		} {
			rows["quantity "+literal] = [2]string{`{"items":[{"priceId":"mug","quantity":` + literal + `}]}`, want + " items[0].quantity"}
		}
		rows["no quantity"] = [2]string{`{"items":[{"priceId":"mug"}]}`, "422 validation_failed items[0].quantity"}
		rows["the second of two"] = [2]string{`{"items":[{"priceId":"mug","quantity":2},{"priceId":"mug","quantity":-1}]}`, "422 validation_failed items[1].quantity"}
		rows["more than Stripe takes"] = [2]string{`{"items":[{"priceId":"mug","quantity":999999}]}`, "422 amount_too_large items"}
		rows["more than Stripe takes, in many lines"] = [2]string{`{"items":[` + strings.Repeat(`{"priceId":"tee","quantity":30000},`, 99) + `{"priceId":"tee","quantity":1}]}`, "422 amount_too_large items"}
		s.both(t, rows)
		s.accept(t, "as many as the maximum allows", 201, s.post("", "/payments/intent", `{"items":[{"priceId":"mug","quantity":55555}]}`, "").request)
	})
}
