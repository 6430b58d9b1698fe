package customers

import (
	"context"
	"errors"
	"regexp"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/auth"
	"till/pkg/config"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/problem"
	"till/pkg/store"
)

// methodID is what an id of a saved way to pay looks like. Nothing else is asked
// Stripe for.
var methodID = regexp.MustCompile(`^(pm|card|src|ba)_[A-Za-z0-9_]{1,100}$`)

// Methods lists the caller's saved ways to pay, the newest first, and whether
// there are more than that. Who has no customer is not asked about at Stripe.
func (s *Service) Methods(ctx context.Context, who auth.Principal) ([]gateway.Method, bool, error) {
	row, err := s.of(ctx, who)
	if err != nil || row.Stage != attached {
		return nil, false, err
	}
	methods, more, err := s.gateway.Methods(ctx, *row.CustomerID)
	if gateway.Missing(err) {
		return nil, false, s.Lost(ctx, *row.CustomerID)
	}
	return methods, more, silent(err)
}

// Remove takes one of the caller's saved ways to pay off, for good. To do it again
// is to do it once.
func (s *Service) Remove(ctx context.Context, who auth.Principal, id gateway.MethodID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*callTimeout)
	defer cancel()
	row, err := s.of(ctx, who)
	if err != nil {
		return err
	}
	if row.ID == "" || !methodID.MatchString(string(id)) {
		return ErrNotFound
	}
	var gone int64
	err = s.db.Read(ctx).Model(&removedRow{}).Where("customer = ? AND method_id = ?", row.ID, id).Count(&gone).Error
	if err != nil {
		return store.Translate(err)
	}
	switch _, err := s.own(ctx, row, id); {
	case errors.Is(err, ErrNotFound) && gone == 1:
		return nil
	case err != nil:
		return err
	}
	if gone == 0 { // written first, so that a call of unknown outcome is known to have been this user's
		err := s.db.Tx(ctx, func(tx *gorm.DB) error {
			return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&removedRow{Customer: row.ID, MethodID: id, RemovedAt: s.now()}).Error
		})
		if err != nil {
			return err
		}
	}
	if err = s.gateway.DetachMethod(ctx, id); errors.Is(err, gateway.ErrInvalidRequest) {
		if _, again := s.own(ctx, row, id); errors.Is(again, ErrNotFound) {
			return nil // somebody else was faster
		}
	}
	return silent(err)
}

// Own says ErrNotFound for what is none of the caller's saved ways to pay.
func (s *Service) Own(ctx context.Context, who auth.Principal, id gateway.MethodID) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	row, err := s.of(ctx, who)
	if err != nil {
		return err
	}
	_, err = s.own(ctx, row, id)
	return err
}

// own reads one of the customer's, or says ErrNotFound.
func (s *Service) own(ctx context.Context, row customerRow, id gateway.MethodID) (gateway.Method, error) {
	if row.Stage != attached || !methodID.MatchString(string(id)) {
		return gateway.Method{}, ErrNotFound
	}
	m, err := s.gateway.ReadMethod(ctx, *row.CustomerID, id)
	if gateway.Missing(err) {
		return gateway.Method{}, ErrNotFound.Because(err)
	}
	return m, silent(err)
}

// MakeDefault makes one of the caller's saved ways to pay the first choice.
// replayed says that an earlier call with the same key did it.
func (s *Service) MakeDefault(ctx context.Context, who auth.Principal, id gateway.MethodID, key idempotency.Request) (m gateway.Method, replayed bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*callTimeout)
	defer cancel()
	row, err := s.of(ctx, who)
	if err != nil {
		return m, false, err
	}
	if m, err = s.own(ctx, row, id); err != nil {
		return m, false, err
	}
	var earlier idempotency.Earlier
	err = s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		earlier, err = key.Claim(tx, string(id), s.now())
		return err
	})
	if err != nil || earlier.StatusCode != 0 {
		return m, earlier.StatusCode != 0, err
	}
	if err := s.gateway.SetDefaultMethod(ctx, *row.CustomerID, id); err != nil {
		if gateway.Missing(err) {
			err = ErrNotFound.Because(err) // taken off in between
		}
		return m, false, errors.Join(silent(err), s.giveBack(ctx, key))
	}
	m.Default = true
	return m, false, s.record(ctx, func(tx *gorm.DB) error { return key.Finish(tx, 200, s.now()) })
}

// giveBack frees the key of a call that came to nothing, or whose repetition does
// no harm.
func (s *Service) giveBack(ctx context.Context, key idempotency.Request) error {
	if key.Key == "" {
		return nil
	}
	return s.record(ctx, key.Release)
}

// record writes what came of a call, although that may have used up its time.
func (s *Service) record(ctx context.Context, fn func(tx *gorm.DB) error) error {
	ctx, stop := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), recordTimeout)
	defer stop()
	return s.db.Tx(ctx, fn)
}

// ErrLost is returned where the customer turns out to be deleted at Stripe: the
// next need makes another one.
var ErrLost = problem.New(problem.Unavailable, "stripe_unavailable", "Stripe has lost this customer. Send the same request again.").After(time.Second)

// EphemeralKey lets the app of the customer's user read and change what is saved,
// in the version of Stripe's API that its SDK speaks. It is a secret, made anew by
// each call, and kept nowhere.
func (s *Service) EphemeralKey(ctx context.Context, customer gateway.CustomerID, version string) (config.Secret, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	key, err := s.gateway.CreateEphemeralKey(ctx, customer, version)
	if gateway.MissingCustomer(err) {
		return "", errors.Join(ErrLost.Because(err), s.Lost(ctx, customer))
	}
	return key, silent(err)
}
