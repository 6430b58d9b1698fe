package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"till/pkg/mail"
)

func TestMailPreviewWritesEveryMail(t *testing.T) {
	t.Parallel()
	c := mailPreview{letterSettings: letterSettings{DefaultLocale: "en", ShopName: "Fjord", Currency: "eur"}, Out: filepath.Join(t.TempDir(), "out")}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, kind := range mail.Kinds() {
		for _, locale := range []string{"en", "de"} {
			for _, form := range []string{"html", "txt"} {
				name := kind + ".1." + locale + "." + form
				text, err := os.ReadFile(filepath.Join(c.Out, name))
				if kind == mail.StaffNoticeLetter && locale == "de" {
					continue
				}
				if err != nil || !strings.Contains(string(text), "Fjord") {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	index, err := os.ReadFile(filepath.Join(c.Out, "index.html"))
	if err != nil || !strings.Contains(string(index), "order_paid.1.de.html") {
		t.Errorf("%v\n%s", err, index)
	}
}

func TestMailPreviewRefusesWhatThereIsNot(t *testing.T) {
	t.Parallel()
	settings := letterSettings{DefaultLocale: "en", ShopName: "Fjord", Currency: "eur"}
	for want, c := range map[string]mailPreview{
		"order_refunded": {letterSettings: settings, Kinds: []string{"order_sent"}},
		"--locale":       {letterSettings: settings, Locale: []string{"german"}},
		"no mails in fr": {letterSettings: letterSettings{DefaultLocale: "fr", Currency: "eur"}},
	} {
		if _, err := c.render(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A template is read anew at each look, and a fault in it is shown.
func TestMailPreviewFollowsTheTemplates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := mailPreview{letterSettings: letterSettings{MailTemplates: dir, DefaultLocale: "en", ShopName: "Fjord", Currency: "eur"}}
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		c.pages().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code, w.Body.String()
	}
	if code, body := get("/"); code != 200 || !strings.Contains(body, "Your order at Fjord is paid") {
		t.Errorf("%d %s", code, body)
	}
	if err := os.Mkdir(filepath.Join(dir, "en"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "en", "order_paid.txt.tmpl")
	for text, want := range map[string]string{`{{define "subject"}}Hello{{end}}Ours`: "Ours", "{{define \"subject\"}}Hello{{end}}\n{{.Custmer}}": "en/order_paid.txt.tmpl:2"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, body := get("/order_paid.1.en.txt"); !strings.Contains(body, want) {
			t.Errorf("%q shows %s", text, body)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if code, _ := get("/../../etc/passwd"); code != 404 {
		t.Errorf("a file outside: %d", code)
	}
}
