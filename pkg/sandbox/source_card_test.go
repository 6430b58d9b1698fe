package sandbox_test

import (
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

const cardsPage = "https://docs.stripe.com/api/cards"

func TestSources(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hooks := map[string]*receiver{} // one for each type: they arrive in no order
	for _, kind := range []string{"customer.updated", "customer.source.created", "customer.source.updated", "customer.source.deleted"} {
		hooks[kind] = b.receive(kind)
	}
	u := b.send("POST", "/v1/customers", "name=Amy").str("id")
	own := stripe.String(u)
	defaultSource := func() string { return b.send("GET", "/v1/customers/"+u, "").str("default_source") }
	var visa, amex *stripe.Card

	t.Run("the first card is the default", func(t *testing.T) {
		shows(t, cardsPage+"/create")
		var err error
		visa, err = b.stripe.Cards.New(&stripe.CardParams{Customer: own, Token: stripe.String("tok_visa")})
		if err != nil || visa.Brand != stripe.CardBrandVisa || visa.Last4 != "4242" || visa.Customer.ID != u || visa.CVCCheck != "pass" || defaultSource() != visa.ID {
			t.Fatalf("%+v %v", visa, err)
		}
		if e := hooks["customer.source.created"].next(t, "customer.source.created"); e.Data.Object["id"] != visa.ID {
			t.Errorf("%v", e.Data.Object)
		}
		if e := hooks["customer.updated"].next(t, "customer.updated"); e.Data.Object["default_source"] != visa.ID || len(e.Data.PreviousAttributes) != 1 {
			t.Errorf("%v", e.Data)
		}
	})
	t.Run("a further card leaves the default alone", func(t *testing.T) {
		shows(t, cardsPage+"/create")
		var err error
		amex, err = b.stripe.Cards.New(&stripe.CardParams{Customer: own, Number: stripe.String("378282246310005"), ExpMonth: stripe.String("8"), ExpYear: stripe.String("2040"),
			CVC: stripe.String("1234"), Name: stripe.String("Amy"), AddressLine1: stripe.String("1 Main St"), AddressZip: stripe.String("12345")})
		if err != nil || amex.Brand != stripe.CardBrandAmericanExpress || amex.Name != "Amy" || amex.AddressZipCheck != "pass" || amex.ExpYear != 2040 || defaultSource() != visa.ID {
			t.Fatalf("%+v %v", amex, err)
		}
	})
	t.Run("a card is read by either address", func(t *testing.T) {
		shows(t, cardsPage+"/retrieve")
		if got, err := b.stripe.Cards.Get(amex.ID, &stripe.CardParams{Customer: own}); err != nil || got.Last4 != "0005" {
			t.Errorf("%+v %v", got, err)
		}
		if r := b.send("GET", "/v1/customers/"+u+"/cards/"+amex.ID+"?expand[]=customer", ""); r.str("customer.name") != "Amy" {
			t.Errorf("%s", r.Body)
		}
		if r := b.send("GET", "/v1/customers/"+b.send("POST", "/v1/customers", "").str("id")+"/sources/"+amex.ID, ""); r.Status != 404 {
			t.Errorf("another's card: %s", r.Body)
		}
	})
	t.Run("holder, address and expiry can be changed", func(t *testing.T) {
		shows(t, cardsPage+"/update")
		got, err := b.stripe.Cards.Update(amex.ID, &stripe.CardParams{Customer: own, Name: stripe.String("Amy M"), ExpMonth: stripe.String("9"), Metadata: map[string]string{"a": "b"}})
		if err != nil || got.Name != "Amy M" || got.ExpMonth != 9 || got.ExpYear != 2040 || got.Metadata["a"] != "b" {
			t.Errorf("%+v %v", got, err)
		}
		if was := hooks["customer.source.updated"].next(t, "customer.source.updated").Data.PreviousAttributes; was["name"] != "Amy" || was["exp_month"] != 8.0 {
			t.Errorf("%v", was)
		}
		for form, param := range map[string]string{"exp_month=13": "exp_month", "exp_year=2001": "exp_year", "exp_year=soon": "exp_year"} {
			if r := b.send("POST", "/v1/customers/"+u+"/cards/"+amex.ID, form); r.Status < 400 || r.str("error.param") != param {
				t.Errorf("%s: %s", form, r.Body)
			}
		}
		for _, path := range []string{"/sources/", "/cards/"} {
			if r := b.send("POST", "/v1/customers/"+u+path+amex.ID, "address_city="+path[1:3]); r.str("address_city") != path[1:3] {
				t.Errorf("%s", r.Body)
			}
		}
	})
	t.Run("cards are listed, newest first", func(t *testing.T) {
		shows(t, cardsPage+"/list")
		var ids []string
		i := b.stripe.Cards.List(&stripe.CardListParams{Customer: own})
		for i.Next() {
			ids = append(ids, i.Card().ID)
		}
		if i.Err() != nil || !slices.Equal(ids, []string{amex.ID, visa.ID}) {
			t.Errorf("%v %v", ids, i.Err())
		}
		for path, n := range map[string]int{"/cards": 2, "/sources?object=card": 2, "/sources?object=bank_account": 0} {
			if r := b.send("GET", "/v1/customers/"+u+path, ""); len(r.at("data").([]any)) != n {
				t.Errorf("%s: %s", path, r.Body)
			}
		}
		p := &stripe.CustomerParams{}
		p.AddExpand("sources")
		p.AddExpand("default_source")
		if got, err := b.stripe.Customers.Get(u, p); err != nil || len(got.Sources.Data) != 2 || got.DefaultSource.Card.Last4 != "4242" {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("the default is the customer's to choose", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/customers/update#update_customer-default_source")
		if got, err := b.stripe.Customers.Update(u, &stripe.CustomerParams{DefaultSource: stripe.String(amex.ID)}); err != nil || got.DefaultSource.ID != amex.ID {
			t.Errorf("%+v %v", got, err)
		}
		_, err := b.stripe.Customers.Update(u, &stripe.CustomerParams{DefaultSource: stripe.String("card_nobody")})
		if e := refused(t, err); e.Code != stripe.ErrorCodeResourceMissing || e.Param != "default_source" || e.Msg != "No such source: 'card_nobody'" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("a card given to the customer takes the default's place", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/customers/update#update_customer-source")
		got, err := b.stripe.Customers.Update(u, &stripe.CustomerParams{Source: stripe.String("tok_mastercard")})
		if err != nil || got.DefaultSource.ID == amex.ID || got.DefaultSource.ID == visa.ID {
			t.Fatalf("%+v %v", got, err)
		}
		if e := hooks["customer.source.deleted"].next(t, "customer.source.deleted"); e.Data.Object["id"] != amex.ID {
			t.Errorf("%v", e.Data.Object)
		}
		if r := b.send("GET", "/v1/customers/"+u+"/cards", ""); len(r.at("data").([]any)) != 2 {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("when the default is deleted, the newest of the others is it", func(t *testing.T) {
		shows(t, cardsPage+"/delete")
		gone, err := b.stripe.Cards.Del(defaultSource(), &stripe.CardParams{Customer: own})
		if err != nil || !gone.Deleted || defaultSource() != visa.ID {
			t.Errorf("%+v %v", gone, err)
		}
		if r := b.send("DELETE", "/v1/customers/"+u+"/cards/"+visa.ID, ""); r.at("deleted") != true || defaultSource() != "" {
			t.Errorf("%s", r.Body)
		}
		if r := b.send("DELETE", "/v1/customers/"+u+"/sources/"+visa.ID, ""); r.Status != 404 {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("a new customer may bring a card", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/customers/create#create_customer-source")
		got, err := b.stripe.Customers.New(&stripe.CustomerParams{Source: stripe.String("tok_visa")})
		if err != nil || got.DefaultSource == nil {
			t.Fatalf("%+v %v", got, err)
		}
		if r := b.send("GET", "/v1/customers/"+got.ID+"/cards/"+got.DefaultSource.ID, ""); r.str("last4") != "4242" {
			t.Errorf("%s", r.Body)
		}
	})
}

func TestSourcesRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.send("POST", "/v1/customers", "").str("id")
	for name, tc := range map[string]struct {
		form, code, decline string
		status              int
	}{
		"the issuer declines a new card":        {"source=tok_chargeDeclined", "card_declined", "generic_decline", 402},
		"the issuer says why":                   {"source=tok_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", 402},
		"a wrong security code":                 {"source=tok_chargeDeclinedIncorrectCvc", "incorrect_cvc", "", 402},
		"a number that is none":                 {"card[number]=4242424242424241&card[exp_month]=8&card[exp_year]=2040", "incorrect_number", "", 402},
		"a token that is nobody's":              {"source=tok_nobody", "resource_missing", "", 400},
		"nothing":                               {"metadata[a]=b", "parameter_missing", "", 400},
		"a card that only fails when it is due": {"source=tok_chargeCustomerFail", "", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing#declined-payments")
			r := b.send("POST", "/v1/customers/"+u+"/sources", tc.form)
			if r.Status != tc.status || r.str("error.code") != tc.code || r.str("error.decline_code") != tc.decline {
				t.Errorf("%s", r.Body)
			}
		})
	}
	if r := b.send("POST", "/v1/customers/"+u+"/cards", "source=tok_visa_debit&metadata[a]=b"); r.str("funding") != "debit" || r.str("metadata.a") != "b" {
		t.Errorf("%s", r.Body)
	}
	b.send("DELETE", "/v1/customers/"+u, "")
	if r := b.send("POST", "/v1/customers/"+u+"/cards", "source=tok_visa"); r.Status != 404 || r.str("error.param") != "customer" {
		t.Errorf("%s", r.Body)
	}
}
