package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"till/pkg/gateway"
	"till/pkg/store"
)

// readBatch is how many unread rows are looked for at once.
const readBatch = 100

// Unread receives when events have left something to be read.
func (s *Service) Unread() <-chan struct{} { return s.unread }

// Announce is to be called once applied events are committed.
func (s *Service) Announce() {
	select {
	case s.unread <- struct{}{}:
	default:
	}
}

// ReadUnread reads from Stripe, whole, what events have told of in part. It stops
// where Stripe does not answer; what is left is read the next time. Two replicas
// may read the same row, which does no harm.
func (s *Service) ReadUnread(ctx context.Context) error {
	prices := readEach(ctx, s, "prices", append(slices.Clone(priceColumns), "currency_options"), func(ctx context.Context, id string) (priceRow, error) {
		p, at, err := s.gateway.ReadPrice(ctx, id)
		return newPriceRow(p, at, false), err
	})
	coupons := readEach(ctx, s, "coupons", allCouponColumns, func(ctx context.Context, id string) (couponRow, error) {
		k, at, err := s.gateway.ReadCoupon(ctx, id)
		row := newCouponRow(k, at, false)
		row.Whole = true
		return row, err
	})
	promotions := readEach(ctx, s, "promotion_codes", allPromotionCodes, func(ctx context.Context, id string) (promotionRow, error) {
		p, at, err := s.gateway.ReadPromotionCode(ctx, id)
		row := newPromotionRow(p, at, false)
		row.Whole = true
		return row, err
	})
	return errors.Join(prices, coupons, promotions)
}

// readEach reads the unread rows of a table, one after the other, and sets these
// columns of them.
func readEach[Row interface{ news() news }](ctx context.Context, s *Service, table string, columns []string, read func(ctx context.Context, id string) (Row, error)) error {
	var failed error
	for after := ""; ; {
		var found []struct {
			ID     string
			Unread int64
		}
		err := s.db.Read(ctx).Table(table).Select("id, unread").Where("account = '' AND livemode = ? AND unread > 0 AND NOT deleted AND id > ?", s.livemode, after).
			Order("id").Limit(readBatch).Find(&found).Error
		if err != nil || len(found) == 0 {
			return errors.Join(failed, store.Translate(err))
		}
		for _, r := range found {
			after = r.ID
			// An event that comes meanwhile may know more than the reading: it is read again.
			asSeen := s.db.Write(ctx).Model(new(Row)).Where("account = '' AND livemode = ? AND id = ? AND unread = ? AND NOT deleted", s.livemode, r.ID, r.Unread)
			row, err := read(ctx, r.ID)
			switch {
			case gateway.Missing(err): // the event that says so is on its way
				err = asSeen.Update("unread", 0).Error
			case errors.Is(err, gateway.ErrUnknown), errors.Is(err, gateway.ErrRateLimited), errors.Is(err, gateway.ErrRejected):
				return errors.Join(failed, fmt.Errorf("read %s of %s: %w", r.ID, table, err)) // nor would the next one be
			case err == nil:
				err = asSeen.Where("news_at <= ?", row.news().said).Select("unread", "news_at", columns).Updates(&row).Error
			}
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("read %s of %s: %w", r.ID, table, store.Translate(err)))
			}
		}
	}
}
