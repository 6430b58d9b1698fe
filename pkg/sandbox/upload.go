package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"till/pkg/sandbox/internal/form"
)

// maxUpload bounds a request with a file; Stripe's largest ones have 16 MB.
const maxUpload = 17 << 20

// upload is a file that came with a request.
type upload struct {
	name    string
	content []byte
}

// read takes in a request: its parameters and, where the route wants one, its file.
func (rt *route) read(w http.ResponseWriter, r *http.Request) (*form.Value, *upload, *Error) {
	if !rt.upload || !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		params, refused := readParams(r)
		return params, nil, refused
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload) // the parts' heads are a load too, and nobody has shown a key yet
	parts, err := r.MultipartReader()
	var pairs []string
	var file *upload
	if err == nil {
		pairs, file, err = readParts(parts)
	}
	if err != nil {
		return nil, nil, &Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Message: "Request body could not be read."}
	}
	params, err := form.Parse(r.URL.RawQuery + "&" + strings.Join(pairs, "&"))
	if err != nil {
		return nil, nil, &Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Message: "Invalid request: the parameters are not form-encoded."}
	}
	return params, file, nil
}

// readParts reads a body to its end. The file is also among the pairs, by its
// sum, so that it counts when requests are compared.
func readParts(parts *multipart.Reader) (pairs []string, file *upload, err error) {
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return pairs, file, nil
		}
		if err != nil {
			return nil, nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, err
		}
		text := string(content)
		if part.FormName() == "file" && part.FileName() != "" {
			sum := sha256.Sum256(content)
			file, text = &upload{part.FileName(), content}, hex.EncodeToString(sum[:])
		}
		pairs = append(pairs, url.QueryEscape(part.FormName())+"="+url.QueryEscape(text))
	}
}
