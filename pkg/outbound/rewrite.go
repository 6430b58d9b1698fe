package outbound

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/store"
)

// Rewrite changes the bodies of all events of these subjects, those that are still to
// be sent among them, and takes what endpoints have replied out of the log. A body
// that is just on its way goes as it was.
func (o *Outbound) Rewrite(ctx context.Context, subjects []string, change func(body []byte) ([]byte, error)) error {
	var endpoints []string
	if err := o.db.Read(ctx).Model(&endpointRow{}).Pluck("id", &endpoints).Error; err != nil {
		return store.Translate(err)
	}
	for _, endpoint := range endpoints { // the index is by endpoint and subject
		err := o.db.Tx(ctx, func(tx *gorm.DB) error {
			var rows []deliveryRow
			err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("endpoint_id = ? AND subject IN ?", endpoint, subjects).Order("event_id").Find(&rows).Error
			if err != nil {
				return err
			}
			for _, r := range rows {
				body, err := change([]byte(r.Body))
				if err != nil {
					return err
				}
				r.Body = string(body)
				for i := range r.Attempts {
					r.Attempts[i].Reply = ""
				}
				if err := tx.Select("body", "attempts").Updates(&r).Error; err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
