package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"till/pkg/mail"
)

//go:embed mailbox.html.tmpl
var mailboxTemplate string

//go:embed mailbox.js
var mailboxScript []byte

var mailboxPage = template.Must(template.New("mailbox").Funcs(template.FuncMap{
	"date": func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") },
}).Parse(mailboxTemplate))

// mailboxPages shows the mails that the demo sent, at /demo/mailbox, and lists
// them for scripts at /demo/mailbox.json. Whoever reaches it reads all mails, so
// only the demo mounts it.
func mailboxPages(box *mail.Mailbox) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo/mailbox", func(w http.ResponseWriter, r *http.Request) {
		showMailbox(w, http.StatusOK, "list", box.Letters())
	})
	mux.HandleFunc("GET /demo/mailbox.json", func(w http.ResponseWriter, r *http.Request) { listMailbox(w, box) })
	mux.HandleFunc("GET /demo/mailbox.js", func(w http.ResponseWriter, r *http.Request) {
		writePage(w, http.StatusOK, "text/javascript; charset=utf-8", mailboxScript)
	})
	mux.HandleFunc("GET /demo/mailbox/{id}", func(w http.ResponseWriter, r *http.Request) {
		l, ok := box.Letter(r.PathValue("id"))
		if !ok {
			showMailbox(w, http.StatusNotFound, "missing", nil)
			return
		}
		showMailbox(w, http.StatusOK, "letter", viewLetter(l, r.URL.Query().Get("view")))
	})
	mux.HandleFunc("GET /demo/mailbox/{id}/html", func(w http.ResponseWriter, r *http.Request) {
		l, ok := box.Letter(r.PathValue("id"))
		if !ok || l.Message.HTML == "" {
			http.NotFound(w, r)
			return
		}
		// A mail client runs no scripts and loads nothing; nor does this page, even
		// when it is opened outside of its frame.
		w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'")
		w.Header().Set("X-Frame-Options", "SAMEORIGIN")
		writePage(w, http.StatusOK, "text/html; charset=utf-8", []byte(l.Message.HTML))
	})
	return nearbyOnly(mux)
}

// nearbyOnly refuses names that a stranger may have pointed at this machine, by
// which a page on the internet could read the mails (DNS rebinding).
func nearbyOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]")
		}
		if _, err := netip.ParseAddr(host); err != nil && strings.Contains(host, ".") {
			http.Error(w, "The mailbox is shown at an IP address, localhost or a name without dots.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// letterView is a letter with the part of it that is looked at.
type letterView struct {
	mail.Letter
	View    string // html, text or headers
	Headers [][2]string
}

func viewLetter(l mail.Letter, view string) letterView {
	m := l.Message
	switch {
	case view == "text" || view == "headers":
	case m.HTML == "":
		view = "text"
	default:
		view = "html"
	}
	headers := [][2]string{{"From", m.From}, {"To", m.To}, {"Subject", m.Subject}, {"Date", l.At.UTC().Format(time.RFC1123Z)}, {"Message-ID", "<" + m.MessageID + ">"}}
	var more [][2]string
	for name, value := range m.Headers {
		more = append(more, [2]string{name, value})
	}
	slices.SortFunc(more, func(a, b [2]string) int { return bytes.Compare([]byte(a[0]), []byte(b[0])) })
	return letterView{Letter: l, View: view, Headers: append(headers, more...)}
}

func listMailbox(w http.ResponseWriter, box *mail.Mailbox) {
	type entry struct {
		ID        string    `json:"id"`
		To        string    `json:"to"`
		Subject   string    `json:"subject"`
		MessageID string    `json:"messageId"`
		At        time.Time `json:"at"`
	}
	entries := []entry{}
	for _, l := range box.Letters() {
		entries = append(entries, entry{l.ID, l.Message.To, l.Message.Subject, l.Message.MessageID, l.At})
	}
	body, err := json.Marshal(entries)
	if err != nil {
		http.Error(w, "The mailbox cannot be listed.", http.StatusInternalServerError)
		return
	}
	writePage(w, http.StatusOK, "application/json", append(body, '\n'))
}

func showMailbox(w http.ResponseWriter, status int, page string, data any) {
	var body bytes.Buffer
	if err := mailboxPage.ExecuteTemplate(&body, page, data); err != nil {
		http.Error(w, "The mailbox cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	writePage(w, status, "text/html; charset=utf-8", body.Bytes())
}

func writePage(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
