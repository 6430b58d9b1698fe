package main

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	react "till/examples/react"
)

// serveShop puts the built React shop at the root of the demo. sandbox is the
// offline Stripe's origin, empty with Stripe itself.
func serveShop(e *echo.Echo, sandbox string) {
	files := http.FileServerFS(react.Shop())
	policy := shopPolicy(sandbox)
	e.Match([]string{http.MethodGet, http.MethodHead}, "/*", func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "strict-origin") // the way back from a bank holds a client secret
		if strings.HasPrefix(c.Request().URL.Path, "/assets/") {
			h.Set("Cache-Control", "public, max-age=31536000, immutable") // their names carry a hash
		}
		files.ServeHTTP(c.Response(), c.Request())
		return nil
	}, middleware.Gzip()) // a third of the bytes, for slow connections
}

// shopPolicy lets the shop run its own script and Stripe's, and send to nobody
// else: the guest's token lies in the page. A shop of your own wants the same.
func shopPolicy(sandbox string) string {
	script, frame, api := sandbox, sandbox, sandbox
	if sandbox == "" { // https://docs.stripe.com/security/guide#content-security-policy
		script = "https://js.stripe.com https://*.js.stripe.com"
		frame = script + " https://hooks.stripe.com"
		api = "https://api.stripe.com"
	}
	return "default-src 'self'; script-src 'self' " + script + "; frame-src " + frame + "; connect-src 'self' " + api +
		"; img-src 'self' https: data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}
