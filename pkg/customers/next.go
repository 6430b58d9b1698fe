package customers

import (
	"time"

	"till/pkg/idempotency"
)

// stage is how far a call to Stripe got.
type stage string

const (
	creating stage = "creating" // written down, the call is under way
	sent     stage = "sent"     // the call's outcome is unknown
	attached stage = "attached" // Stripe's answer is stored
	absent   stage = "absent"   // Stripe refused it, never had it, or it was deleted there
)

// step is what a need for the customer makes of its row.
type step int

const (
	use    step = iota // it is there
	ask                // make the call, first or again under the same key
	wait               // somebody else's call is under way
	lookUp             // the key may no longer replay: see what there is at Stripe
	renew              // ask for another one, under a new key
)

// next is the one rule over a row's stage and the age of its call.
func next(s stage, age time.Duration) step {
	switch {
	case s == attached:
		return use
	case s == absent:
		return renew
	case age >= keyLifetime:
		return lookUp
	case s == creating && age < idempotency.Takeover:
		return wait
	}
	return ask
}
