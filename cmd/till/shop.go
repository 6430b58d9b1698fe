package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	react "till/examples/react"
	"till/pkg/catalog"
	"till/pkg/gateway"
	"till/pkg/store"
)

// serveShop puts the built React shop at the root of the demo.
func serveShop(e *echo.Echo) {
	files := http.FileServerFS(react.Shop())
	e.GET("/*", func(c echo.Context) error {
		if strings.HasPrefix(c.Request().URL.Path, "/assets/") {
			c.Response().Header().Set("Cache-Control", "public, max-age=31536000, immutable") // their names carry a hash
		}
		files.ServeHTTP(c.Response(), c.Request())
		return nil
	})
}

func syncOffers(ctx context.Context, db *store.DB, g *gateway.Gateway) error {
	_, err := catalog.New(db, g, false).Sync(ctx)
	return err
}
