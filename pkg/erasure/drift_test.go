package erasure

import (
	"testing"

	"till/pkg/store/storetest"
)

func TestModelsMatchTheMigrations(t *testing.T) { storetest.Drift(t, &row{}, &objectRow{}) }
