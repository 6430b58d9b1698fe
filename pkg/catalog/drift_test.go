package catalog

import (
	"testing"

	"till/pkg/store/storetest"
)

func TestModelsMatchTheMigrations(t *testing.T) {
	storetest.Drift(t, &productRow{}, &priceRow{}, &couponRow{}, &promotionRow{}, &redemptionRow{})
}
