package gateway

import (
	"context"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/money"
)

// wholePercent is 100 % in PercentOff's unit, the finest that Stripe takes.
const wholePercent = 1_000_000

// EachCoupon gives every coupon, whole, as EachProduct does.
func (g *Gateway) EachCoupon(ctx context.Context, fn func(k Coupon, at time.Time) error) (asOf time.Time, err error) {
	return g.each(ctx, request{
		op: "list coupons", path: "/v1/coupons",
		params: &stripe.CouponListParams{
			ListParams: stripe.ListParams{Limit: new(int64(100))},
			Expand:     []*string{new("data.applies_to"), new("data.currency_options")},
		},
	}, func(object rawJSON, a answer) (string, error) {
		k, err := DecodeCoupon(object)
		if err != nil {
			return "", err
		}
		return k.ID, fn(k, a.at)
	})
}

// EachPromotionCode gives every promotion code, active or not, as EachProduct does.
func (g *Gateway) EachPromotionCode(ctx context.Context, fn func(p PromotionCode, at time.Time) error) (asOf time.Time, err error) {
	return g.each(ctx, request{
		op: "list promotion codes", path: "/v1/promotion_codes",
		params: &stripe.PromotionCodeListParams{
			ListParams: stripe.ListParams{Limit: new(int64(100))},
			Expand:     []*string{new("data.restrictions.currency_options")},
		},
	}, func(object rawJSON, a answer) (string, error) {
		p, err := DecodePromotionCode(object)
		if err != nil {
			return "", err
		}
		return p.ID, fn(p, a.at)
	})
}

// ReadCoupon is ReadPrice for coupons.
func (g *Gateway) ReadCoupon(ctx context.Context, id string) (Coupon, time.Time, error) {
	a, err := g.call(ctx, request{
		op: "read coupon", method: http.MethodGet, path: stripe.FormatURLPath("/v1/coupons/%s", id),
		params: &stripe.CouponParams{Expand: []*string{new("applies_to"), new("currency_options")}},
	})
	if err != nil {
		return Coupon{}, time.Time{}, err
	}
	k, err := DecodeCoupon(a.body)
	if err == nil && k.ID != id {
		err = fmt.Errorf("asked about coupon %s, answered %s", id, k.ID)
	}
	return k, a.at, err
}

// ReadPromotionCode is ReadPrice for promotion codes.
func (g *Gateway) ReadPromotionCode(ctx context.Context, id string) (PromotionCode, time.Time, error) {
	a, err := g.call(ctx, request{
		op: "read promotion code", method: http.MethodGet, path: stripe.FormatURLPath("/v1/promotion_codes/%s", id),
		params: &stripe.PromotionCodeParams{Expand: []*string{new("restrictions.currency_options")}},
	})
	if err != nil {
		return PromotionCode{}, time.Time{}, err
	}
	p, err := DecodePromotionCode(a.body)
	if err == nil && p.ID != id {
		err = fmt.Errorf("asked about promotion code %s, answered %s", id, p.ID)
	}
	return p, a.at, err
}

// DecodeCoupon reads a Coupon.
func DecodeCoupon(object []byte) (Coupon, error) {
	var o struct {
		ID        string         `json:"id"`
		Object    string         `json:"object"`
		Percent   rawJSON        `json:"percent_off"` // a decimal number
		Amount    int64          `json:"amount_off"`
		Currency  money.Currency `json:"currency"`
		AppliesTo struct {
			Products []string `json:"products"`
		} `json:"applies_to"`
		Options map[string]struct {
			Amount int64 `json:"amount_off"`
		} `json:"currency_options"`
		RedeemBy       int64 `json:"redeem_by"`
		MaxRedemptions int64 `json:"max_redemptions"`
		TimesRedeemed  int64 `json:"times_redeemed"`
		Livemode       bool  `json:"livemode"`
		Created        int64 `json:"created"`
	}
	if err := decode(object, &o); err != nil {
		return Coupon{}, fmt.Errorf("decode coupon: %w", err)
	}
	if err := mustBe("coupon", o.Object, o.ID); err != nil {
		return Coupon{}, err
	}
	k := Coupon{
		ID: o.ID, Products: o.AppliesTo.Products, RedeemBy: unix(o.RedeemBy), MaxRedemptions: o.MaxRedemptions, TimesRedeemed: o.TimesRedeemed,
		Livemode: o.Livemode, Created: unix(o.Created),
	}
	if o.Percent.Kind() == '0' {
		k.PercentOff = percent(string(o.Percent))
		return k, nil
	}
	amounts := map[string]int64{string(o.Currency): o.Amount}
	for currency, option := range o.Options {
		amounts[currency] = option.Amount
	}
	k.AmountOff = positive(amounts)
	return k, nil
}

// DecodePromotionCode reads a PromotionCode.
func DecodePromotionCode(object []byte) (PromotionCode, error) {
	var o struct {
		ID             string  `json:"id"`
		Object         string  `json:"object"`
		Code           string  `json:"code"`
		Coupon         rawJSON `json:"coupon"`
		Customer       rawJSON `json:"customer"`
		Active         bool    `json:"active"`
		ExpiresAt      int64   `json:"expires_at"`
		MaxRedemptions int64   `json:"max_redemptions"`
		TimesRedeemed  int64   `json:"times_redeemed"`
		Restrictions   struct {
			FirstTime bool   `json:"first_time_transaction"`
			Minimum   int64  `json:"minimum_amount"`
			Currency  string `json:"minimum_amount_currency"`
			Options   map[string]struct {
				Minimum int64 `json:"minimum_amount"`
			} `json:"currency_options"`
		} `json:"restrictions"`
		Livemode bool  `json:"livemode"`
		Created  int64 `json:"created"`
	}
	if err := decode(object, &o); err != nil {
		return PromotionCode{}, fmt.Errorf("decode promotion code: %w", err)
	}
	if err := mustBe("promotion_code", o.Object, o.ID); err != nil {
		return PromotionCode{}, err
	}
	p := PromotionCode{
		ID: o.ID, Code: o.Code, Coupon: idOf(o.Coupon), Customer: idOf(o.Customer), Active: o.Active, ExpiresAt: unix(o.ExpiresAt),
		MaxRedemptions: o.MaxRedemptions, TimesRedeemed: o.TimesRedeemed, FirstTime: o.Restrictions.FirstTime, Livemode: o.Livemode, Created: unix(o.Created),
	}
	minimums := map[string]int64{o.Restrictions.Currency: o.Restrictions.Minimum}
	for currency, option := range o.Restrictions.Options {
		minimums[currency] = option.Minimum
	}
	p.Minimums = positive(minimums)
	return p, nil
}

// positive keeps amounts of money in currencies that there are; nil where that is none.
func positive(amounts map[string]int64) map[money.Currency]int64 {
	var out map[money.Currency]int64
	for code, minor := range amounts {
		currency, err := money.ParseCurrency(code)
		if err != nil || minor <= 0 {
			continue
		}
		if out == nil {
			out = map[money.Currency]int64{}
		}
		out[currency] = minor
	}
	return out
}

// percent reads a decimal number of percent into ten-thousandths of one. What is no
// part of a whole is none.
func percent(text string) int64 {
	if len(text) > 32 || strings.ContainsAny(text, "eE") { // 1e999999999 would take the memory for as many digits
		return 0
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok || r.Sign() <= 0 || r.Cmp(big.NewRat(100, 1)) > 0 {
		return 0
	}
	r.Add(r.Mul(r, big.NewRat(wholePercent/100, 1)), big.NewRat(1, 2))
	return new(big.Int).Div(r.Num(), r.Denom()).Int64()
}
