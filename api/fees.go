package api

import (
	"till/api/openapi"
	"till/pkg/payments"
)

// viewFees gives an empty list where nothing is known yet, as to who may see it.
func viewFees(s payments.Settled) *[]openapi.Fees {
	return new(views(s.Fees, func(f payments.Fees) openapi.Fees {
		return openapi.Fees{Currency: string(f.Currency), Fee: f.Fee, Net: f.Net}
	}))
}

func viewMovements(s payments.Settled) *[]openapi.BalanceTransaction {
	return new(views(s.Movements, func(m payments.Movement) openapi.BalanceTransaction {
		return openapi.BalanceTransaction{
			Id: string(m.ID), Type: m.Type, Category: m.Category, Source: m.Source, Currency: string(m.Currency), Amount: m.Amount, Fee: m.Fee, Net: m.Net,
			ExchangeRate: opt(m.ExchangeRate), AvailableAt: m.AvailableAt, CreatedAt: m.CreatedAt,
		}
	}))
}
