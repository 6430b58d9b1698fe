module till/e2e/stripemock/v185

go 1.26

require (
	github.com/stripe/stripe-mock v0.185.0
	till/e2e/stripemock v0.0.0
)

replace till/e2e/stripemock => ../
