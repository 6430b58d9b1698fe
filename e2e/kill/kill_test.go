// Package kill kills the real binary between each two steps of the way of a
// payment, with kill -9, and looks at what is left once it runs again.
//
// Each point is run on both databases, with a shopper who sends the same request
// again and with one who never comes back. However it went, the sandbox's ledger
// holds at most one charge, Till's books say the same as Stripe's, and the mail
// server has got one letter for each paid order. A point that did not fire fails.
package kill

import (
	"os"
	"testing"

	"till/e2e/rig"
	"till/pkg/store/storetest"
)

// point is a step after which the process dies.
type point struct {
	name string
	// secret says that the shopper has the client secret by then, so that the
	// payment goes through whatever he does next.
	secret bool
	// events are what Stripe tells Till about in this run. Points in the inbox get
	// only the event that the order is paid by, so that the process dies over that
	// one. Two points of the call get only it too: there no webhook has linked the
	// intent by the time of the retry, which has to find it by its Stripe key.
	events string
	// twice says that the letter may come twice, with one Message-ID: no database
	// and mail server can agree on a letter that was handed over just before a
	// crash, so it is sent again and left to the Message-ID.
	twice bool
	// known says that the order is there before, and paid by its id: such a start
	// has a first transaction of its own.
	known bool
}

const success = "payment_intent.succeeded"

// points are in the order of the way of a payment.
var points = []point{
	{name: "start.before_commit", events: "*"},
	{name: "start.known.before_commit", events: "*", known: true},
	{name: "start.committed", events: "*"},
	{name: "gateway.sent", events: success},
	{name: "gateway.answered", events: "*"},
	{name: "attach.before_commit", events: success},
	{name: "attach.committed", events: "*"},
	{name: "start.answering", events: "*"},
	{name: "inbox.received", events: success, secret: true},
	{name: "inbox.applied", events: success, secret: true},
	{name: "inbox.before_commit", events: success, secret: true},
	{name: "inbox.committed", events: success, secret: true},
	{name: "effects.before_delivery", events: "*", secret: true},
	{name: "effects.delivered", events: "*", secret: true, twice: true},
}

func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED BY -short: a job that dies with its process is taken up again after a minute")
	}
	bin := rig.Binary(t, "failpoint")
	for _, p := range points {
		for _, retry := range []bool{true, false} {
			name := p.name + "/without retry"
			if retry {
				name = p.name + "/with retry"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				storetest.ForEachURL(t, func(t *testing.T, database string) { run(t, bin, database, p, retry) })
			})
		}
	}
}

// run lives through one death.
func run(t *testing.T, bin, database string, p point, retry bool) {
	w := newWorld(t, bin, database, p.events)
	entry := report.begin(t, p, retry, database)

	first := w.start(t, p.name)
	buyer := newShopper(t, w, p.known)
	if !retry && !p.secret {
		// Nobody is to help Till out of it: what is left is for the sweep alone.
		w.stripe.muteWebhooks(t)
	}
	intent, err := buyer.pay(t)
	switch {
	case p.secret && err != nil:
		t.Fatalf("the shopper got no secret: %v", err)
	case !p.secret && err == nil:
		t.Fatalf("%s did not fire: the shopper got an answer", p.name)
	case p.secret:
		w.stripe.confirm(t, intent)
	}
	entry.diedAt = mustDie(t, first, p.name)

	second := w.start(t, "")
	switch {
	case retry:
		again := buyer.insist(t)
		if p.secret && again.ID != intent.ID {
			t.Errorf("the same request made payment %s, then %s", intent.ID, again.ID)
		}
		if !p.secret && again.ClientSecret == "" {
			t.Fatalf("the retry was answered %d without a client secret: nobody can pay", again.status)
		}
		if again.ClientSecret != "" {
			w.stripe.confirm(t, again) // where he has paid before, Stripe refuses to charge twice
		}
		buyer.await(t, again.ID)
		buyer.mustBeReplayed(t, again)
	case p.secret:
		buyer.watch(t, intent.ID)
	}

	paid := retry || p.secret
	books := w.settled(t, paid)
	second.Stop(t, os.Interrupt) // after which no letter can leave
	entry.charges, entry.paid = w.stripe.charges(t), books.Paid
	entry.letters, entry.sent = w.mails.Distinct(), w.mails.Total()
	check(t, w, p, retry, books)
	entry.finish(t)
}

// check compares what is left with what has to be.
func check(t *testing.T, w *world, p point, retry bool, b books) {
	paid, made := 0, 1
	if retry || p.secret {
		paid = 1
	}
	if (p.name == "start.before_commit" || p.known) && !retry {
		made = 0
	}
	orders := made
	if p.known {
		orders = 1
	}
	equal := func(what string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	equal("charges at Stripe", w.stripe.charges(t), paid)
	equal("payment intents at Stripe", w.stripe.count(t, "/v1/payment_intents"), made)
	equal("orders", b.Orders, orders)
	equal("payments", b.Payments, made)
	equal("payments without an intent of their own", b.Loose, 0)
	equal("attempts creating or sent", b.Hanging, 0)
	equal("paid orders", b.Paid, paid)
	equal("succeeded payments", b.Succeeded, paid)
	equal("effects", b.Effects, paid)
	equal("effects done", b.EffectsDone, paid)
	equal("jobs", b.Jobs, paid)
	equal("times the order became paid, by its timeline", b.PaidEntries, paid)
	equal("deliveries neither applied nor ignored", b.Unsettled, 0)
	equal("distinct letters", w.mails.Distinct(), paid)
	if !p.twice {
		equal("letters", w.mails.Total(), paid)
	} else if n := w.mails.Total(); n > 2 {
		t.Errorf("letters: %d, want at most 2 with one Message-ID", n)
	}
	if retry || p.secret {
		equal("keys", b.Keys, 1)
		equal("keys without an outcome", b.OpenKeys, 0)
	} else {
		// The shopper with the key never came back for its outcome.
		equal("keys", b.Keys, made)
	}
}
