package inbox

import (
	"bytes"
	"context"

	"gorm.io/gorm"

	"till/pkg/erasure"
	"till/pkg/gateway"
	"till/pkg/store"
)

// forgetAtOnce is how many deliveries are reduced at a time.
const forgetAtOnce = 100

// Forget takes out of the stored deliveries about these objects of Stripe's, and about
// what belongs to them, all that tells of a person. They can be replayed as before. It
// may be done again.
func (in *Inbox) Forget(ctx context.Context, objects []string) error {
	if len(objects) == 0 {
		return nil
	}
	for last, n := "", forgetAtOnce; n == forgetAtOnce && ctx.Err() == nil; {
		err := in.opt.DB.Tx(ctx, func(tx *gorm.DB) error {
			var rows []row
			err := tx.Where("(object_id IN ? OR about <> '' AND about IN ?) AND event_id > ?", objects, objects, last).
				Order("event_id").Limit(forgetAtOnce).Find(&rows).Error
			if err != nil {
				return err
			}
			if n = len(rows); n == 0 {
				return nil
			}
			for _, r := range rows {
				if err := forget(tx, r); err != nil {
					return err
				}
			}
			last = rows[n-1].EventID
			return nil
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// forget reduces one delivery. Reasons why it could not be applied may quote it.
func forget(tx *gorm.DB, r row) error {
	reduced := gateway.Reduce(r.Body)
	if bytes.Equal(reduced, r.Body) {
		return nil
	}
	change := map[string]any{"body": reduced}
	if r.State == Failed || r.State == Dead {
		change["reason"] = ""
	}
	if err := tx.Model(&row{}).Where("event_id = ? AND account = ? AND livemode = ?", r.EventID, r.Account, r.Livemode).Updates(change).Error; err != nil {
		return err
	}
	return tx.Model(&attemptRow{}).Where("event_id = ? AND account = ? AND livemode = ? AND state IN ?", r.EventID, r.Account, r.Livemode, []State{Failed, Dead}).
		Update("reason", "").Error
}

// subjects are Stripe's ids that a delivery is about.
func (d delivery) subjects() (ids []string) {
	for _, id := range []string{d.event.ObjectID, d.event.About} {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// erased tells whether a delivery is about somebody whose data was erased.
func (d delivery) erased(known []erasure.Object) bool {
	for _, o := range known {
		if o.ID == d.event.ObjectID || o.ID == d.event.About {
			return true
		}
	}
	return false
}

// reduced is the delivery as it is stored, where its data was erased before it came.
func (in *Inbox) reduced(tx *gorm.DB, d delivery) (delivery, error) {
	var known []erasure.Object
	err := store.Send(tx, func(p *store.Pipe) { erasure.Known(p, d.subjects(), &known) })
	if err == nil && d.erased(known) {
		d.body = gateway.Reduce(d.body)
	}
	return d, err
}
