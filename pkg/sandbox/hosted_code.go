package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strings"
)

// The codes of hosted pages are pictures, not codes: no phone can reach a sandbox,
// so the pages have buttons instead.

const codeSize = 25

// codeDark says whether a module of the picture is dark: three corners as in any
// QR code, and noise that is the same for the same text.
func codeDark(noise [sha256.Size]byte, x, y int) bool {
	for _, corner := range [][2]int{{0, 0}, {codeSize - 7, 0}, {0, codeSize - 7}} {
		dx, dy := x-corner[0], y-corner[1]
		if dx < -1 || dy < -1 || dx > 7 || dy > 7 {
			continue
		}
		ring := max(dx-3, 3-dx, dy-3, 3-dy)
		return ring != 2 && ring != 4
	}
	i := y*codeSize + x
	return noise[i/8%len(noise)]>>(i%8)&1^byte(i/256)&1 == 1
}

func codePNG(text string) []byte {
	const scale, margin = 8, 2
	noise := sha256.Sum256([]byte(text))
	side := (codeSize + 2*margin) * scale
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			mx, my := x/scale-margin, y/scale-margin
			if mx >= 0 && my >= 0 && mx < codeSize && my < codeSize && codeDark(noise, mx, my) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var buf bytes.Buffer
	_ = png.Encode(&buf, img) // memory takes everything
	return buf.Bytes()
}

func codeSVG(text string) []byte {
	noise := sha256.Sum256([]byte(text))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 %d %[1]d" shape-rendering="crispEdges"><path fill="#fff" d="M-2-2h%[1]dv%[1]dh-%[1]dz"/><path d="`, codeSize+4)
	for y := range codeSize {
		for x := range codeSize {
			if codeDark(noise, x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return []byte(b.String())
}

func codeBase64(text string) string { return base64.StdEncoding.EncodeToString(codePNG(text)) }

func showCode(w http.ResponseWriter, r *http.Request) {
	text, kind, _ := strings.Cut(r.PathValue("picture"), ".")
	switch kind {
	case "png":
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(codePNG(text)) // fails only when the payer has left
	case "svg":
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = w.Write(codeSVG(text))
	default:
		http.NotFound(w, r)
	}
}

// bar is one of a voucher's barcode.
type bar struct{ At, Width int }

// bars draws each digit as two bars whose widths tell it.
func bars(number string) []bar {
	var all []bar
	at := 0
	for _, d := range number {
		n := int(d - '0')
		all = append(all, bar{at, 1 + n%3}, bar{at + 5, 1 + n/4})
		at += 10
	}
	return all
}
