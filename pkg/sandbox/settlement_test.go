package sandbox_test

import "testing"

func TestAnAccountThatIsSettledInOneCurrency(t *testing.T) {
	shows(t, "https://docs.stripe.com/currencies/conversions")
	b := setup(t)
	b.door("POST", "/settlement", `{"currency": "eur", "rates": {"usd": "0.923145", "jpy": "0.0061"}}`, 204)
	moved := func(form string) reply {
		t.Helper()
		in := b.send("POST", "/v1/payment_intents", form+"&confirm=true&payment_method=pm_card_visa&expand[]=latest_charge.balance_transaction")
		if in.str("status") != "succeeded" {
			t.Fatalf("%d %s", in.Status, in.Body)
		}
		return in
	}
	const at = "latest_charge.balance_transaction."
	const card = "&payment_method_types[]=card"
	usd := moved("amount=1099&currency=usd" + card)
	if usd.at(at+"amount") != 1015.0 || usd.at(at+"fee") != 57.0 || usd.at(at+"net") != 958.0 || usd.str(at+"currency") != "eur" || usd.at(at+"exchange_rate") != 0.923145 || usd.str("currency") != "usd" {
		t.Errorf("%s", usd.Body)
	}
	jpy := moved("amount=5000&currency=jpy" + card)
	if jpy.at(at+"amount") != 3050.0 || jpy.str(at+"currency") != "eur" {
		t.Errorf("%s", jpy.Body)
	}
	if eur := moved("amount=1099&currency=eur" + card); eur.at(at+"amount") != 1099.0 || eur.at(at+"exchange_rate") != nil {
		t.Errorf("what is of the account's currency is not exchanged: %s", eur.Body)
	}
	if chf := moved("amount=1099&currency=chf" + card); chf.str(at+"currency") != "chf" {
		t.Errorf("what has no rate is not exchanged: %s", chf.Body)
	}
	back := b.send("POST", "/v1/refunds", "expand[]=balance_transaction&payment_intent="+usd.str("id"))
	if back.at("balance_transaction.amount") != -1015.0 || back.str("balance_transaction.currency") != "eur" || back.at("amount") != 1099.0 {
		t.Errorf("%s", back.Body)
	}
	if list := b.send("GET", "/v1/balance_transactions?currency=eur", ""); len(list.at("data").([]any)) != 4 {
		t.Errorf("%s", list.Body)
	}
	if list := b.send("GET", "/v1/balance_transactions?expand[]=data.source", ""); list.at("data").([]any)[0].(map[string]any)["source"].(map[string]any)["payment_intent"] != usd.str("id") {
		t.Errorf("%s", list.Body)
	}
	b.balanced()
	for _, wrong := range []string{`{"currency": "xxx"}`, `{"rates": {"usd": "1e5"}}`, `{"rates": {"usd": "0"}}`, `{"rates": {"usd": "-1"}}`, `{"rates": {"nope": "1"}}`, `{"rate": 1}`} {
		b.door("POST", "/settlement", wrong, 400)
	}
}
