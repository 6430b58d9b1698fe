package invoices

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg" // logos may be JPEG
	"image/png"
)

// plainPicture writes a PNG or JPEG anew, on white, in the plain way that a PDF takes:
// eight bits, not interlaced, nothing shines through.
func plainPicture(file []byte) ([]byte, error) {
	picture, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("the logo cannot be read as PNG or JPEG: %w", err)
	}
	size := picture.Bounds()
	flat := image.NewRGBA(image.Rect(0, 0, size.Dx(), size.Dy()))
	draw.Draw(flat, flat.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(flat, flat.Bounds(), picture, size.Min, draw.Over)
	var out bytes.Buffer
	err = png.Encode(&out, flat)
	return out.Bytes(), err
}
