package main

import (
	"strings"
	"testing"
)

// Whatever kind of value a setting has, one that cannot be read is named beside
// all other faults.
func TestUnreadableSettingsAreNamedTogether(t *testing.T) {
	wrong := map[string]string{
		"TILL_MAX_CONNECTIONS": "many", "TILL_DATABASE_CONNECTIONS": "4.5", "TILL_STOP_DELAY": "soon",
		"TILL_LIMIT_USER": "few", "TILL_CLIENT_AMOUNT_MIN": "much", "TILL_LOG_LEVEL": "loud",
	}
	for variable, text := range wrong {
		t.Setenv(variable, text)
	}
	_, err := till(t, "serve")
	if err == nil {
		t.Fatal("it serves")
	}
	for variable, text := range wrong {
		if !strings.Contains(err.Error(), variable+" must be ") || !strings.Contains(err.Error(), text) {
			t.Errorf("%s=%s is not named in:\n%s", variable, text, err)
		}
	}
}

// A flag that is no setting has nobody who would ask for its faults later.
func TestUnreadableFlagIsAFaultAtOnce(t *testing.T) {
	if _, err := till(t, "webhooks", "list", "--data", t.TempDir(), "--limit", "few"); err == nil || !strings.Contains(err.Error(), "--limit") {
		t.Errorf("--limit few: %v", err)
	}
}
