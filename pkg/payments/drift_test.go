package payments

import (
	"testing"

	"till/pkg/store/storetest"
)

func TestModelsMatchTheMigrations(t *testing.T) {
	storetest.Drift(t, &orderRow{}, &itemRow{}, &paymentRow{}, &refundRow{}, &disputeRow{}, &disputeFileRow{}, &warningRow{}, &movementRow{}, &balanceCursor{})
}
