package customers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"

	"till/pkg/gateway"
	"till/pkg/limits"
	"till/pkg/store"
)

// CountTries takes setup_intent.setup_failed events into tx: cards are tested by saving
// them, too. Each attempt counts once, however often its event comes. Other types say
// nothing here.
func (s *Service) CountTries(tx *gorm.DB, events []gateway.Event) ([]Outcome, error) {
	outcomes := make([]Outcome, len(events))
	failed := map[string]limits.CardTry{} // by id
	var setups []string
	for i, e := range events {
		outcomes[i] = Foreign
		if e.Account != "" || e.Livemode != s.conf.Livemode || e.Type != "setup_intent.setup_failed" {
			continue
		}
		setup, err := gateway.DecodeSetup(e.Object)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.ID, err)
		}
		ours := setup.Metadata[metaSetup]
		if setup.Metadata[metaInstance] != s.conf.Instance || !strings.HasPrefix(ours, "tset_") {
			continue
		}
		outcomes[i] = Applied
		if setup.Fingerprint == "" || !s.guard.On() { // what has none is no card
			continue
		}
		id := cmp.Or(setup.Attempt, e.ID)
		failed[id] = limits.CardTry{ID: id, Subject: ours, Fingerprint: limits.Hidden("card", setup.Fingerprint), Declined: true, Second: s.now().Unix()}
		setups = append(setups, ours)
	}
	if len(failed) == 0 {
		return outcomes, nil
	}
	var rows []struct{ ID, Owner, Network string }
	err := tx.Model(&setupRow{}).Select("setup_intents.id, customers.owner, setup_intents.network").
		Joins("JOIN customers ON customers.id = setup_intents.customer").Where("setup_intents.id IN ?", setups).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	var tries []limits.CardTry
	for _, id := range slices.Sorted(maps.Keys(failed)) {
		t := failed[id]
		for _, r := range rows {
			if r.ID == t.Subject {
				t.Owner, t.Network = limits.Hidden("owner", r.Owner), r.Network
				tries = append(tries, t)
			}
		}
	}
	return outcomes, store.Send(tx, func(p *store.Pipe) { s.guard.Add(p, tries) })
}
