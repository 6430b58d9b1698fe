package catalog_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/catalog"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

func coupon(id string) object {
	return object{"id": id, "object": "coupon", "percent_off": 10, "amount_off": nil, "times_redeemed": 0, "max_redemptions": nil, "redeem_by": nil, "created": t0.Unix()}
}

func promotion(id, code, coupon string) object {
	return object{
		"id": id, "object": "promotion_code", "code": code, "coupon": object{"id": coupon, "object": "coupon"}, "customer": nil, "active": true, "expires_at": nil,
		"max_redemptions": nil, "times_redeemed": 0, "restrictions": object{"first_time_transaction": false}, "created": t0.Unix(),
	}
}

// asRead does what reading from Stripe does, for objects that no Stripe has.
func (f fixture) asRead() {
	f.t.Helper()
	for _, table := range []string{"coupons", "promotion_codes"} {
		if err := f.db.Write(f.t.Context()).Exec("UPDATE " + table + " SET whole = true, unread = 0").Error; err != nil {
			f.t.Fatal(err)
		}
	}
}

// redeem is what an order does with a code.
func (f fixture) redeem(order, code string, pending bool) error {
	return f.db.Tx(f.t.Context(), func(tx *gorm.DB) error {
		d, err := f.Code(tx, code, order, at(60))
		if err != nil {
			return err
		}
		return f.Redeem(tx, order, d, pending, at(60))
	})
}

func (f fixture) claims(where string, args ...any) (n int64) {
	f.t.Helper()
	if err := f.db.Read(f.t.Context()).Table("redemptions").Where(where, args...).Count(&n).Error; err != nil {
		f.t.Fatal(err)
	}
	return n
}

func TestWhichCodesAreValid(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		f := setup(t, db)
		f.apply(
			event("coupon.created", 0, coupon("ten")), event("coupon.created", 0, coupon("ended").with("redeem_by", at(59).Unix())),
			event("coupon.created", 0, coupon("used").with("max_redemptions", 3).with("times_redeemed", 3)),
			event("coupon.created", 0, coupon("gone")), event("coupon.deleted", 1, coupon("gone")),
			event("coupon.created", 9, coupon("again").with("created", at(9).Unix())),
			event("promotion_code.created", 0, promotion("promo_1", "Winter", "ten")),
			event("promotion_code.created", 0, promotion("promo_2", "LATE", "ten").with("expires_at", at(59).Unix())),
			event("promotion_code.created", 0, promotion("promo_3", "STILL", "ten").with("expires_at", at(60).Unix())),
			event("promotion_code.created", 0, promotion("promo_4", "OFF", "ten").with("active", false)),
			event("promotion_code.created", 0, promotion("promo_5", "HERS", "ten").with("customer", "cus_1")),
			event("promotion_code.created", 0, promotion("promo_6", "USED", "ten").with("max_redemptions", 2).with("times_redeemed", 2)),
			event("promotion_code.created", 0, promotion("promo_7", "ENDED", "ended")),
			event("promotion_code.created", 0, promotion("promo_8", "USEDUP", "used")),
			event("promotion_code.created", 0, promotion("promo_9", "GONE", "gone")),
			event("promotion_code.created", 0, promotion("promo_a", "OLDER", "again")),
			event("promotion_code.created", 0, promotion("promo_b", "NOCOUPON", "nothing")),
			event("promotion_code.created", 0, promotion("promo_c", "TWICE", "ten").with("active", false).with("created", at(5).Unix())),
			event("promotion_code.created", 0, promotion("promo_d", "TWICE", "ten")),
		)
		if err := f.redeem("ord_0", "winter", false); !errors.Is(err, catalog.ErrCodeNotValid) {
			t.Errorf("a code whose coupon nobody has read: %v", err)
		}
		f.asRead()
		for code, valid := range map[string]bool{
			"Winter": true, "winter": true, "WINTER": true, "STILL": true, "TWICE": true,
			"Win": false, "winter ": false, "%": false, "": false, "LATE": false, "OFF": false, "HERS": false, "USED": false, "ENDED": false,
			"USEDUP": false, "GONE": false, "OLDER": false, "NOCOUPON": false, "' OR 1=1 --": false,
		} {
			if err := f.redeem("ord_"+code, code, false); (err == nil) != valid || !valid && !errors.Is(err, catalog.ErrCodeNotValid) {
				t.Errorf("%q: %v", code, err)
			}
		}
	})
}

func TestOneRedemptionIsLeft(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		for what, o := range map[string][2]object{
			"of the code":   {coupon("ten"), promotion("promo_1", "WINTER", "ten").with("max_redemptions", 5).with("times_redeemed", 4)},
			"of the coupon": {coupon("few").with("max_redemptions", 5).with("times_redeemed", 4), promotion("promo_2", "SUMMER", "few")},
		} {
			f := setup(t, db)
			f.apply(event("coupon.created", 0, o[0]), event("promotion_code.created", 0, o[1]))
			f.asRead()
			var all sync.WaitGroup
			var mu sync.Mutex
			won, lost := 0, 0
			for i := range 64 {
				all.Go(func() {
					var err error
					for err = store.ErrUnavailable; store.Transient(err); {
						err = f.redeem(fmt.Sprint(what, i), o[1]["code"].(string), false)
					}
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						won++
					case errors.Is(err, catalog.ErrCodeNotValid):
						lost++
					default:
						t.Error(err)
					}
				})
			}
			all.Wait()
			if won != 1 || lost != 63 || f.claims("promotion_id = ?", o[1]["id"]) != 1 {
				t.Errorf("%s: %d have it, %d do not", what, won, lost)
			}
		}
	})
}

func TestAnOrderHasOneCode(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		f := setup(t, db)
		once := func(o object) object { return o.with("max_redemptions", 1) }
		f.apply(event("coupon.created", 0, coupon("ten")), event("promotion_code.created", 0, once(promotion("promo_1", "A", "ten"))), event("promotion_code.created", 0, once(promotion("promo_2", "B", "ten"))))
		f.asRead()
		tx := func(do func(tx *gorm.DB) error) {
			t.Helper()
			if err := db.Tx(t.Context(), do); err != nil {
				t.Fatal(err)
			}
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(f.redeem("ord_1", "a", false))
		must(f.redeem("ord_1", "a", false)) // it is its own already
		f.apply(event("promotion_code.updated", 5, once(promotion("promo_1", "A", "ten")).with("active", false)))
		must(f.redeem("ord_1", "a", false)) // also where it has ended since
		must(f.redeem("ord_1", "b", true))
		if n := f.claims("order_id = 'ord_1'"); n != 2 {
			t.Errorf("%d while the amount is asked for", n)
		}
		tx(func(tx *gorm.DB) error { return f.GiveUp(tx, "ord_1") })
		if f.claims("promotion_id = 'promo_1' AND NOT pending") != 1 || f.claims("true") != 1 {
			t.Error("what Stripe did not take is not given back")
		}
		must(f.redeem("ord_1", "b", true))
		tx(func(tx *gorm.DB) error { return f.Settle(tx, "ord_1", "promo_2") })
		if f.claims("promotion_id = 'promo_2' AND NOT pending") != 1 || f.claims("true") != 1 {
			t.Error("the new code has not taken the old one's place")
		}
		if err := f.redeem("ord_2", "b", false); !errors.Is(err, catalog.ErrCodeNotValid) {
			t.Errorf("another one's: %v", err)
		}
		tx(func(tx *gorm.DB) error { return f.Return(tx, "ord_1") })
		must(f.redeem("ord_2", "b", false))
		tx(func(tx *gorm.DB) error { return f.Reclaim(tx, "ord_1", "promo_2", at(70)) }) // paid after all
		tx(func(tx *gorm.DB) error { return f.Reclaim(tx, "ord_1", "promo_2", at(70)) })
		if n := f.claims("promotion_id = 'promo_2'"); n != 2 {
			t.Errorf("%d orders have the code", n)
		}
	})
}

func TestCodesAreReadWhole(t *testing.T) {
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		stripe := offline(t, nothing)
		f := fixture{catalog.New(db, gatewayTo(t, stripe), false), t, db}
		product := change(t, stripe+"/v1/products", form("name", "Mug"))["id"].(string)
		k := change(t, stripe+"/v1/coupons", form("amount_off", "500", "currency", "eur", "currency_options[usd][amount_off]", "600", "applies_to[products][]", product))
		p := change(t, stripe+"/v1/promotion_codes", form("coupon", k["id"].(string), "code", "WINTER", "restrictions[minimum_amount]", "1000",
			"restrictions[minimum_amount_currency]", "eur", "restrictions[currency_options][usd][minimum_amount]", "1200"))
		read := func(how string, now time.Time) {
			t.Helper()
			err := db.Tx(t.Context(), func(tx *gorm.DB) error {
				d, err := f.Code(tx, "winter", "", now)
				if err != nil {
					return err
				}
				off, err := d.Off("usd", []catalog.Sale{{ProductID: product, Amount: 1000}, {ProductID: "prod_other", Amount: 200}})
				if err != nil || off[0] != 600 || off[1] != 0 {
					t.Errorf("%s: %v off, %v", how, off, err)
				}
				_, err = d.Off("usd", []catalog.Sale{{ProductID: product, Amount: 1199}})
				if !errors.Is(err, catalog.ErrCodeMinimum) {
					t.Errorf("%s: %v", how, err)
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s: %v", how, err)
			}
		}
		f.apply(seen("coupon.created", k), seen("promotion_code.created", p))
		f.read()
		read("after an event", time.Now())
		f.apply(seen("coupon.updated", k), seen("promotion_code.updated", p))
		read("after another one, unread", time.Now())
		if err := db.Write(t.Context()).Exec("DELETE FROM coupons").Error; err != nil {
			t.Fatal(err)
		}
		if err := db.Write(t.Context()).Exec("DELETE FROM promotion_codes").Error; err != nil {
			t.Fatal(err)
		}
		if n, err := f.Sync(t.Context()); err != nil || n.Coupons != 1 || n.PromotionCodes != 1 {
			t.Errorf("synced %+v, %v", n, err)
		}
		read("after a sync", time.Now())
	})
}

func nothing(*http.Request) {}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}
