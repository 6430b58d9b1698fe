package badinput

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestStaffRoutes(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		staff := s.Staff("sam")
		s.own(t, s.token)
		delivery := s.send(t, request{method: "GET", path: "/staff/webhooks?limit=1", token: staff}).Get("data.0.id")
		if delivery == "" {
			t.Fatal("there is no delivery")
		}
		get := func(path, want string) {
			s.refuse(t, row{"GET " + shorten(path), request{method: "GET", path: path, token: staff}, want})
		}
		replay := func(body, want string) {
			s.refuse(t, row{"replay " + shorten(body), request{method: "POST", path: "/staff/webhooks/replay", token: staff, body: body}, want})
		}
		const list = "/staff/webhooks?"
		for _, state := range []string{"x", "APPLIED", "applied,dead", "applied%20", "%27%20OR%201=1", "%25", "DEAD"} {
			get(list+"state="+state, "422 validation_failed state")
			replay(`{"state":"`+strings.NewReplacer("%20", " ", "%27", "'", "%25", "%").Replace(state)+`"}`, "422 validation_failed state")
		}
		for param, most := range map[string]int{"state": 16, "type": 100, "objectId": 255} {
			get(list+param+"="+strings.Repeat("x", most+1), "422 validation_failed "+param)
			get(list+param+"=a%00b", "422 validation_failed "+param)
			get(list+param+"=%ff", "422 validation_failed "+param)
			get(list+param+"=a&"+param+"=b", "422 validation_failed "+param)
			replay(`{"`+param+`":"`+strings.Repeat("x", most+1)+`"}`, "422 validation_failed "+param)
			replay(`{"`+param+`":"a\u0000b"}`, "422 validation_failed "+param)
			replay(`{"`+param+`":""}`, "422 validation_failed "+param)
			replay(`{"`+param+`":null}`, "422 validation_failed "+param)
			replay(`{"`+param+`":["dead"]}`, "422 validation_failed "+param)
			replay(`{"`+param+`":{"$ne":null}}`, "422 validation_failed "+param)
			replay(`{"`+param+`":"dead","`+param+`":"applied"}`, "400 invalid_json "+param)
		}
		for _, param := range []string{"receivedFrom", "receivedTo"} {
			for _, at := range []string{"now", "1700000000", "2026-11-02", "2026-11-02T12:00:00", "2026-13-02T12:00:00Z", "2026-02-30T12:00:00Z", "2026-11-02T25:00:00Z", "0000-00-00T00:00:00Z", "-1", "Infinity", "2026-11-02T12:00:00Z;"} {
				if !strings.Contains(at, ";") {
					get(list+param+"="+at, "422 validation_failed "+param)
				}
				replay(`{"`+param+`":"`+at+`"}`, "422 validation_failed "+param)
			}
			replay(`{"`+param+`":1700000000}`, "422 validation_failed "+param)
			replay(`{"`+param+`":null}`, "422 validation_failed "+param)
		}
		for _, limit := range []string{"0", "101", "-1", "x", "1.5", "1e1", "2147483648", "18446744073709551616"} {
			get(list+"limit="+limit, "422 validation_failed limit")
		}
		for _, cursor := range []string{"startingAfter", "endingBefore"} {
			get(list+cursor+"=evt_nothing", "422 validation_failed "+cursor)
			get(list+cursor+"=%27%20OR%20%271%27=%271", "422 validation_failed "+cursor)
			get(list+cursor+"="+strings.Repeat("x", 65), "422 validation_failed "+cursor)
			get(list+cursor+"=a%00b", "422 validation_failed "+cursor)
		}
		replay(`{"state":"applied","startingAfter":"evt_nothing"}`, "422 validation_failed startingAfter")
		replay(`{"state":"applied","startingAfter":""}`, "422 validation_failed startingAfter")
		get(list+"owner=x", "422 validation_failed owner")
		get(list+"State=applied", "422 validation_failed State")
		get(list+"livemode=true", "422 validation_failed livemode")
		for _, body := range []string{`{}`, `{"all":false}`, `{"all":true,"state":"dead"}`, `{"all":false,"startingAfter":"` + delivery + `"}`, `{"startingAfter":"` + delivery + `"}`} {
			replay(body, "422 filter_required")
		}
		for _, body := range []string{`{"all":"true"}`, `{"all":1}`, `{"all":null}`, `{"all":[true]}`} {
			replay(body, "422 validation_failed all")
		}
		for body, want := range map[string]string{
			`null`: "422 validation_failed", `[]`: "422 validation_failed", `{"ids":["` + delivery + `"]}`: "422 validation_failed ids", `{"state":"dead","limit":1}`: "422 validation_failed limit",
			`{"state":"dead"`: "400 invalid_json", `{"state":"dead"}{}`: "400 invalid_json", `{"objectId":"4242 4242 4242 4242"}`: "422 card_data_refused objectId", `{"All":true}`: "422 validation_failed All",
		} {
			replay(body, want)
		}
		for id, want := range map[string]string{
			"evt_nothing": "404 not_found", strings.ToUpper(delivery): "404 not_found", delivery[:len(delivery)-1]: "404 not_found", delivery + "%20": "404 not_found", "%25": "404 not_found",
			"%27%20OR%20%271%27=%271": "404 not_found", "..%2f..%2forders": "404 not_found", strings.Repeat("x", 256): "422 validation_failed id", "a%00b": "422 validation_failed id", "%ff": "422 validation_failed id",
			"4242424242424242": "422 card_data_refused id",
		} {
			get("/staff/webhooks/"+id, want)
			s.refuse(t, row{"replay of " + shorten(id), request{method: "POST", path: "/staff/webhooks/" + id + "/replay", token: staff}, want})
		}
		one := "/staff/webhooks/" + delivery + "/replay"
		s.refuse(t,
			row{"a replay with a body", request{method: "POST", path: one, token: staff, body: `{"state":"applied"}`}, "422 validation_failed"},
			row{"a replay with a query", request{method: "POST", path: one + "?force=true", token: staff}, "422 validation_failed force"},
			row{"a replay by GET", request{method: "GET", path: one, token: staff}, "405 method_not_allowed"},
			row{"a replay by a header", request{method: "GET", path: one, token: staff, header: headers("X-HTTP-Method-Override", "POST")}, "405 method_not_allowed"},
			row{"a delivery is deleted", request{method: "DELETE", path: "/staff/webhooks/" + delivery, token: staff}, "405 method_not_allowed"},
			row{"a delivery is changed", request{method: "PATCH", path: "/staff/webhooks/" + delivery, token: staff, body: `{"state":"applied"}`}, "405 method_not_allowed"},
			row{"a delivery is made", request{method: "POST", path: "/staff/webhooks", token: staff, body: `{"id":"evt_1"}`}, "405 method_not_allowed"},
			row{"a form", request{method: "POST", path: "/staff/webhooks/replay", token: staff, body: "all=true", header: headers("Content-Type", "application/x-www-form-urlencoded")}, "415 unsupported_media_type"},
			row{"no body", request{method: "POST", path: "/staff/webhooks/replay", token: staff}, "415 unsupported_media_type"},
			row{"65 KB", request{method: "POST", path: "/staff/webhooks/replay", token: staff, body: `{"x":"` + strings.Repeat("x", 64<<10) + `"}`}, "413 body_too_large"},
		)
		// Who says of himself that he is staff.
		for name, claims := range map[string]map[string]any{
			"staff in a longer word": {"scope": "staffing"}, "in capitals": {"scope": "STAFF"}, "by comma": {"scope": "openid,staff"}, "in a list as scope's text": {"scope": `["staff"]`}, "a role": {"role": "staff"},
			"roles": {"roles": []string{"staff"}}, "true": {"staff": true}, "nested": {"scope": map[string]any{"staff": true}}, "scp behind scope": {"scope": "openid", "scp": "staff"}, "Scope": {"Scope": "staff"},
			"permissions": {"permissions": []string{"staff"}}, "in another alphabet": {"scope": "ѕtaff"}, "a list in a list": {"scp": []any{[]string{"staff"}}},
		} {
			s.refuse(t, row{"a user with " + name, request{method: "GET", path: "/staff/webhooks", token: s.User("mallory", claims)}, "403 insufficient_scope"})
		}
		if a := s.send(t, request{method: "POST", path: one, token: staff}); a.Status != http.StatusOK {
			t.Errorf("a good replay: %d %s", a.Status, a.Body)
		}
		from := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
		if a := s.send(t, request{method: "GET", path: list + "state=applied&type=payment_intent.&receivedFrom=" + from, token: staff}); a.Status != http.StatusOK {
			t.Errorf("a good list: %d %s", a.Status, a.Body)
		}
	})
}

func TestStreams(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		path := "/payments/" + mine.payment + "/events"
		try := func(name, want string, pairs ...string) row {
			return row{name, request{method: "GET", path: path, token: s.token, header: headers(pairs...)}, want}
		}
		for _, last := range []string{"", "x", "-1", "1.5", "1e3", "+1", "0x10", "01", "9223372036854775808", "18446744073709551616", "NaN", "null", "1,2", "1 2", "evt_1", "٣", "' OR '1'='1", strings.Repeat("9", 4<<10)} {
			s.refuse(t, try("Last-Event-ID "+shorten(last), "422 validation_failed Last-Event-ID", "Last-Event-ID", last))
		}
		s.refuse(t, try("Last-Event-ID twice", "422 validation_failed Last-Event-ID", "Last-Event-ID", "1", "Last-Event-ID", "1"))
		s.refuse(t, try("Last-Event-ID a card", "422 card_data_refused Last-Event-ID", "Last-Event-ID", "4242424242424242"))
		for _, accept := range []string{"application/json", "text/html", "text/event-streams", "text/event-stream;q=0", "text/event-stream;q=0.0", "image/*", ";;", "", "text", "application/json, text/html"} {
			s.refuse(t, try("Accept "+accept, "406 not_acceptable Accept", "Accept", accept))
		}
		s.refuse(t,
			row{"in the query", request{method: "GET", path: path + "?lastEventId=1", token: s.token}, "422 validation_failed lastEventId"},
			row{"a token in the query", request{method: "GET", path: path + "?access_token=" + s.token}, "401 unauthenticated"},
			row{"a wait", request{method: "GET", path: path + "?wait=30", token: s.token}, "422 validation_failed wait"},
			row{"another's", request{method: "GET", path: path, token: s.Guest()}, "404 not_found"},
			row{"another's, read to its end", request{method: "GET", path: path, token: s.Guest(), header: headers("Last-Event-ID", "999999")}, "404 not_found"},
			row{"an order's", request{method: "GET", path: "/payments/" + mine.order + "/events", token: s.token}, "404 not_found"},
			row{"by POST", request{method: "POST", path: path, token: s.token}, "405 method_not_allowed"},
			row{"an id with NUL", request{method: "GET", path: "/payments/a%00b/events", token: s.token}, "422 validation_failed id"},
			row{"an id that is too long", request{method: "GET", path: "/payments/" + strings.Repeat("x", 65) + "/events", token: s.token}, "422 validation_failed id"},
			row{"a body", request{method: "GET", path: path, token: s.token, body: `{"a":1}`}, "422 validation_failed"},
		)
		// Five streams are all that one caller gets, also with tokens of other kinds of his.
		for range 5 {
			open := s.Stream(s.token, mine.payment)
			if e := open.Next(); e.Name != "payment" || open.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%+v %v", e, open.Header)
			}
		}
		s.refuse(t, try("a sixth stream", "429 too_many_streams"))
		if a := s.send(t, try("", "", "Accept", "application/json").request); a.Status != 406 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
}
