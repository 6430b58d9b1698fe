package payments

// Advice is what a payer can do after a failure.
type Advice string

// What a payer can do.
const (
	TryAgain     Advice = "try_again"
	OtherCard    Advice = "other_card"
	Authenticate Advice = "authenticate"
	ContactBank  Advice = "contact_bank"
	Stop         Advice = "stop"
)
