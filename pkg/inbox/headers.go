package inbox

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Headers are what is kept of a delivery's request. Of the signature it is the
// time alone: the rest proves to whoever reads it later nothing that the stored
// body does not say.
type Headers struct {
	ContentType string `json:"contentType,omitempty"`
	UserAgent   string `json:"userAgent,omitempty"`
	RequestID   string `json:"requestId,omitempty"` // ours, as in the log
	SignedAt    int64  `json:"signedAt,omitempty"`  // seconds, by Stripe's clock
}

// maxHeader is how much of a header is kept, bytes.
const maxHeader = 200

// encode returns the column's text. signature is the whole Stripe-Signature header.
func (h Headers) encode(signature string) string {
	h.ContentType, h.UserAgent, h.RequestID = cut(h.ContentType), cut(h.UserAgent), cut(h.RequestID)
	for part := range strings.SplitSeq(signature, ",") {
		if seconds, ok := strings.CutPrefix(part, "t="); ok {
			h.SignedAt, _ = strconv.ParseInt(seconds, 10, 64)
		}
	}
	text, err := json.Marshal(h)
	if err != nil { // three texts and a number
		return "{}"
	}
	return string(text)
}

func decodeHeaders(text string) (h Headers) {
	_ = json.Unmarshal([]byte(text), &h) // of another Till's making: better shown without than not at all
	return h
}

// Signed is when Stripe signed the delivery, or zero.
func (h Headers) Signed() time.Time {
	if h.SignedAt == 0 {
		return time.Time{}
	}
	return time.Unix(h.SignedAt, 0).UTC()
}

func cut(s string) string {
	if len(s) > maxHeader {
		s = s[:maxHeader]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}
