package gateway_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
	"pgregory.net/rapid"

	"till/pkg/gateway"
)

const (
	secret    = "whsec_right"
	tolerance = 5 * time.Minute
)

var (
	now  = time.Unix(1_700_000_000, 0)
	body = []byte(`{"id":"evt_1","object":"event","api_version":"2023-10-16","created":1699999990,"livemode":false,` +
		`"type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","object":"payment_intent","amount":500}}}`)
)

func v1(at time.Time, body []byte, secret string) string {
	return hex.EncodeToString(webhook.ComputeSignature(at, body, secret))
}

func header(at time.Time, signatures ...string) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), strings.Join(signatures, ",v1="))
}

func TestParseEventAccepts(t *testing.T) {
	t.Parallel()
	good := v1(now, body, secret)
	for name, tc := range map[string]struct {
		header  string
		secrets []string
	}{
		"one signature":                        {header(now, good), []string{secret}},
		"the second of two secrets":            {header(now, good), []string{"whsec_old", secret}},
		"the second of two signatures":         {header(now, v1(now, body, "whsec_old"), good), []string{secret}},
		"the last of twenty signatures":        {header(now, append(repeat("00", 19), good)...), []string{secret}},
		"a v0 beside it":                       {header(now, good) + ",v0=" + good, []string{secret}},
		"a signature just within tolerance":    {header(now.Add(-tolerance), v1(now.Add(-tolerance), body, secret)), []string{secret}},
		"a clock that is behind, in tolerance": {header(now.Add(tolerance), v1(now.Add(tolerance), body, secret)), []string{secret}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ev, err := gateway.ParseEvent(body, tc.header, tc.secrets, now, tolerance)
			if err != nil {
				t.Fatal(err)
			}
			if ev.ID != "evt_1" || ev.Type != "payment_intent.succeeded" || ev.ObjectID != "pi_1" ||
				ev.Created.Unix() != 1699999990 || ev.APIVersion != "2023-10-16" || ev.Livemode || ev.Account != "" ||
				string(ev.Object) != `{"id":"pi_1","object":"payment_intent","amount":500}` {
				t.Errorf("got %+v", ev)
			}
		})
	}
}

func TestParseEventRefuses(t *testing.T) {
	t.Parallel()
	good := v1(now, body, secret)
	old, future := now.Add(-tolerance-time.Second), now.Add(tolerance+time.Second)
	for name, tc := range map[string]struct {
		header  string
		secrets []string
		want    error
		says    string
	}{
		"no header":               {"", []string{secret}, gateway.ErrSignatureInvalid, "missing"},
		"nonsense":                {"nonsense", []string{secret}, gateway.ErrSignatureInvalid, "timestamp"},
		"no timestamp":            {"v1=" + good, []string{secret}, gateway.ErrSignatureInvalid, "timestamp"},
		"an unreadable timestamp": {"t=soon,v1=" + good, []string{secret}, gateway.ErrSignatureInvalid, "timestamp"},
		"two timestamps":          {header(now, good) + ",t=1", []string{secret}, gateway.ErrSignatureInvalid, "one timestamp"},
		"only v0":                 {fmt.Sprintf("t=%d,v0=%s", now.Unix(), good), []string{secret}, gateway.ErrSignatureInvalid, "no v1"},
		"a short signature":       {header(now, good[:60]), []string{secret}, gateway.ErrSignatureInvalid, "does not match"},
		"not hex":                 {header(now, "zz"+good[2:]), []string{secret}, gateway.ErrSignatureInvalid, "does not match"},
		"another's secret":        {header(now, v1(now, body, "whsec_wrong")), []string{secret}, gateway.ErrSignatureInvalid, "does not match"},
		"an empty secret":         {header(now, v1(now, body, "")), []string{"", secret}, gateway.ErrSignatureInvalid, "does not match"},
		"no secrets":              {header(now, good), nil, gateway.ErrSignatureInvalid, "does not match"},
		"another second":          {header(now.Add(time.Second), good), []string{secret}, gateway.ErrSignatureInvalid, "does not match"},
		"10,000 signatures":       {header(now, repeat(good, 10_000)...), []string{secret}, gateway.ErrSignatureInvalid, "too long"},
		"40 signatures":           {header(now, repeat("00", 40)...), []string{secret}, gateway.ErrSignatureInvalid, "too many"},
		"an old signature":        {header(old, v1(old, body, secret)), []string{secret}, gateway.ErrSignatureExpired, "ago"},
		"a future signature":      {header(future, v1(future, body, secret)), []string{secret}, gateway.ErrSignatureExpired, "future"},
		"the end of time":         {"t=9223372036854775807,v1=" + good, []string{secret}, gateway.ErrSignatureExpired, ""},
		"before time":             {"t=-9223372036854775808,v1=" + good, []string{secret}, gateway.ErrSignatureExpired, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := gateway.ParseEvent(body, tc.header, tc.secrets, now, tolerance)
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v, want %v saying %q", err, tc.want, tc.says)
			}
			if strings.Contains(err.Error(), good[:16]) || strings.Contains(err.Error(), "whsec") {
				t.Errorf("the error gives the signature or a secret away: %v", err)
			}
		})
	}
}

func TestParseEventReadsWhatStripeSigns(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body     string
		objectID string
		ok       bool
	}{
		"an object it has never heard of": {`{"id":"evt_1","type":"radar.x","created":1,"data":{"object":{"id":"rdr_1"}}}`, "rdr_1", true},
		"an object without an id":         {`{"id":"evt_1","type":"balance.available","created":1,"data":{"object":{"object":"balance"}}}`, "", true},
		"a thin event":                    {`{"id":"evt_1","object":"v2.core.event","type":"v2.x","created":"2026-11-30T12:00:00.000Z","related_object":{"id":"mtr_1"}}`, "mtr_1", true},
		"half an emoji in metadata":       {`{"id":"evt_1","type":"a.b","created":1,"data":{"object":{"id":"pi_1","metadata":{"x":"\ud83d"}}}}`, "pi_1", true},
		"an array":                        {`[]`, "", false},
		"two documents":                   {`{"id":"evt_1","type":"a.b","created":1}{}`, "", false},
		"no id":                           {`{"type":"a.b","created":1}`, "", false},
		"an ID in capitals":               {`{"ID":"evt_1","type":"a.b","created":1}`, "", false},
		"no type":                         {`{"id":"evt_1","created":1}`, "", false},
		"a time that is none":             {`{"id":"evt_1","type":"a.b","created":"soon"}`, "", false},
		"nothing":                         {``, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ev, err := gateway.ParseEvent([]byte(tc.body), header(now, v1(now, []byte(tc.body), secret)), []string{secret}, now, tolerance)
			if !tc.ok {
				if !errors.Is(err, gateway.ErrPayloadInvalid) {
					t.Fatalf("got %v, want payload_invalid", err)
				}
				return
			}
			if err != nil || ev.ID != "evt_1" || ev.ObjectID != tc.objectID {
				t.Errorf("got %+v, %v", ev, err)
			}
		})
	}
}

func TestParseEventNoticesOneChangedBit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "payload")
		signature := []byte(v1(now, payload, secret))
		if rapid.Bool().Draw(t, "in the body") {
			i := rapid.IntRange(0, len(payload)-1).Draw(t, "byte")
			payload[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		} else {
			raw := webhook.ComputeSignature(now, payload, secret)
			i := rapid.IntRange(0, len(raw)-1).Draw(t, "byte")
			raw[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			signature = []byte(hex.EncodeToString(raw))
		}
		_, err := gateway.ParseEvent(payload, header(now, string(signature)), []string{secret}, now, tolerance)
		if !errors.Is(err, gateway.ErrSignatureInvalid) {
			t.Fatalf("accepted or otherwise refused: %v", err)
		}
	})
}

// FuzzSignatureHeader holds that no header passes unless a secret made it.
func FuzzSignatureHeader(f *testing.F) {
	good := v1(now, body, secret)
	f.Add(header(now, good))
	f.Add(header(now, good, good) + ",v0=00")
	f.Add("t=,v1=,")
	f.Add("t=1,t=2,v1=" + good)
	f.Fuzz(func(t *testing.T, h string) {
		_, err := gateway.ParseEvent(body, h, []string{secret}, now, tolerance)
		if err == nil && !strings.Contains(strings.ToLower(h), good) {
			t.Errorf("%q was accepted", h)
		}
	})
}

// FuzzEvent holds that no signed body makes the decoders panic, and that an
// accepted one can be routed.
func FuzzEvent(f *testing.F) {
	f.Add(body)
	f.Add([]byte(`{"id":"evt_1","type":"charge.updated","created":"x","data":{"object":{"object":"charge","payment_intent":{}}}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		ev, err := gateway.ParseEvent(payload, header(now, v1(now, payload, secret)), []string{secret}, now, tolerance)
		if err != nil {
			if !errors.Is(err, gateway.ErrPayloadInvalid) {
				t.Fatalf("a good signature was refused: %v", err)
			}
			return
		}
		if ev.ID == "" || ev.Type == "" {
			t.Errorf("accepted without id or type: %q", payload)
		}
		_, _ = gateway.DecodeIntent(ev.Object)
		_, _ = gateway.DecodeCharge(ev.Object)
		_, _ = gateway.DecodeProduct(ev.Object)
		_, _ = gateway.DecodePrice(ev.Object)
	})
}

func repeat(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}
