package money

import "strings"

// exponents holds every presentment currency of Stripe.
// https://docs.stripe.com/currencies#presentment-currencies
var exponents = func() map[Currency]int {
	m := map[Currency]int{}
	for exponent, codes := range map[int]string{
		0: "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf",
		2: "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sll sos srd std szl thb tjs top try ttd twd tzs uah ugx uyu uzs wst xcd yer zar zmw",
		3: "bhd jod kwd omr tnd",
	} {
		for code := range strings.FieldsSeq(codes) {
			m[Currency(code)] = exponent
		}
	}
	return m
}()

// minimums holds the smallest charges that Stripe lists, minor units.
var minimums = map[Currency]int64{
	"usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50,
	"czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50,
	"jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200,
	"sek": 300, "sgd": 50, "thb": 1000,
}
