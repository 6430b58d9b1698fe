package sandbox_test

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
)

const creditPage = "https://docs.stripe.com/billing/customer/balance"

func TestCustomerBalance(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook := b.receive("customer.updated")
	u := b.send("POST", "/v1/customers", "name=Amy").str("id")
	own := stripe.String(u)
	var first *stripe.CustomerBalanceTransaction

	t.Run("a transaction changes the balance, and the customer's currency if there was none", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/customer_balance_transactions/create")
		var err error
		first, err = b.stripe.CustomerBalanceTransactions.New(&stripe.CustomerBalanceTransactionParams{Customer: own, Amount: stripe.Int64(-500), Currency: stripe.String("eur"),
			Description: stripe.String("Sorry"), Metadata: map[string]string{"a": "b"}})
		if err != nil || first.EndingBalance != -500 || first.Type != stripe.CustomerBalanceTransactionTypeAdjustment || first.Description != "Sorry" || first.Metadata["a"] != "b" {
			t.Fatalf("%+v %v", first, err)
		}
		got, err := b.stripe.Customers.Get(u, nil)
		if err != nil || got.Balance != -500 || got.Currency != stripe.CurrencyEUR {
			t.Errorf("%+v %v", got, err)
		}
		if was := hook.next(t, "customer.updated").Data.PreviousAttributes; was["balance"] != 0.0 || was["currency"] != nil || len(was) != 2 {
			t.Errorf("%v", was)
		}
	})
	t.Run("each currency has a balance of its own", func(t *testing.T) {
		shows(t, creditPage)
		r := b.send("POST", "/v1/customers/"+u+"/balance_transactions", "amount=300&currency=usd")
		if r.at("ending_balance") != 300.0 {
			t.Errorf("%s", r.Body)
		}
		if r := b.send("GET", "/v1/customers/"+u, ""); r.at("balance") != -500.0 || r.str("currency") != "eur" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("a balance that is set is an adjustment to it", func(t *testing.T) {
		shows(t, creditPage)
		if got, err := b.stripe.Customers.Update(u, &stripe.CustomerParams{Balance: stripe.Int64(250)}); err != nil || got.Balance != 250 {
			t.Errorf("%+v %v", got, err)
		}
		r := b.send("GET", "/v1/customers/"+u+"/balance_transactions?limit=1", "")
		last := r.at("data").([]any)[0].(map[string]any)
		if last["amount"] != 750.0 || last["ending_balance"] != 250.0 || last["type"] != "adjustment" || last["currency"] != "eur" || r.at("has_more") != true {
			t.Errorf("%s", r.Body)
		}
		b.send("POST", "/v1/customers/"+u, "balance=250")
		if r := b.send("GET", "/v1/customers/"+u+"/balance_transactions", ""); len(r.at("data").([]any)) != 3 {
			t.Errorf("no change, yet a transaction: %s", r.Body)
		}
	})
	t.Run("so is the balance of a new customer", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/customers/create")
		id := b.send("POST", "/v1/customers", "balance=-100").str("id")
		r := b.send("GET", "/v1/customers/"+id+"/balance_transactions?expand[]=data.customer", "")
		only := r.at("data").([]any)[0].(map[string]any)
		if only["amount"] != -100.0 || only["currency"] != "usd" || only["customer"].(map[string]any)["balance"] != -100.0 {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("a transaction keeps all but description and metadata", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/customer_balance_transactions/update")
		p := &stripe.CustomerBalanceTransactionParams{Customer: own, Description: stripe.String("Gift")}
		p.AddMetadata("a", "")
		got, err := b.stripe.CustomerBalanceTransactions.Update(first.ID, p)
		if err != nil || got.Description != "Gift" || len(got.Metadata) != 0 || got.Amount != -500 {
			t.Errorf("%+v %v", got, err)
		}
		if r := b.send("POST", "/v1/customers/"+u+"/balance_transactions/"+first.ID, "amount=1"); r.str("error.code") != "parameter_unknown" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("a transaction is found only where it belongs", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/customer_balance_transactions/retrieve")
		if got, err := b.stripe.CustomerBalanceTransactions.Get(first.ID, &stripe.CustomerBalanceTransactionParams{Customer: own}); err != nil || got.EndingBalance != -500 {
			t.Errorf("%+v %v", got, err)
		}
		other := b.send("POST", "/v1/customers", "").str("id")
		if r := b.send("GET", "/v1/customers/"+other+"/balance_transactions/"+first.ID, ""); r.Status != 404 || r.str("error.code") != "resource_missing" {
			t.Errorf("%s", r.Body)
		}
	})
	for form, param := range map[string]string{"currency=eur": "amount", "amount=1": "currency", "amount=x&currency=eur": "amount", "amount=1&currency=zzz": "currency"} {
		if r := b.send("POST", "/v1/customers/"+u+"/balance_transactions", form); r.Status != 400 || r.str("error.param") != param {
			t.Errorf("%s: %s", form, r.Body)
		}
	}
}

func TestAmountsAreBounded(t *testing.T) {
	b := setup(t)
	customer := b.send("POST", "/v1/customers", "").str("id")
	product := b.send("POST", "/v1/products", "name=Tea").str("id")
	const huge = "9223372036854775807"
	for path, tc := range map[string]struct{ form, param, page string }{
		"/v1/customers": {"balance=" + huge, "balance", "https://docs.stripe.com/api/customers/create"},
		"/v1/customers/" + customer + "/balance_transactions": {"currency=usd&amount=-" + huge, "amount", "https://docs.stripe.com/api/customer_balance_transactions/create"},
		"/v1/prices":  {"currency=usd&product=" + product + "&unit_amount=" + huge, "unit_amount", "https://docs.stripe.com/api/prices/create"},
		"/v1/coupons": {"currency=usd&amount_off=" + huge, "amount_off", "https://docs.stripe.com/api/coupons/create"},
	} {
		t.Run(tc.param+" of "+path[len("/v1/"):len("/v1/")+6], func(t *testing.T) {
			shows(t, tc.page)
			if r := b.send("POST", path, tc.form); r.Status != 400 || r.str("error.param") != tc.param {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
}
