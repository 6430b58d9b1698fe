package customers

import (
	"context"
	"time"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/gateway"
)

// Profile is the caller's Stripe customer and the address that it has, as the
// database knows them; both are empty where there is none.
func (s *Service) Profile(ctx context.Context, who auth.Principal) (gateway.CustomerID, string, error) {
	row, err := s.of(ctx, who)
	if err != nil || row.Stage != attached {
		return "", "", err
	}
	return *row.CustomerID, row.Email, nil
}

// Settle finds out what came of a call that is making the caller's customer, where
// there is one. An error of kind Unavailable says that this is not known; the next
// call finds out.
func (s *Service) Settle(ctx context.Context, who auth.Principal) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	for {
		row, err := s.of(ctx, who)
		if err != nil || row.ID == "" {
			return err
		}
		switch next(row.Stage, s.now().Sub(row.CalledAt)) {
		case use, renew:
			return nil
		case ask:
			err = s.create(ctx, row)
		case lookUp:
			err = s.lookUp(ctx, row)
		case wait:
			select {
			case <-ctx.Done():
				err = errSilent
			case <-time.After(waitInterval):
			}
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return errSilent.Because(err)
		case err != nil:
			return err
		}
	}
}

// Forget gives an owner's customers to a pseudonym in tx, without their addresses,
// and returns Stripe's ids of those that are to be deleted there, and of what else
// they have. Customers of the other mode (live or test) cannot be: the key is of
// this one. An error of kind Unavailable says that a customer is just being made.
func (s *Service) Forget(tx *gorm.DB, owner, pseudonym string) (customers, setups []string, err error) {
	var rows []customerRow
	if err := tx.Where("owner = ?", owner).Find(&rows).Error; err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		change := map[string]any{"owner": pseudonym, "email": "", "token_email": "", "updated_at": s.now()}
		if r.Livemode == s.conf.Livemode {
			if r.Stage == creating || r.Stage == sent {
				return nil, nil, errSilent
			}
			if r.CustomerID != nil {
				customers = append(customers, string(*r.CustomerID))
			}
			change["stage"], change["customer_id"] = absent, nil
		}
		res := tx.Model(&customerRow{}).Where("id = ? AND stage = ? AND revision = ?", r.ID, r.Stage, r.Revision).Updates(change)
		if res.Error != nil {
			return nil, nil, res.Error
		}
		if res.RowsAffected == 0 {
			return nil, nil, errSilent
		}
		var some []string
		if err := tx.Model(&setupRow{}).Where("customer = ? AND intent_id IS NOT NULL", r.ID).Pluck("intent_id", &some).Error; err != nil {
			return nil, nil, err
		}
		if err := tx.Model(&setupRow{}).Where("customer = ?", r.ID).Update("network", "").Error; err != nil {
			return nil, nil, err
		}
		setups = append(setups, some...)
	}
	return customers, setups, nil
}

// DeleteAtStripe deletes a customer that is nobody's any more, and with it all that
// is saved. To do it again is to do it once.
func (s *Service) DeleteAtStripe(ctx context.Context, id gateway.CustomerID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if err := s.gateway.DeleteCustomer(ctx, id); err != nil && !gateway.Missing(err) {
		return err
	}
	return nil
}
