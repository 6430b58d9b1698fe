package auth

import (
	"context"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"till/pkg/problem"
)

// ProofGrace is how long after its end a guest's token still proves who the guest
// was, to nobody but an account that claims what the guest has ordered: shoppers make
// an account when they come back, which may be after the token's time.
const ProofGrace = 30 * 24 * time.Hour

// ErrGuestToken is the refusal of a guest's token that is sent as a proof.
var ErrGuestToken = problem.New(problem.Invalid, "guest_token_invalid", "This is no guest's token of this Till, or it ended too long ago.").At("guestToken")

// ProveGuest returns the guest whose token this is, or was until less than ProofGrace
// ago. Its errors are ErrGuestToken and, where there are no guests, ErrNoGuests.
func (v *Verifier) ProveGuest(ctx context.Context, token string) (Principal, error) {
	if v.guest == nil {
		return Principal{}, ErrNoGuests
	}
	if claimed, err := peek(token); err != nil || claimed != GuestIssuer {
		return Principal{}, ErrGuestToken.Because(err)
	}
	// Apart from its end the token holds to all that the verifier asks for.
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(GuestIssuer), jwt.WithAudience(guestAudience),
		jwt.WithExpirationRequired(), jwt.WithLeeway(ProofGrace), jwt.WithTimeFunc(v.now), jwt.WithStrictDecoding(),
	)
	claims := jwt.MapClaims{}
	if _, err := parser.ParseWithClaims(token, claims, v.guest.keyfunc(ctx)); err != nil {
		return Principal{}, ErrGuestToken.Because(err)
	}
	who, err := principal(claims, Guest)
	if err != nil {
		return Principal{}, ErrGuestToken.Because(err)
	}
	return who, nil
}
