package sandbox_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/sandbox"
)

const searchPage = "https://docs.stripe.com/search"

// people are three customers to be searched: Amy and Bob, who have a phone and
// metadata, and Cem, of whom only the name is known.
func (b *bench) people() map[string]string {
	b.t.Helper()
	ids := map[string]string{}
	for name, form := range map[string]string{
		"Amy": `name=Amy+"Ace"+O'Neil&email=amy@rocketrides.io&phone=%2B15550100&metadata[colour]=blue&metadata[size]=10`,
		"Bob": "name=Bob&email=bob@rocketrides.io&metadata[colour]=red",
		"Cem": "name=Cem",
	} {
		ids[b.send("POST", "/v1/customers", form).str("id")] = name
	}
	return ids
}

func TestSearchLanguage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := b.people()
	created := itoa(b.clock.now().Unix())
	for name, tc := range map[string]struct{ query, want string }{
		"a field has exactly the value":                 {`email:"amy@rocketrides.io"`, "Amy"},
		"values are compared without regard to case":    {`email:"AMY@RocketRides.io"`, "Amy"},
		"single quotes do as well":                      {`email:'bob@rocketrides.io'`, "Bob"},
		"quotes inside of a value are escaped":          {`name:"Amy \"Ace\" O'Neil"`, "Amy"},
		"quotes inside of single ones too":              {`name:'Amy "Ace" O\'Neil'`, "Amy"},
		"a part of a text":                              {`email~"rocket"`, "Amy Bob"},
		"metadata by key":                               {`metadata["colour"]:"blue"`, "Amy"},
		"metadata with single quotes":                   {`metadata['colour']:'red'`, "Bob"},
		"what does not match":                           {`-email:"amy@rocketrides.io"`, "Bob Cem"},
		"metadata that does not match":                  {`-metadata["colour"]:"blue"`, "Bob Cem"},
		"a field that is not set":                       {`email:null`, "Cem"},
		"a field that is set":                           {`-phone:NULL`, "Amy"},
		"metadata without the key":                      {`metadata["colour"]:null`, "Cem"},
		"metadata with the key":                         {`-metadata["colour"]:null`, "Amy Bob"},
		"clauses with AND":                              {`email~"rocket" AND metadata["colour"]:"red"`, "Bob"},
		"clauses with a space are joined by AND":        {`email~"rocket" metadata["size"]:"10"`, "Amy"},
		"clauses with OR":                               {`name:"Cem" OR metadata["colour"]:"red"`, "Bob Cem"},
		"the words may be lower case":                   {`name:"Cem" or name:"Bob" or name:"nobody"`, "Bob Cem"},
		"numbers are compared":                          {"created>=" + created, "Amy Bob Cem"},
		"numbers greater":                               {"created>" + created, ""},
		"numbers less":                                  {"created<" + created, ""},
		"numbers not greater":                           {`created<="` + created + `"`, "Amy Bob Cem"},
		"a number exactly":                              {"created:" + created, "Amy Bob Cem"},
		"ten clauses are the most":                      {strings.Repeat(`name:"Cem" OR `, 9) + `name:"Bob"`, "Bob Cem"},
		"a value with the words in it is still a value": {`name:"Cem AND Bob"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, searchPage)
			var got []string
			p := &stripe.CustomerSearchParams{}
			p.Query = tc.query
			i := b.stripe.Customers.Search(p)
			for i.Next() {
				got = append(got, ids[i.Customer().ID])
			}
			slices.Sort(got)
			if i.Err() != nil || strings.Join(got, " ") != tc.want {
				t.Errorf("%s: %v, want %s (%v)", tc.query, got, tc.want, i.Err())
			}
		})
	}
}

func TestSearchRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const unparsable = "We were unable to parse your search query."
	for name, tc := range map[string]struct{ query, want string }{
		"a field that Stripe does not search": {`foo:"bar"`, "Field `foo` is an unsupported search field for resource `customers`. See http://stripe.com/docs/search#query-fields-for-customers"},
		"metadata without a key":              {`metadata:"bar"`, "Field `metadata` is an unsupported search field"},
		"a word alone":                        {"asdf", unparsable},
		"nothing":                             {" ", unparsable},
		"text without quotes":                 {"name:Cem", unparsable},
		"a quote that never ends":             {`name:"Cem`, unparsable},
		"parentheses":                         {`(name:"Cem")`, unparsable},
		"a joining word at the end":           {`name:"Cem" AND`, unparsable},
		"AND and OR mixed":                    {`name:"a" AND name:"b" OR name:"c"`, "AND and OR"},
		"a space is an AND too":               {`name:"a" name:"b" OR name:"c"`, "AND and OR"},
		"a part of two letters":               {`name~"Ce"`, "at least 3 characters"},
		"a part of a number":                  {`created~"170"`, "not supported for field `created`"},
		"a part of metadata":                  {`metadata["colour"]~"blu"`, "not supported for field `metadata`"},
		"texts by size":                       {`name>"Cem"`, "not supported for field `name`"},
		"a number that is none":               {`created>"today"`, "not a number"},
		"eleven clauses":                      {strings.Repeat(`name:"Cem" `, 11), "at most 10 clauses"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, searchPage)
			p := &stripe.CustomerSearchParams{}
			p.Query = tc.query
			i := b.stripe.Customers.Search(p)
			i.Next()
			if e := refused(t, i.Err()); e.HTTPStatusCode != 400 || e.Type != stripe.ErrorTypeInvalidRequest || !strings.Contains(e.Msg, tc.want) {
				t.Errorf("%s: %+v", tc.query, e)
			}
		})
	}
	for form, param := range map[string]string{"": "query", "query=name:null&page=what": "page", "query=name:null&limit=101": "limit", "query=name:null&limit=0": "limit", "query=name:null&sort=up": "sort", "query=name:null&page=YmVmb3JlOi0x": "page"} {
		if r := b.send("GET", "/v1/customers/search?"+form, ""); r.Status != 400 || r.str("error.param") != param {
			t.Errorf("%s: %s", form, r.Body)
		}
	}
}

func TestSearchPages(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/pagination/search")
	b := setup(t)
	var made []string
	for range 5 {
		made = append(made, b.send("POST", "/v1/customers", "name=Cem").str("id"))
	}
	slices.Reverse(made)
	p := &stripe.CustomerSearchParams{}
	p.Query, p.Limit = `name:"Cem"`, stripe.Int64(2)
	p.AddExpand("total_count")
	var got []string
	i := b.stripe.Customers.Search(p)
	for i.Next() {
		got = append(got, i.Customer().ID)
	}
	if i.Err() != nil || !slices.Equal(got, made) || *i.CustomerSearchResult().TotalCount != 5 {
		t.Errorf("%v, want %v (%v)", got, made, i.Err())
	}
	r := b.send("GET", "/v1/customers/search?limit=5&query=name:'Cem'", "")
	if r.at("has_more") != false || r.at("next_page") != nil || r.at("total_count") != nil || r.str("url") != "/v1/customers/search" || r.str("object") != "search_result" {
		t.Errorf("%s", r.Body)
	}
}

func TestSearchFields(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cup := b.send("POST", "/v1/products", "name=Blue+cup&description=For+tea&url=https://shop.example/cup&shippable=true&metadata[a]=b").str("id")
	price := b.send("POST", "/v1/prices", "currency=eur&unit_amount=900&lookup_key=cup&metadata[a]=b&product="+cup).str("id")
	u := b.send("POST", "/v1/customers", "name=Amy").str("id")
	in := b.send("POST", "/v1/payment_intents", query("amount", "1500", "currency", "usd", "confirm", "true", "payment_method", "pm_card_visa", "metadata[a]", "b",
		"customer", u, "payment_method_types[]", "card"))
	charge := in.str("latest_charge")
	b.send("POST", "/v1/payment_intents", "amount=100&currency=eur")
	for path, tc := range map[string]struct {
		want    string
		queries []string
	}{
		"charges": {charge, []string{"amount>1000", `currency:"usd"`, `customer:"` + u + `"`, `disputed:"false"`, `refunded:"false"`, `status:"succeeded"`, "payment_method_details.card.last4:4242",
			`payment_method_details.card.brand:"visa"`, "payment_method_details.card.exp_year>2000", `metadata["a"]:"b"`, "billing_details.address.postal_code:null"}},
		"payment_intents": {in.str("id"), []string{"amount:1500", `-currency:"eur"`, `customer:"` + u + `"`, `status:"succeeded"`, `metadata["a"]:"b"`, "amount>1000 created>0"}},
		"prices":          {price, []string{`active:"true"`, `currency:"eur"`, `lookup_key:"cup"`, `product:"` + cup + `"`, `type:"one_time"`, `metadata["a"]:"b"`}},
		"products":        {cup, []string{`active:"true"`, `name~"cup"`, `description~"tea"`, `shippable:"true"`, `url:"https://shop.example/cup"`, `metadata["a"]:"b"`}},
	} {
		for _, q := range tc.queries {
			t.Run(path+" "+q, func(t *testing.T) {
				shows(t, searchPage+"#query-fields-for-"+strings.ReplaceAll(path, "_", "-"))
				r := b.send("GET", "/v1/"+path+"/search?query="+url.QueryEscape(q), "")
				data, _ := r.at("data").([]any)
				if len(data) != 1 || data[0].(map[string]any)["id"] != tc.want {
					t.Errorf("%s: %s", q, r.Body)
				}
			})
		}
	}
	if r := b.send("GET", "/v1/charges/search?expand[]=data.customer&query=amount%3A1500", ""); r.at("data").([]any)[0].(map[string]any)["customer"].(map[string]any)["name"] != "Amy" {
		t.Errorf("%s", r.Body)
	}
}

func FuzzSearchQuery(f *testing.F) {
	for _, q := range []string{`email:"a@b.c"`, `-metadata["a\"b"]:null OR name~'x'`, `amount>=10 AND created<5`, `a:"1" b:`, "", `metadata['`, `x:"\`} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		if n := sandbox.SearchClauses(q); n < 0 || n > 10 {
			t.Errorf("%d clauses in %q", n, q)
		}
	})
}
