package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"till/pkg/mail"
)

func TestMailboxPages(t *testing.T) {
	t.Parallel()
	box, err := mail.NewMailbox("", func() time.Time { return time.Date(2026, 11, 30, 9, 5, 3, 0, time.UTC) })
	if err != nil {
		t.Fatal(err)
	}
	pages := mailboxPages(box)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:4242"+path, nil))
		return w
	}
	if w := get("/demo/mailbox"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "No mail yet") {
		t.Errorf("the empty mailbox: %d", w.Code)
	}
	if body := get("/demo/mailbox.json").Body.String(); body != "[]\n" {
		t.Errorf("the empty list is %q", body)
	}

	for _, m := range []mail.Message{
		{From: "Shop <shop@example.com>", To: "zoe@example.com", Subject: "<b>Order</b>", Text: "Thank <you>", HTML: "<p>Thanks</p>", MessageID: "eff_1@till.invalid", Headers: map[string]string{"X-Till": "1"}},
		{From: "shop@example.com", To: "staff@example.com", Subject: "Notice", Text: "Look at this", MessageID: "eff_2@till.invalid"},
	} {
		if err := box.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var list []struct{ ID, To, Subject, MessageID, At string }
	if err := json.Unmarshal(get("/demo/mailbox.json").Body.Bytes(), &list); err != nil || len(list) != 2 {
		t.Fatalf("list is %+v, %v", list, err)
	}
	notice, order := list[0], list[1]
	if order.To != "zoe@example.com" || order.Subject != "<b>Order</b>" || order.MessageID != "eff_1@till.invalid" || order.At != "2026-11-30T09:05:03Z" {
		t.Errorf("the list's entry is %+v", order)
	}
	for name, tc := range map[string]struct {
		path   string
		status int
		holds  string
		lacks  string
	}{
		"the list":               {"/demo/mailbox", 200, "&lt;b&gt;Order&lt;/b&gt;", "<b>Order"},
		"a letter opens as HTML": {"/demo/mailbox/" + order.ID, 200, `<iframe sandbox title="The mail as a mail client shows it" src="/demo/mailbox/` + order.ID + `/html">`, "<p>Thanks"},
		"its text":               {"/demo/mailbox/" + order.ID + "?view=text", 200, "Thank &lt;you&gt;", "<iframe"},
		"its headers":            {"/demo/mailbox/" + order.ID + "?view=headers", 200, "<dt>X-Till</dt><dd>1</dd>", "<iframe"},
		"a letter without HTML":  {"/demo/mailbox/" + notice.ID, 200, "<pre>Look at this</pre>", "view=html"},
		"no such letter":         {"/demo/mailbox/mail_none", 404, "no such mail", ""},
		"no HTML to frame":       {"/demo/mailbox/" + notice.ID + "/html", 404, "", ""},
	} {
		w := get(tc.path)
		body := w.Body.String()
		if w.Code != tc.status || !strings.Contains(body, tc.holds) || tc.lacks != "" && strings.Contains(body, tc.lacks) {
			t.Errorf("%s: %d\n%s", name, w.Code, body)
		}
	}
	framed := get("/demo/mailbox/" + order.ID + "/html")
	if framed.Body.String() != "<p>Thanks</p>" || !strings.HasPrefix(framed.Header().Get("Content-Security-Policy"), "sandbox; default-src 'none'") {
		t.Errorf("framed: %v %s", framed.Header(), framed.Body)
	}
}

// A page may make its own name lead to this machine, and then read what is there.
func TestMailboxAnswersToNearbyNamesAlone(t *testing.T) {
	t.Parallel()
	box, err := mail.NewMailbox("", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"127.0.0.1:4242": 200, "localhost:4242": 200, "[::1]:4242": 200, "till:4242": 200, "192.168.1.2": 200,
		"evil.example:4242": 403, "evil.example": 403, "127.0.0.1.evil.example": 403, "localhost.": 403,
	} {
		w := httptest.NewRecorder()
		mailboxPages(box).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://"+host+"/demo/mailbox.json", nil))
		if w.Code != want {
			t.Errorf("%s: %d instead of %d", host, w.Code, want)
		}
	}
}
