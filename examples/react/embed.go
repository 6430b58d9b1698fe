// Package react holds the built shop, so that Till's demo can serve it from one
// binary. The source beside it is for reading and copying; `npm run build`
// makes dist from it.
package react

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Shop returns the built shop: index.html at the root, its script and styles
// under assets/ with a hash in each name, so they can be cached for good.
func Shop() fs.FS {
	shop, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // a constant, valid path: can't fail
	}
	return shop
}
