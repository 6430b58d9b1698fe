module till/e2e/stripemock

go 1.26

require github.com/stripe/stripe-mock v0.183.0
