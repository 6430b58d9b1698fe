package sandbox_test

import (
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

const taxIDPage = "https://docs.stripe.com/billing/customer/tax-ids"

func TestTaxIDVerification(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct{ kind, value, country, at, later string }{
		"a number that is verified":                {"eu_vat", "000000000", "", "pending", "verified"},
		"a number that is not":                     {"eu_vat", "111111111", "", "pending", "unverified"},
		"a number that waits for ever":             {"eu_vat", "222222222", "", "pending", "pending"},
		"the same for Britain":                     {"gb_vat", "000000000", "GB", "pending", "verified"},
		"the same for Australia":                   {"au_abn", "111111111", "AU", "pending", "unverified"},
		"a type that no authority is asked about":  {"us_ein", "12-3456789", "US", "unavailable", "unavailable"},
		"Greece is EL in the number, GR elsewhere": {"eu_vat", "EL123456789", "GR", "pending", "pending"},
		"Northern Ireland trades with the Union":   {"eu_vat", "XI123456789", "GB", "pending", "pending"},
		"a one stop shop has no country":           {"eu_oss_vat", "EU123456789", "", "unavailable", "unavailable"},
		"the country comes from the number":        {"eu_vat", "DE123456789", "DE", "pending", "pending"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/billing/testing#customer-tax-id-verfication")
			u := stripe.String(b.send("POST", "/v1/customers", "").str("id"))
			x, err := b.stripe.TaxIDs.New(&stripe.TaxIDParams{Customer: u, Type: stripe.String(tc.kind), Value: stripe.String(tc.value)})
			if err != nil || string(x.Verification.Status) != tc.at || x.Country != tc.country || x.Value != tc.value || string(x.Type) != tc.kind {
				t.Fatalf("%+v %v", x, err)
			}
			if got, err := b.stripe.TaxIDs.Get(x.ID, &stripe.TaxIDParams{Customer: u}); err != nil || string(got.Verification.Status) != tc.later {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
	t.Run("what the authority answers is told", func(t *testing.T) {
		shows(t, taxIDPage)
		b := setup(t)
		hooks := map[string]*receiver{} // one for each type: they arrive in no order
		for _, kind := range []string{"customer.tax_id.created", "customer.tax_id.updated", "customer.tax_id.deleted"} {
			hooks[kind] = b.receive(kind)
		}
		u := b.send("POST", "/v1/customers", "").str("id")
		id := b.send("POST", "/v1/customers/"+u+"/tax_ids", "type=eu_vat&value=000000000").str("id")
		if e := hooks["customer.tax_id.created"].next(t, "customer.tax_id.created"); e.GetObjectValue("verification", "status") != "pending" {
			t.Errorf("%v", e.Data.Object)
		}
		if e := hooks["customer.tax_id.updated"].next(t, "customer.tax_id.updated"); e.GetObjectValue("verification", "status") != "verified" || e.GetPreviousValue("verification", "status") != "pending" {
			t.Errorf("%v", e.Data)
		}
		if gone, err := b.stripe.TaxIDs.Del(id, &stripe.TaxIDParams{Customer: stripe.String(u)}); err != nil || !gone.Deleted {
			t.Errorf("%+v %v", gone, err)
		}
		hooks["customer.tax_id.deleted"].next(t, "customer.tax_id.deleted")
		if r := b.send("GET", "/v1/customers/"+u+"/tax_ids/"+id, ""); r.Status != 404 {
			t.Errorf("%s", r.Body)
		}
	})
}

func TestTaxIDForms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.send("POST", "/v1/customers", "").str("id")
	for kind, values := range map[string][2]string{ // a good one and a bad one
		"eu_vat": {"ATU12345678", "AT12345678"}, "gb_vat": {"GB123456789", "123456789"}, "us_ein": {"12-3456789", "123456789"}, "au_abn": {"12345678912", "123"},
		"ca_bn": {"123456789", "12345678"}, "ch_vat": {"CHE-123.456.789 MWST", "CHE123"}, "no_vat": {"123456789MVA", "123456789"}, "in_gst": {"12ABCDE3456FGZH", "12ABC"},
		"br_cpf": {"123.456.789-87", "12345678987"}, "za_vat": {"4123456789", "5123456789"}, "mx_rfc": {"ABC010203AB9", "ABC"},
	} {
		t.Run(kind, func(t *testing.T) {
			shows(t, taxIDPage+"#supported-tax-id")
			if r := b.send("POST", "/v1/customers/"+u+"/tax_ids", query("type", kind, "value", values[0])); r.Status != 200 {
				t.Errorf("%s", r.Body)
			}
			_, err := b.stripe.TaxIDs.New(&stripe.TaxIDParams{Customer: stripe.String(u), Type: stripe.String(kind), Value: stripe.String(values[1])})
			if e := refused(t, err); e.HTTPStatusCode != 400 || e.Code != stripe.ErrorCodeTaxIDInvalid || e.Param != "value" || e.Msg != "Invalid value for "+kind+"." {
				t.Errorf("%+v", e)
			}
		})
	}
	if r := b.send("POST", "/v1/customers/"+u+"/tax_ids", "type=xx_vat&value=1"); r.Status != 400 || r.str("error.param") != "type" {
		t.Errorf("%s", r.Body)
	}
}

func TestTaxIDsOfCustomers(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/customers/create#create_customer-tax_id_data")
	b := setup(t)
	p := &stripe.CustomerParams{TaxIDData: []*stripe.CustomerTaxIDDataParams{
		{Type: stripe.String("eu_vat"), Value: stripe.String("DE123456789")}, {Type: stripe.String("us_ein"), Value: stripe.String("12-3456789")}}}
	p.AddExpand("tax_ids")
	u, err := b.stripe.Customers.New(p)
	if err != nil || len(u.TaxIDs.Data) != 2 || u.TaxIDs.Data[1].Value != "DE123456789" || u.TaxIDs.URL != "/v1/customers/"+u.ID+"/tax_ids" {
		t.Fatalf("%+v %v", u, err)
	}
	var got []string
	i := b.stripe.TaxIDs.List(&stripe.TaxIDListParams{Customer: stripe.String(u.ID)})
	for i.Next() {
		got = append(got, i.TaxID().Value)
	}
	if i.Err() != nil || !slices.Equal(got, []string{"12-3456789", "DE123456789"}) {
		t.Errorf("%v %v", got, i.Err())
	}
	if r := b.send("POST", "/v1/customers", "tax_id_data[0][type]=eu_vat&tax_id_data[0][value]=DE1"); r.str("error.code") != "tax_id_invalid" || r.str("error.param") != "tax_id_data[0][value]" {
		t.Errorf("%s", r.Body)
	}
}
