package flow

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"till/e2e/rig"
	"till/pkg/config"
)

// paysBy confirms as the app's page does, with the payer's details.
func paysBy(r *rig.Rig, secret string, form url.Values) {
	r.T.Helper()
	intent, _, _ := strings.Cut(secret, "_secret_")
	for name, value := range map[string]string{
		"key": rig.PublishableKey, "client_secret": secret, "return_url": rig.ReturnURL,
		"payment_method_data[billing_details][name]": "Jenny Rosen", "payment_method_data[billing_details][email]": "jenny@example.com",
	} {
		if form.Get("payment_method") == "" || !strings.HasPrefix(name, "payment_method_data") {
			form.Set(name, value)
		}
	}
	res, err := http.PostForm(r.Stripe+"/v1/payment_intents/"+intent+"/confirm", form)
	if err != nil {
		r.T.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusPaymentRequired {
		why, _ := io.ReadAll(res.Body)
		r.T.Fatalf("confirm: %d %s", res.StatusCode, why)
	}
}

// Each way to pay tells the app in the same words what is next. The page is for the
// payer alone.
func TestWhatAnAppDoesNext(t *testing.T) {
	for name, tc := range map[string]struct {
		currency string
		form     url.Values
		status   string
		want     string   // type and Stripe's word
		has      []string // what else the payer is told
	}{
		"a card that is declined":       {"eur", url.Values{"payment_method": {"pm_card_chargeDeclined"}}, "requires_payment_method", "confirm ", nil},
		"a card with a challenge":       {"eur", url.Values{"payment_method": {"pm_card_threeDSecure2Required"}}, "requires_action", "handle use_stripe_sdk", nil},
		"a bank's page":                 {"eur", url.Values{"payment_method_data[type]": {"ideal"}}, "requires_action", "redirect redirect_to_url", []string{"url"}},
		"a voucher":                     {"mxn", url.Values{"payment_method_data[type]": {"oxxo"}}, "requires_action", "display oxxo_display_details", []string{"url", "reference", "expiresAt"}},
		"a code":                        {"usd", url.Values{"payment_method_data[type]": {"wechat_pay"}, "payment_method_options[wechat_pay][client]": {"web"}}, "requires_action", "display wechat_pay_display_qr_code", []string{"url", "imageUrl"}},
		"a debit that takes days":       {"eur", url.Values{"payment_method_data[type]": {"sepa_debit"}, "payment_method_data[sepa_debit][iban]": {"DE89370400440532013000"}, "mandate_data[customer_acceptance][type]": {"online"}, "mandate_data[customer_acceptance][online][infer_from_client]": {"true"}}, "processing", "wait ", nil},
		"a card that works, and is all": {"eur", url.Values{"payment_method": {"pm_card_visa"}}, "succeeded", " ", nil},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := r.Guest()
				started := r.Intent(201, token, map[string]any{"amount": 2000, "currency": tc.currency})
				id := started.Get("id")
				if started.Get("nextAction.type") != "confirm" {
					t.Errorf("at first: %s", started.Body)
				}
				paysBy(r, started.Get("clientSecret"), tc.form)
				var now rig.Answer
				r.Until("Till knows", func() bool {
					now = r.Call("GET", "/payments/"+id, token, nil)
					return now.Get("status") == tc.status && (tc.want != "confirm " || now.Get("failure.code") != "")
				})
				if got := now.Get("nextAction.type") + " " + now.Get("nextAction.stripeType"); got != tc.want {
					t.Errorf("%q, not %q: %s", got, tc.want, now.Body)
				}
				for _, field := range []string{"url", "reference", "imageUrl", "expiresAt"} {
					wanted := strings.Contains(strings.Join(tc.has, " "), field)
					if told := now.Get("nextAction."+field) != ""; told != wanted {
						t.Errorf("%s is told: %t", field, told)
					}
				}
				// Started again, it says the same; and nobody but the payer gets to the page.
				if tc.status != "succeeded" {
					if again := r.Intent(200, token, map[string]any{"orderId": started.Get("orderId")}); again.Get("nextAction") != now.Get("nextAction") {
						t.Errorf("started again: %s", again.Body)
					}
				}
				others := r.Call("GET", "/payments/"+id, r.Staff("sam"), nil)
				if others.Get("nextAction.type") != now.Get("nextAction.type") || others.Get("nextAction.url")+others.Get("nextAction.reference")+others.Get("nextAction.imageUrl") != "" {
					t.Errorf("staff: %s", others.Body)
				}
			}, func(c *config.Config) {
				c.Currency, c.PaymentMethods = tc.currency, []string{"card", cmp.Or(tc.form.Get("payment_method_data[type]"), "link")}
			})
		})
	}
}

// The ways to pay are the dashboard's, or those that the operator names.
func TestTheWaysToPay(t *testing.T) {
	for name, tc := range map[string]struct {
		methods   []string
		automatic bool
	}{
		"the dashboard's": {nil, true},
		"the operator's":  {[]string{"card", "ideal"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				secret := r.Intent(201, r.Guest(), cart()).Get("clientSecret")
				id, _, _ := strings.Cut(secret, "_secret_")
				intent := r.AtStripe("GET", "/v1/payment_intents/"+id, nil)
				automatic, _ := intent["automatic_payment_methods"].(map[string]any)
				if automatic["enabled"] == true != tc.automatic || !tc.automatic && fmt.Sprint(intent["payment_method_types"]) != "[card ideal]" {
					t.Errorf("%v, %v", automatic, intent["payment_method_types"])
				}
			}, func(c *config.Config) { c.PaymentMethods = tc.methods })
		})
	}
}
