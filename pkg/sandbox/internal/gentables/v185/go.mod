module till/pkg/sandbox/internal/gentables/v185

go 1.26

require github.com/stripe/stripe-mock v0.185.0
