package customers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/auth"
	"till/pkg/failpoint"
	"till/pkg/gateway"
	"till/pkg/problem"
	"till/pkg/store"
)

// Ensure returns the caller's Stripe customer, and makes it at the first need. Its
// mail address follows the token's. It is safe to call again, by any number at
// once: they get the same customer. An error of kind Unavailable says that
// Stripe's answer is not known; the next call finds out.
func (s *Service) Ensure(ctx context.Context, who auth.Principal) (gateway.CustomerID, error) {
	row, err := s.ensure(ctx, who)
	if err != nil {
		return "", err
	}
	return *row.CustomerID, nil
}

func (s *Service) ensure(ctx context.Context, who auth.Principal) (customerRow, error) {
	if err := usersOnly(who); err != nil {
		return customerRow{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	for {
		row, todo, err := s.claim(ctx, who)
		if err != nil {
			return customerRow{}, err
		}
		var settled bool
		switch todo {
		case use:
			settled, err = s.follow(ctx, &row, who.Email)
		case ask:
			failpoint.Here("customer.committed")
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
		case settled:
			return row, nil
		case err != nil && ctx.Err() != nil: // whatever it was, it was cut off
			return customerRow{}, errSilent.Because(err)
		case err != nil:
			return customerRow{}, err
		}
	}
}

// claim finds the caller's row or writes it, and says what is to be done. The call
// that a new row or revision stands for is this caller's to make.
func (s *Service) claim(ctx context.Context, who auth.Principal) (row customerRow, todo step, err error) {
	if row, err = s.of(ctx, who); err != nil {
		return row, use, err
	}
	if row.ID != "" {
		if todo = next(row.Stage, s.now().Sub(row.CalledAt)); todo != renew {
			return row, todo, nil
		}
	}
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		now := s.now()
		row = customerRow{
			ID: store.NewID("tcus_"), Owner: who.Owner(), Livemode: s.conf.Livemode, Stage: creating, Revision: 1,
			Email: who.Email, TokenEmail: who.Email, CalledAt: now, CreatedAt: now, UpdatedAt: now,
		}
		todo = ask
		made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if made.Error != nil || made.RowsAffected == 1 {
			return made.Error
		}
		row = customerRow{}
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("owner = ? AND livemode = ?", who.Owner(), s.conf.Livemode).Take(&row).Error
		if err != nil {
			return err
		}
		if todo = next(row.Stage, now.Sub(row.CalledAt)); todo != renew {
			return nil
		}
		if row.TokenEmail != who.Email { // else as it is: Stripe may have refused it
			row.Email, row.TokenEmail = who.Email, who.Email
		}
		row.Revision++
		row.Stage, row.CalledAt, row.UpdatedAt = creating, now, now
		todo = ask
		return tx.Select("email", "token_email", "revision", "stage", "called_at", "updated_at").Updates(&row).Error
	})
	return row, todo, err
}

// create makes the call that the row's revision stands for and stores what came
// of it. A call that is made again is written down first, so that lookUp knows how
// far to look.
func (s *Service) create(ctx context.Context, row customerRow) error {
	if now := s.now(); now.Sub(row.CalledAt) >= callTimeout {
		if err := s.open(ctx, row, map[string]any{}); err != nil {
			return err
		}
		row.UpdatedAt = now
	}
	made, err := s.gateway.CreateCustomer(ctx, row.params(s.conf.Instance), row.key())
	var refusal *gateway.Refusal
	switch {
	case err == nil:
		failpoint.Here("customer.answered")
		return s.attach(ctx, row, made.ID)
	case errors.Is(err, gateway.ErrSaved):
		return s.lookUp(ctx, row)
	case errors.Is(err, gateway.ErrInvalidRequest) && errors.As(err, &refusal):
		change := map[string]any{"stage": absent}
		again := refusal.Param == "email" && row.Email != ""
		if again { // an address that the issuer takes and Stripe does not
			s.log.WarnContext(ctx, "stripe refuses a customer's mail address; the customer is made without", "error", err)
			change["email"] = ""
		}
		if kept := s.open(ctx, row, change); kept != nil || again {
			return kept
		}
		return err
	default: // also a refused key, which tells nothing about a call before
		kept := s.open(ctx, row, map[string]any{"stage": sent})
		return errors.Join(silent(err), kept)
	}
}

// lookUp finds out what came of a call that cannot be repeated.
func (s *Service) lookUp(ctx context.Context, row customerRow) error {
	found, ok, err := s.gateway.FindCustomer(ctx, row.CalledAt, row.UpdatedAt, row.Email, row.is(s.conf.Instance))
	switch {
	case err != nil:
		return silent(err)
	case ok:
		return s.attach(ctx, row, found.ID)
	}
	return s.open(ctx, row, map[string]any{"stage": absent})
}

// attach stores the customer that Stripe has made for the row's revision.
func (s *Service) attach(ctx context.Context, row customerRow, id gateway.CustomerID) error {
	return s.open(ctx, row, map[string]any{"stage": attached, "customer_id": id})
}

// open changes the row while its revision's call is open, as the first who knows
// its outcome. It is told although the call has used up its time.
func (s *Service) open(ctx context.Context, row customerRow, change map[string]any) error {
	ctx, stop := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), recordTimeout)
	defer stop()
	change["updated_at"] = s.now()
	err := s.db.Write(ctx).Model(&customerRow{}).Where("id = ? AND revision = ? AND stage IN ?", row.ID, row.Revision, []stage{creating, sent}).Updates(change).Error
	if err != nil {
		return fmt.Errorf("record customer %s: %w", row.ID, store.Translate(err))
	}
	return nil
}

// follow brings the address at Stripe in step with the token's. It reports false
// where the world has moved and is to be looked at again. Stripe's trouble with it
// holds up nobody: the next need tries again.
func (s *Service) follow(ctx context.Context, row *customerRow, email string) (settled bool, err error) {
	if email == "" || email == row.TokenEmail {
		return true, nil
	}
	kept := email
	err = s.gateway.UpdateCustomerEmail(ctx, *row.CustomerID, email)
	if err != nil {
		s.log.WarnContext(ctx, "a customer's mail address could not be changed at stripe", "error", err)
	}
	switch {
	case gateway.Missing(err):
		return false, s.Lost(ctx, *row.CustomerID)
	case errors.Is(err, gateway.ErrInvalidRequest): // it will not take this one: the old one stays until there is another
		kept = row.Email
	case err != nil:
		return true, nil
	}
	// Who comes second of two has told Stripe last, or will: so he tells it again.
	res := s.db.Write(ctx).Model(&customerRow{}).Where("id = ? AND customer_id = ? AND token_email = ?", row.ID, *row.CustomerID, row.TokenEmail).
		Updates(map[string]any{"email": kept, "token_email": email, "updated_at": s.now()})
	return res.RowsAffected == 1, store.Translate(res.Error)
}

// Lost records that Stripe has no such customer any more. Whoever needs one gets a
// new one.
func (s *Service) Lost(ctx context.Context, id gateway.CustomerID) error {
	return s.db.Tx(ctx, func(tx *gorm.DB) error { return s.lose(tx, []gateway.CustomerID{id}) })
}

func (s *Service) lose(tx *gorm.DB, ids []gateway.CustomerID) error {
	return tx.Model(&customerRow{}).Where("account = '' AND livemode = ? AND customer_id IN ?", s.conf.Livemode, ids).
		Updates(map[string]any{"stage": absent, "customer_id": nil, "updated_at": s.now()}).Error
}

// silent says of an outcome that is not known that the same request finds out.
func silent(err error) error {
	if _, told := problem.As(err); !told && errors.Is(err, gateway.ErrUnknown) {
		return errSilent.Because(err)
	}
	return err
}

// Known is the caller's customer as the database has it, in tx, without a look at
// Stripe. It is empty where Ensure has something to do.
func (s *Service) Known(tx *gorm.DB, who auth.Principal) (gateway.CustomerID, error) {
	if err := usersOnly(who); err != nil {
		return "", err
	}
	var row customerRow
	err := tx.Where("owner = ? AND livemode = ?", who.Owner(), s.conf.Livemode).Limit(1).Find(&row).Error
	if err != nil || row.Stage != attached || who.Email != "" && who.Email != row.TokenEmail {
		return "", err
	}
	return *row.CustomerID, nil
}
