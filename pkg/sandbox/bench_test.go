package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"till/pkg/sandbox"
)

// What a load test of Till would ask of the sandbox: an intent made and paid.
// Without sockets, so that the sandbox alone is measured.
func BenchmarkCreateAndConfirm(b *testing.B) {
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	post := func(path, form string) string {
		r := httptest.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "Bearer "+secretKey)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Error(w.Body.String())
		}
		return w.Body.String()
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			body := post("/v1/payment_intents", intentForm+"&metadata[order]=ord_1")
			id := body[strings.Index(body, "pi_"):][:27]
			post("/v1/payment_intents/"+id+"/confirm", "payment_method=pm_card_visa")
		}
	})
}
