// Package stripejs serves the browser's half of the sandbox: a Stripe.js that
// @stripe/stripe-js and @stripe/react-stripe-js accept, and the pages of the
// frames that it opens.
//
// As with Stripe, fields live in frames of the sandbox's own origin. A frame
// alone reads a card or an account and sends it to /v1; the shop's page sees
// events, results and errors, never a number (addresses and e-mail it may ask
// for). Script and frame take messages only from each other's window and
// origin; frames of one group read each other, for a card that is split over three.
//
// What Stripe has and the sandbox does not is named with its reason in the tables
// ABSENT of script/stripe.js and ABSENT_KINDS of script/kinds.js.
//
// There is no build step: the files of shared/, script/ and frame/ are joined
// in the order given here and embedded in the binary.
package stripejs

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"regexp"
	"time"
)

//go:embed shared/*.js script/*.js frame/*.js frame/*.css frame/*.html
var files embed.FS

// The order matters only for what runs at once: functions and classes may be
// used by any file of the same bundle.
var (
	scriptParts = []string{
		"shared/port.js", "shared/api.js", "shared/merge.js",
		"script/errors.js", "script/emitter.js", "script/kinds.js", "script/element.js", "script/elements.js",
		"script/challenge.js", "script/intents.js", "script/payments.js", "script/methods.js", "script/tokens.js",
		"script/checkout.js", "script/wallets.js", "script/stripe.js",
	}
	frameParts = []string{
		"shared/port.js", "shared/api.js", "shared/merge.js",
		"frame/cards.js", "frame/countries.js", "frame/brands.js", "frame/appearance.js",
		"frame/field.js", "frame/partners.js", "frame/form.js", "frame/card.js", "frame/iban.js", "frame/contact.js",
		"frame/methods.js", "frame/payment.js", "frame/main.js",
	}
)

// framePolicy keeps what is typed in the frame there: it may talk to its own
// origin only. Styles and fonts may come from elsewhere, since a shop may name
// its own; any page may embed the frame, as any page may embed Stripe's.
const framePolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"style-src 'self' https: http:; font-src https: http: data:; form-action 'none'; base-uri 'none'; frame-ancestors *"

// train is what stands before /stripe.js in Stripe's URLs: basil, clover, ...
var train = regexp.MustCompile(`^(v3|[a-z]+)$`)

// Handler serves /v3, /v3/, /{train}/stripe.js and /frames/...; anything else
// is a 404.
func Handler() http.Handler {
	script := newAsset("text/javascript; charset=utf-8", bundle(scriptParts))
	mux := http.NewServeMux()
	mux.Handle("GET /v3", script)
	mux.Handle("GET /v3/{$}", script)
	mux.HandleFunc("GET /{train}/stripe.js", func(w http.ResponseWriter, r *http.Request) {
		if !train.MatchString(r.PathValue("train")) {
			http.NotFound(w, r)
			return
		}
		script.ServeHTTP(w, r)
	})
	mux.Handle("GET /frames/elements.html", newAsset("text/html; charset=utf-8", read("frame/elements.html")))
	mux.Handle("GET /frames/elements.css", newAsset("text/css; charset=utf-8", read("frame/elements.css")))
	mux.Handle("GET /frames/elements.js", newAsset("text/javascript; charset=utf-8", bundle(frameParts)))
	return mux
}

// bundle joins files into one function, so that nothing of them becomes a
// global of the page they run in.
func bundle(names []string) []byte {
	var b bytes.Buffer
	b.WriteString("(function () {\n'use strict';\n")
	for _, name := range names {
		b.WriteString("\n// ---- " + name + "\n")
		b.Write(read(name))
	}
	b.WriteString("})();\n")
	return b.Bytes()
}

func read(name string) []byte {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err) // the file is embedded, so only a wrong name above gets here
	}
	return data
}

// asset is one embedded file. Browsers ask again each time and get a 304 while
// it is the same, so that a new binary is never mixed with an old script.
type asset struct {
	contentType string
	etag        string
	body        []byte
}

func newAsset(contentType string, body []byte) *asset {
	sum := sha256.Sum256(body)
	return &asset{contentType: contentType, etag: `"` + hex.EncodeToString(sum[:8]) + `"`, body: body}
}

func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("ETag", a.etag)
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*") // script tags may carry crossorigin
	h.Set("Content-Security-Policy", framePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
