package customers

import (
	"fmt"
	"maps"
	"slices"

	"gorm.io/gorm"

	"till/pkg/gateway"
)

// Outcome is what became of one event.
type Outcome int

const (
	// Applied means that the rows now say what the event says.
	Applied Outcome = iota
	// Foreign means that the customer is not this Till's.
	Foreign
	// Early means that the customer is ours, and its row does not name it yet.
	Early
)

// Apply takes customer.deleted events into tx: whoever's customer it was gets a new
// one at the next need. Other types say nothing here. A customer's id is never used
// again at Stripe, so it does not matter when an event comes, or how often.
func (s *Service) Apply(tx *gorm.DB, events []gateway.Event) ([]Outcome, error) {
	outcomes := make([]Outcome, len(events))
	deleted := map[gateway.CustomerID]int{} // by which event
	for i, e := range events {
		outcomes[i] = Foreign
		if e.Account != "" || e.Livemode != s.conf.Livemode || e.Type != "customer.deleted" {
			continue
		}
		c, err := gateway.DecodeCustomer(e.Object)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.ID, err)
		}
		deleted[c.ID] = i
		if c.Metadata[metaInstance] != s.conf.Instance {
			continue // unless a row names it
		}
		outcomes[i] = Applied
		var waiting int64
		err = tx.Model(&customerRow{}).Where("id = ? AND revision = ? AND stage IN ?", c.Metadata[metaCustomer], number(c.Metadata[metaRevision]), []stage{creating, sent}).Count(&waiting).Error
		if err != nil {
			return nil, err
		}
		if waiting > 0 { // its call is under way, and will name what is gone
			outcomes[i] = Early
		}
	}
	if len(deleted) == 0 {
		return outcomes, nil
	}
	ids := slices.Sorted(maps.Keys(deleted))
	var named []gateway.CustomerID
	err := tx.Model(&customerRow{}).Where("account = '' AND livemode = ? AND customer_id IN ?", s.conf.Livemode, ids).Pluck("customer_id", &named).Error
	if err != nil {
		return nil, err
	}
	for _, id := range named {
		outcomes[deleted[id]] = Applied
	}
	return outcomes, s.lose(tx, ids)
}
