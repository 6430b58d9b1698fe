package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// stub is as little of Stripe as Till needs to start payments: a catalogue of one
// mug, and intents that are made and forgotten. It answers after latency.
func stub(addr string, latency time.Duration) error {
	const mug = `{"id":"prod_mug","object":"product","active":true,"created":1700000000,"livemode":false,"name":"Mug","metadata":{},"images":[]}`
	const price = `{"id":"price_mug","object":"price","active":true,"billing_scheme":"per_unit","created":1700000000,"currency":"eur","livemode":false,"lookup_key":"mug","metadata":{},"product":"prod_mug","type":"one_time","unit_amount":1800,"unit_amount_decimal":"1800"}`
	list := func(path, object string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			data := object
			if r.URL.Query().Get("active") == "false" {
				data = ""
			}
			fmt.Fprintf(w, `{"object":"list","url":%q,"has_more":false,"data":[%s]}`, path, data)
		}
	}
	var made atomic.Int64
	process := time.Now().UnixNano() // Stripe's ids do not come twice
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v1/products", list("/v1/products", mug))
	mux.HandleFunc("GET /v1/prices", list("/v1/prices", price))
	mux.HandleFunc("POST /v1/payment_intents", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if latency > 0 {
			time.Sleep(latency)
		}
		n := made.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Request-Id", fmt.Sprintf("req_%d", n))
		_, _ = w.Write(intent(fmt.Sprintf("pi_%016x%08d", process, n), form.Get("amount"), form.Get("currency"), "requires_payment_method", "0", metadataOf(form)))
	})
	return (&http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}).ListenAndServe()
}

func metadataOf(form url.Values) map[string]string {
	meta := map[string]string{}
	for name, values := range form {
		if key, ok := strings.CutPrefix(name, "metadata["); ok {
			meta[strings.TrimSuffix(key, "]")] = values[0]
		}
	}
	return meta
}

// intent is a PaymentIntent as Stripe renders it at 2023-10-16.
func intent(id, amount, currency, status, received string, meta map[string]string) []byte {
	metadata, _ := json.Marshal(meta) // of strings: it cannot fail
	return fmt.Appendf(nil, `{"id":%q,"object":"payment_intent","amount":%s,"amount_capturable":0,"amount_details":{"tip":{}},"amount_received":%s,"application":null,"application_fee_amount":null,"automatic_payment_methods":null,"canceled_at":null,"cancellation_reason":null,"capture_method":"automatic","client_secret":%q,"confirmation_method":"automatic","created":%d,"currency":%q,"customer":null,"description":null,"invoice":null,"last_payment_error":null,"latest_charge":null,"livemode":false,"metadata":%s,"next_action":null,"on_behalf_of":null,"payment_method":null,"payment_method_configuration_details":null,"payment_method_options":{"card":{"installments":null,"mandate_options":null,"network":null,"request_three_d_secure":"automatic"}},"payment_method_types":["card"],"processing":null,"receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,"statement_descriptor":null,"statement_descriptor_suffix":null,"status":%q,"transfer_data":null,"transfer_group":null}`,
		id, amount, received, id+"_secret_1234567890abcdefghijklmno", time.Now().Unix(), currency, metadata, status)
}

// proxy is a bare reverse proxy, the least that can stand before Stripe.
func proxy(addr, target string) error {
	to, err := url.Parse(target)
	if err != nil {
		return err
	}
	bare := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 128, MaxIdleConns: 128},
	}
	return (&http.Server{Addr: addr, Handler: bare, ReadHeaderTimeout: 5 * time.Second}).ListenAndServe()
}
