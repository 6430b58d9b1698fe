package invoices

import (
	"testing"

	"till/pkg/store/storetest"
)

func TestModelsMatchTheMigrations(t *testing.T) {
	storetest.Drift(t, &seriesRow{}, &invoiceRow{}, &creditNoteRow{}, &logoRow{}, &dueRow{})
}
