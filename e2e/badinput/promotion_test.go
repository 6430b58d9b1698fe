package badinput

import (
	"strings"
	"testing"
)

func TestPromotionCodes(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		rows := map[string][2]string{}
		for literal, want := range map[string]string{
			`""`: "validation_failed", "null": "validation_failed", "1": "validation_failed", "true": "validation_failed", `["WINTER"]`: "validation_failed", `{"code":"WINTER"}`: "validation_failed",
			`"WIN TER"`: "validation_failed", `"WINTER\u0000"`: "validation_failed", `"WINTER\n"`: "validation_failed", `"WİNTER"`: "validation_failed", `"\u212AIOSK"`: "validation_failed",
			`"%"`: "validation_failed", `"' OR '1'='1"`: "validation_failed", `"` + strings.Repeat("W", 501) + `"`: "validation_failed",
			`"WINTER"`: "promotion_code_not_valid", `"promo_1"`: "promotion_code_not_valid", `"_"`: "promotion_code_not_valid", `"` + strings.Repeat("W", 500) + `"`: "promotion_code_not_valid",
		} {
			rows["a code "+literal[:min(len(literal), 40)]] = [2]string{`{` + item + `,"promotionCode":` + literal + `}`, "422 " + want + " promotionCode"}
		}
		rows["two codes"] = [2]string{`{` + item + `,"promotionCode":"A","promotionCode":"B"}`, "400 invalid_json promotionCode"}
		rows["a code in capitals"] = [2]string{`{` + item + `,"PromotionCode":"A"}`, "422 validation_failed PromotionCode"}
		rows["a list of codes"] = [2]string{`{` + item + `,"promotionCodes":["A","B"]}`, "422 validation_failed promotionCodes"}
		rows["a code for an amount"] = [2]string{`{"amount":500,"currency":"eur","promotionCode":"A"}`, "422 validation_failed promotionCode"}
		rows["a code alone"] = [2]string{`{"promotionCode":"A"}`, "422 exactly_one_of"}
		rows["a code and a wrong price"] = [2]string{`{"items":[{"priceId":"nothing","quantity":1}],"promotionCode":"A"}`, "422 price_not_found items[0].priceId"}
		s.both(t, rows)
		for name, row := range rows { // and in a mobile sheet
			s.refuse(t, s.post(name+", in a sheet", "/mobile/payment-sheet", `{"mode":"payment","stripeVersion":"2023-10-16",`+row[0][1:], row[1]))
		}
		order := s.accept(t, "an order", 201, s.post("", "/orders", `{`+item+`}`, "").request)
		s.refuse(t, s.post("a code for an order", "/payments/intent", `{"orderId":"`+order.Get("id")+`","promotionCode":"A"}`, "422 validation_failed promotionCode"))
	})
}
