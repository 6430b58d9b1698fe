package sandbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// act opens a hosted page, sends its form with these pairs, and returns where the
// payer ends up and what is shown there.
func (b *bench) act(page string, pairs ...string) (at *url.URL, shown string) {
	b.t.Helper()
	u, err := url.Parse(page)
	if err != nil || u.Path == "" {
		b.t.Fatalf("no page: %q", page)
	}
	if status, body := b.open(page); status != 200 || !strings.Contains(body, `name="client_secret"`) {
		b.t.Fatalf("%d %s", status, body)
	}
	form := url.Values{"client_secret": {u.Query().Get("client_secret")}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(page, form)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	at, _ = res.Location()
	return at, string(body)
}

func (b *bench) open(page string) (int, string) {
	b.t.Helper()
	res, err := http.Get(page)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

func contains(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

func TestPagesKeepToThemselves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.ask("ideal", b.method("ideal", "ideal[bank]=ing"), "return_url=https://shop.example/done")
	page := r.str("next_action.redirect_to_url.url")
	for name, address := range map[string]string{
		"no secret":       strings.Split(page, "?")[0],
		"another secret":  strings.Split(page, "?")[0] + "?client_secret=pi_x_secret_y",
		"another intent":  strings.Replace(page, r.str("id"), "pi_nobody", 1),
		"a setup's":       strings.Replace(page, r.str("id"), "seti_nobody", 1),
		"another mandate": b.url + "/_hosted/mandate/mandate_nobody",
		"no picture":      b.url + "/_hosted/code/src_1.gif",
	} {
		if status, _ := b.open(address); status != 404 {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, body := b.open(strings.Replace(page, "/authorize/", "/voucher/", 1)); status != 200 || !contains(body, "Nothing to do here") {
		t.Errorf("a page for what is not asked: %d %s", status, body)
	}
	if at, _ := b.act(page, "outcome", "complete"); at.Query().Get("redirect_status") != "succeeded" {
		t.Errorf("%v", at)
	}
	if status, body := b.open(page); status != 200 || !contains(body, "Nothing to do here") {
		t.Errorf("the page is asked for again: %d %s", status, body)
	}
}

// A page that breaks takes nobody along.
func TestBrokenPageLetsOthersWork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.method("cashapp", "")
	in := b.ask("cashapp", m, "return_url=https://shop.example")
	page := strings.TrimPrefix(in.str("next_action.cashapp_handle_redirect_or_display_qr_code.hosted_instructions_url"), b.url)
	right := b.sandbox.MisnameMethod(m, "shells")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the page is not broken: this test shows nothing")
			}
		}()
		b.sandbox.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, page, nil))
	}()
	done := make(chan struct{})
	go func() {
		b.sandbox.MisnameMethod(m, right)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody can write any more")
	}
}
