package sandbox_test

import (
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

const clocksPage = "https://docs.stripe.com/billing/testing/test-clocks"

func TestATestClockGoesForwardAndIsReadyAgain(t *testing.T) {
	shows(t, clocksPage)
	b := setup(t)
	hook := b.receive("*")
	k, err := b.stripe.TestHelpersTestClocks.New(&stripe.TestHelpersTestClockParams{FrozenTime: stripe.Int64(1700000000), Name: stripe.String("a year")})
	if err != nil || k.Status != "ready" || k.FrozenTime != 1700000000 || k.Name != "a year" {
		t.Fatalf("%+v %v", k, err)
	}
	if k, err = b.stripe.TestHelpersTestClocks.Advance(k.ID, &stripe.TestHelpersTestClockAdvanceParams{FrozenTime: stripe.Int64(1700086400)}); err != nil || k.Status != "advancing" {
		t.Fatalf("%+v %v", k, err)
	}
	hook.all(t, "test_helpers.test_clock.advancing", "test_helpers.test_clock.ready")
	if k, err = b.stripe.TestHelpersTestClocks.Get(k.ID, nil); err != nil || k.Status != "ready" || k.FrozenTime != 1700086400 {
		t.Errorf("%+v %v", k, err)
	}
	for _, form := range []string{"frozen_time=1700000000", "frozen_time=1800000000", "frozen_time=soon", ""} {
		if r := b.send("POST", "/v1/test_helpers/test_clocks/"+k.ID+"/advance", form); r.Status != 400 || r.str("error.param") != "frozen_time" {
			t.Errorf("%s: %d %s", form, r.Status, r.Body)
		}
	}
}

func TestACustomerLivesByItsTestClock(t *testing.T) {
	shows(t, clocksPage)
	b := setup(t)
	k, err := b.stripe.TestHelpersTestClocks.New(&stripe.TestHelpersTestClockParams{FrozenTime: stripe.Int64(1700000000)})
	if err != nil {
		t.Fatal(err)
	}
	var u *stripe.Customer
	for range 3 {
		if u, err = b.stripe.Customers.New(&stripe.CustomerParams{TestClock: &k.ID}); err != nil || u.TestClock.ID != k.ID || u.Created != 1700000000 {
			t.Fatalf("%+v %v", u, err)
		}
	}
	if _, err := b.stripe.Customers.New(&stripe.CustomerParams{TestClock: &k.ID}); refused(t, err).Param != "test_clock" {
		t.Errorf("%v", err)
	}
	if _, err := b.stripe.Customers.New(&stripe.CustomerParams{TestClock: stripe.String("clock_nobody")}); refused(t, err).Code != "resource_missing" {
		t.Errorf("%v", err)
	}
	if all := b.stripe.TestHelpersTestClocks.List(nil); !all.Next() || all.TestHelpersTestClock().ID != k.ID {
		t.Errorf("%v", all.Err())
	}
	if k, err := b.stripe.TestHelpersTestClocks.Del(k.ID, nil); err != nil || !k.Deleted {
		t.Errorf("%+v %v", k, err)
	}
	if u, err := b.stripe.Customers.Get(u.ID, nil); err != nil || !u.Deleted {
		t.Errorf("%+v %v", u, err)
	}
}

func TestATestClockIsDeletedAfterAMonth(t *testing.T) {
	shows(t, clocksPage)
	b := setup(t)
	k, err := b.stripe.TestHelpersTestClocks.New(&stripe.TestHelpersTestClockParams{FrozenTime: stripe.Int64(1700000000)})
	if err != nil {
		t.Fatal(err)
	}
	b.clock.advance(31 * 24 * time.Hour)
	for _, send := range []func() reply{
		func() reply { return b.send("GET", "/v1/test_helpers/test_clocks/"+k.ID, "") },
		func() reply { return b.send("DELETE", "/v1/test_helpers/test_clocks/"+k.ID, "") },
	} {
		if r := send(); r.Status != 404 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
}
