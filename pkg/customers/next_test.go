package customers

import (
	"testing"
	"time"

	"till/pkg/idempotency"
)

func TestNext(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stage stage
		age   time.Duration
		want  step
	}{
		"one that is there is used, however old":         {attached, 1e6 * time.Hour, use},
		"a call under way is waited for":                 {creating, idempotency.Takeover - 1, wait},
		"a call that nobody waits for is made again":     {creating, idempotency.Takeover, ask},
		"a call of unknown outcome is made again":        {sent, 0, ask},
		"until its key may no longer replay":             {sent, keyLifetime - 1, ask},
		"then what there is at Stripe tells":             {sent, keyLifetime, lookUp},
		"also of a process that died":                    {creating, keyLifetime, lookUp},
		"one that was deleted is followed by a new one":  {absent, 0, renew},
		"and so is one that Stripe never had":            {absent, keyLifetime, renew},
		"a clock that was put back does not call twice ": {creating, -time.Minute, wait},
	} {
		if got := next(tc.stage, tc.age); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}
