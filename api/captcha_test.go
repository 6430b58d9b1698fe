package api

import "testing"

// A token is good for one call, so the same request has another one each time.
func TestTheSameRequestWithAnotherCaptchaToken(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"amount":50,"captchaToken":"a.b"}`:               `{"amount":50}`,
		`{"captchaToken":"a\"b","amount":50}`:              `{"amount":50}`,
		`{"amount":50,"captchaToken":"x","reference":"r"}`: `{"amount":50,"reference":"r"}`,
		`{"captchaToken":"x"}`:                             `{}`,
		`{"reference":"captchaToken"}`:                     `{"reference":"captchaToken"}`,
	} {
		if got := string(usedUp.ReplaceAll([]byte(body), nil)); got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
}
