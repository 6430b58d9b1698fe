package payments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"till/pkg/effects"
	"till/pkg/limits"
	"till/pkg/mail"
	"till/pkg/store"
	"till/pkg/timeline"
)

// shownDeclines is how many declines of one user, within the guard's window, or of one
// payment, payers are told the reason of.
const shownDeclines = 3

// tinyFactor is how many times the least that Stripe takes is no tiny amount any more.
const tinyFactor = 2

// tries are the cards that a batch of news tells of.
type tries struct {
	counted  map[string]bool            // what is in the database, or in this batch
	declined map[string]int64           // within the window, by (hidden) owner
	cards    map[string]map[string]bool // declined ones, by payment
	newTries []limits.CardTry           // to be written
}

func newTries() tries {
	return tries{counted: map[string]bool{}, declined: map[string]int64{}, cards: map[string]map[string]bool{}}
}

// try is the try with a card that an observation tells of; without an id it tells of none.
func (o Observation) try() (id, fingerprint string, declined bool) {
	switch f, c := o.Intent.Failure, o.Intent.Charge; {
	case o.Refund != nil, o.Dispute != nil, o.Warning != nil:
		return "", "", false
	case f != nil && f.Charge != "":
		return f.Charge, f.Fingerprint, true
	case f != nil:
		return o.Tried, f.Fingerprint, true
	case c != nil:
		return c.ID, c.Fingerprint, c.Failed
	}
	return "", "", false
}

// loadTries looks for what is counted already, where a decline is among the news; of
// what went through it does not matter.
func (b *batch) loadTries(tx *gorm.DB, news []Observation) error {
	if !b.s.guard.On() {
		return nil
	}
	var about []limits.CardTry
	for _, o := range news {
		id, _, declined := o.try()
		p, _ := b.find(o)
		if id == "" || !declined || p == nil || b.orders[*p.OrderID] == nil {
			continue
		}
		about = append(about, limits.CardTry{ID: id, Owner: limits.Hidden("owner", b.orders[*p.OrderID].Owner)})
	}
	if len(about) == 0 {
		return nil
	}
	var known []limits.CardTry
	if err := store.Send(tx, func(p *store.Pipe) { b.s.guard.Known(p, about, &known) }); err != nil {
		return fmt.Errorf("load declines: %w", err)
	}
	for _, t := range known {
		b.counted[t.ID] = true
		if t.Declined {
			b.declined[t.Owner]++
			b.sawCard(t)
		}
	}
	return nil
}

func (b *batch) sawCard(t limits.CardTry) {
	if b.cards[t.Payment] == nil {
		b.cards[t.Payment] = map[string]bool{}
	}
	b.cards[t.Payment][t.Fingerprint] = true
}

// count takes note of the try that an observation tells of, once however often it is
// told. A payment of which too many were declined, or whose customer has had too many, is
// given up; see stop.
func (b *batch) count(p *paymentRow, order *orderRow, o Observation) {
	id, fingerprint, declined := o.try()
	if !b.s.guard.On() || id == "" || fingerprint == "" || b.counted[id] || id == p.Tried { // what has none is no card
		return
	}
	b.counted[id] = true
	t := limits.CardTry{
		ID: id, Owner: limits.Hidden("owner", order.Owner), Network: p.Network, Subject: string(order.ID), Payment: string(p.ID),
		Fingerprint: limits.Hidden("card", fingerprint), Declined: declined, Small: p.Amount < tinyFactor*p.Currency.Min(), Second: b.now.Unix(),
	}
	b.newTries = append(b.newTries, t)
	if !declined {
		return
	}
	p.Declines++
	p.Tried = id // an intent tells of it as long as it is not paid, however often it is read
	b.declined[t.Owner]++
	b.sawCard(t)
	p.Withheld = p.Withheld || b.declined[t.Owner] > shownDeclines || p.Declines > shownDeclines
	b.dirtyPayments[p.ID] = true
	why, most := "", b.s.guard.Limits()
	switch {
	case most.Payment > 0 && p.Declines >= most.Payment:
		why = "Cards were declined " + strconv.FormatInt(p.Declines, 10) + " times."
	case most.User > 0 && b.declined[t.Owner] >= most.User: // at payments that were all begun before
		why = "The customer's cards were declined " + strconv.FormatInt(b.declined[t.Owner], 10) + " times of late."
	}
	if why == "" || p.StopFor != "" || !p.live() {
		return
	}
	p.StopFor = "abandoned" // one card, over and over
	if len(b.cards[t.Payment]) > 1 {
		p.StopFor = "fraudulent"
	}
	b.record(p, o, timeline.Entry{Kind: "payment.guard", To: p.StopFor, Message: why + " Till ends this payment."})
}

// stopNow has the sweep end what is given up, whatever news came since.
func (b *batch) stopNow() {
	for id := range b.dirtyPayments {
		if p := b.payments[id]; p.StopFor != "" && p.confirmable() {
			p.NextCheckAt = &b.now
		}
	}
}

// stop ends at Stripe a payment that was given up. What went through meanwhile, or may
// yet, stays.
func (s *Service) stop(ctx context.Context, row paymentRow) error {
	_, err := s.cancelFor(ctx, false, row, row.StopFor, timeline.Entry{
		Kind: "payment.cancel", Message: "Till asks Stripe to cancel: too many cards were declined.", Cause: timeline.Cause{Kind: timeline.BySweep},
	})
	if err == nil || errors.Is(err, ErrNotCancelable) {
		return nil
	}
	return errors.Join(err, s.checked(ctx, row)) // later and later, should Stripe never do it
}

// WatchCards tells staff of a burst of declined or tiny payments, among all processes
// at most once in limits.BurstWindow.
func (s *Service) WatchCards(ctx context.Context) error {
	now, last := s.now().Unix(), s.cardsWatched.Load()
	if !s.guard.On() || now-last < int64(cardsWatched/time.Second) || !s.cardsWatched.CompareAndSwap(last, now) {
		return nil
	}
	tries, err := s.guard.Burst(ctx, func(tx *gorm.DB, span, tries int64) error {
		s.log.WarnContext(ctx, "many payments are declined or tiny: somebody may be testing cards", "tries", tries, "window", limits.BurstWindow)
		if s.conf.StaffEmail == "" {
			return nil
		}
		data, err := json.Marshal(mail.StaffNotice{
			Shop: s.conf.ShopName, Title: "Somebody may be testing cards.",
			Text:  "Many payments were declined, or were of tiny amounts, within a few minutes. Look at them in your Stripe dashboard, and see SECURITY.md.",
			Facts: []mail.Fact{{Name: "Payments", Value: strconv.FormatInt(tries, 10)}, {Name: "Within", Value: limits.BurstWindow.String()}},
		})
		if err != nil {
			return err
		}
		return s.effects.Add(ctx, tx, func(*store.Pipe) {}, []effects.Effect{{
			Subject: "cards/" + strconv.FormatInt(span, 10), Name: "staff.card_testing", Mail: &effects.Mail{To: s.conf.StaffEmail, Template: mail.StaffNoticeLetter, Data: data},
		}}, s.now())
	})
	s.suspicious.Store(tries)
	return err
}

// cardsWatched is how often one process looks for a burst.
const cardsWatched = 5 * time.Second

// Suspicious is how many declined or tiny payments there were within the last
// limits.BurstWindow, when this process last looked.
func (s *Service) Suspicious() int64 { return s.suspicious.Load() }
