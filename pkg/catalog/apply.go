package catalog

import (
	"fmt"
	"strings"

	"gorm.io/gorm"

	"till/pkg/gateway"
)

// Apply brings product.*, price.*, coupon.* and promotion_code.* events into the
// mirror, in tx, with one statement a table. applied[i] is false for an event that is not the mirror's:
// of another mode or account, or of a type that Till does not know. An event
// that is older than the row is applied and changes nothing. An object that
// cannot be read fails the whole batch; the caller then tries each alone.
func (s *Service) Apply(tx *gorm.DB, events []gateway.Event) (applied []bool, err error) {
	products, prices := batch[productRow]{}, batch[priceRow]{}
	coupons, promotions := batch[couponRow]{}, batch[promotionRow]{}
	applied = make([]bool, len(events))
	for i, ev := range events {
		if ev.Account != "" || ev.Livemode != s.livemode {
			continue
		}
		kind, change, _ := strings.Cut(ev.Type, ".")
		if change != "created" && change != "updated" && change != "deleted" {
			continue
		}
		deleted := change == "deleted"
		switch kind {
		case "product":
			p, err := gateway.DecodeProduct(ev.Object)
			if err != nil {
				return nil, fmt.Errorf("event %s: %w", ev.ID, err)
			}
			p.Livemode = ev.Livemode
			products.add(newProductRow(p, ev.Created, deleted))
		case "price":
			p, err := gateway.DecodePrice(ev.Object)
			if err != nil {
				return nil, fmt.Errorf("event %s: %w", ev.ID, err)
			}
			p.Livemode = ev.Livemode
			prices.add(newPriceRow(p, ev.Created, deleted))
		case "coupon":
			k, err := gateway.DecodeCoupon(ev.Object)
			if err != nil {
				return nil, fmt.Errorf("event %s: %w", ev.ID, err)
			}
			k.Livemode = ev.Livemode
			coupons.add(newCouponRow(k, ev.Created, deleted))
		case "promotion_code":
			p, err := gateway.DecodePromotionCode(ev.Object)
			if err != nil {
				return nil, fmt.Errorf("event %s: %w", ev.ID, err)
			}
			p.Livemode = ev.Livemode
			promotions.add(newPromotionRow(p, ev.Created, deleted))
		default:
			continue
		}
		applied[i] = true
	}
	if err := writeProducts(tx, products); err != nil {
		return nil, fmt.Errorf("mirror products: %w", err)
	}
	if err := writePrices(tx, prices); err != nil {
		return nil, fmt.Errorf("mirror prices: %w", err)
	}
	if err := writeCoupons(tx, coupons); err != nil {
		return nil, fmt.Errorf("mirror coupons: %w", err)
	}
	if err := writePromotions(tx, promotions); err != nil {
		return nil, fmt.Errorf("mirror promotion codes: %w", err)
	}
	return applied, nil
}
