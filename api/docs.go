package api

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"till/api/openapi"
)

// docsPolicy lets the reference run its own embedded scripts, and nothing from elsewhere.
const docsPolicy = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"

// docs serves the contract at /openapi.yaml and a browsable reference at /docs,
// all of it from the binary.
func docs(e *echo.Echo) {
	both := []string{http.MethodGet, http.MethodHead}
	e.Match(both, "/openapi.yaml", func(c echo.Context) error {
		return c.Blob(http.StatusOK, "application/yaml; charset=utf-8", openapi.Contract)
	})
	ui := v5emb.NewHandlerWithConfig(swgui.Config{
		Title: "Till", SwaggerJSON: "/openapi.yaml", BasePath: "/docs",
		SettingsUI: map[string]string{"defaultModelsExpandDepth": "1", "tryItOutEnabled": "true"},
	})
	page := func(c echo.Context) error {
		c.Response().Header().Set("Content-Security-Policy", docsPolicy)
		ui.ServeHTTP(c.Response(), c.Request())
		return nil
	}
	e.Match(both, "/docs", page)
	e.Match(both, "/docs/*", page)
}
