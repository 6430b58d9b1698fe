package customers

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/failpoint"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/limits"
	"till/pkg/store"
)

// Setup is a way to pay on its way to being saved.
type Setup struct {
	ID           string             // ours, tset_…
	Customer     gateway.CustomerID // whose it will be
	Usage        Usage
	Status       string // Stripe's word
	ClientSecret string // only for the owner, never stored or logged; empty where nothing is to be confirmed
	Replayed     bool   // an earlier call with the same Idempotency-Key made it
}

// SetUp makes a setup intent for the caller's customer, who is made if need be.
// Without a key each call makes another one; with one, the same call again carries
// on with what the first has begun. network is where the caller calls from, in any
// form; empty: not known.
func (s *Service) SetUp(ctx context.Context, who auth.Principal, usage Usage, network string, key idempotency.Request) (Setup, error) {
	if !usage.Known() {
		return Setup{}, ErrUsage.At("usage")
	}
	for range 2 { // again where the customer was deleted at Stripe
		customer, err := s.ensure(ctx, who)
		if err != nil {
			return Setup{}, err
		}
		out, err := s.setUp(ctx, customer, usage, limits.Hidden("network", network), key)
		if !gateway.MissingCustomer(err) {
			return out, silent(err)
		}
		if err := s.Lost(ctx, out.Customer); err != nil {
			return Setup{}, err
		}
	}
	return Setup{}, errSilent
}

func (s *Service) setUp(ctx context.Context, customer customerRow, usage Usage, network string, key idempotency.Request) (Setup, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	row, replayed, err := s.openSetup(ctx, customer, usage, network, &key)
	if err != nil {
		return Setup{}, err
	}
	failpoint.Here("setup.committed")
	if replayed && row.IntentID != nil { // with today's state
		now, err := s.gateway.ReadSetup(ctx, *row.IntentID)
		return row.setup(now, true), err
	}
	params := gateway.SetupParams{Customer: row.StripeCustomerID, Usage: string(row.Usage), MethodTypes: []string{"card"}, Metadata: map[string]string{
		metaInstance: s.conf.Instance, metaOwner: short(customer.Owner), metaSetup: row.ID,
	}}
	made, err := s.gateway.CreateSetup(ctx, params, gateway.Key(row.ID+":create:1"))
	if errors.Is(err, gateway.ErrInvalidRequest) { // definitive: the next call with the key begins anew
		gone := s.record(ctx, func(tx *gorm.DB) error {
			if err := tx.Model(&setupRow{}).Where("id = ?", row.ID).Update("stage", absent).Error; err != nil {
				return err
			}
			return key.Release(tx)
		})
		return Setup{Customer: row.StripeCustomerID}, errors.Join(err, gone)
	}
	if err != nil {
		open := s.record(ctx, func(tx *gorm.DB) error {
			if err := tx.Model(&setupRow{}).Where("id = ? AND stage = ?", row.ID, creating).Update("stage", sent).Error; err != nil {
				return err
			}
			return key.Yield(tx, s.now())
		})
		return Setup{}, errors.Join(silent(err), open)
	}
	failpoint.Here("setup.answered")
	err = s.record(ctx, func(tx *gorm.DB) error {
		err := tx.Model(&setupRow{}).Where("id = ?", row.ID).Updates(map[string]any{"stage": attached, "intent_id": made.ID}).Error
		if err != nil {
			return err
		}
		return key.Finish(tx, 201, s.now())
	})
	return row.setup(made, false), err
}

// openSetup claims the client's key and writes the call down before it is made, or
// finds what an earlier one with the key has written.
func (s *Service) openSetup(ctx context.Context, customer customerRow, usage Usage, network string, key *idempotency.Request) (row setupRow, replayed bool, err error) {
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		now := s.now()
		row = setupRow{
			ID: store.NewID("tset_"), Customer: customer.ID, Livemode: s.conf.Livemode, StripeCustomerID: *customer.CustomerID, Usage: usage,
			Stage: creating, Network: network, CalledAt: now, CreatedAt: now,
		}
		earlier, err := key.Claim(tx, row.ID, now)
		if err != nil {
			return err
		}
		replayed = earlier.StatusCode != 0
		if earlier.ResourceID != "" {
			var begun setupRow
			if err := tx.Where("id = ? AND customer = ?", earlier.ResourceID, customer.ID).Limit(1).Find(&begun).Error; err != nil {
				return err
			}
			if begun.ID != "" && (replayed || begun.Stage != absent && now.Sub(begun.CalledAt) < keyLifetime) {
				row = begun
				return nil
			}
			if err := key.Bind(tx, row.ID); err != nil {
				return err
			}
		}
		return tx.Create(&row).Error
	})
	return row, replayed, err
}

func (r setupRow) setup(now gateway.Setup, replayed bool) Setup {
	out := Setup{ID: r.ID, Customer: r.StripeCustomerID, Usage: r.Usage, Status: now.Status, Replayed: replayed}
	switch now.Status {
	case "succeeded", "canceled", "processing":
	default:
		out.ClientSecret = now.ClientSecret
	}
	return out
}
