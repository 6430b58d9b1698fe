package sandbox

import "strconv"

// TestClock is a time of its own for the customers that are made with it.
type TestClock struct {
	object
	Frozen    int64 `json:"frozen_time"` // seconds
	Advancing bool  `json:"advancing,omitempty"`
	Deletes   int64 `json:"deletes_after"`
}

var testClockRoutes = []route{
	{pattern: "POST /v1/test_helpers/test_clocks", answers: "test_helpers.test_clock", handle: createTestClock},
	{pattern: "GET /v1/test_helpers/test_clocks", answers: "list:test_helpers.test_clock", handle: listTestClocks},
	{pattern: "GET /v1/test_helpers/test_clocks/{test_clock}", answers: "test_helpers.test_clock", handle: retrieveTestClock},
	{pattern: "DELETE /v1/test_helpers/test_clocks/{test_clock}", answers: "test_helpers.test_clock", handle: deleteTestClock},
	{pattern: "POST /v1/test_helpers/test_clocks/{test_clock}/advance", answers: "test_helpers.test_clock", handle: advanceTestClock},
}

const (
	testClockLife = 30 * day
	// customersOfClock is how many customers one clock may have.
	// https://docs.stripe.com/billing/testing/test-clocks/api-advanced-usage
	customersOfClock = 3
	// farthestAdvance is how far a clock goes at once where no subscription is on it.
	farthestAdvance = 2 * 366 * day
)

func (k *TestClock) name() string { return "test_helpers.test_clock" }

func (k *TestClock) render(w *writer) {
	w.int("frozen_time", k.Frozen)
	w.int("deletes_after", k.Deletes)
	if k.Advancing {
		w.str("status", "advancing")
	} else {
		w.str("status", "ready")
	}
}

func createTestClock(c *call) (answer, *Error) {
	k := &TestClock{Frozen: c.params.Int("frozen_time"), Deletes: c.now + testClockLife}
	if k.Frozen < 0 {
		return nil, invalidRequest("parameter_invalid_integer", "frozen_time", "This value must be greater than or equal to 0.")
	}
	k.keep(c.params, "frozen_time")
	c.create(&k.object, "clock_1"+token(23))
	c.st.Clocks.insert(k)
	c.later(testClockLife, "clock_ends", k.ID)
	c.emit("test_helpers.test_clock.created", k)
	return one{k}, nil
}

func (c *call) testClock() (*TestClock, *Error) {
	return needInPath(&c.st.Clocks, "billing clock", "test_clock", c.path("test_clock"))
}

func retrieveTestClock(c *call) (answer, *Error) {
	k, refused := c.testClock()
	if refused != nil {
		return nil, refused
	}
	return one{k}, nil
}

func listTestClocks(c *call) (answer, *Error) {
	return paged(c, &c.st.Clocks, func(*TestClock) bool { return true })
}

// advanceTestClock moves a clock on; it is ready again as soon as the answer is sent.
func advanceTestClock(c *call) (answer, *Error) {
	k, refused := c.testClock()
	if refused != nil {
		return nil, refused
	}
	to := c.params.Int("frozen_time")
	switch {
	case k.Advancing:
		return nil, invalidRequest("test_clock_advancing", "", "Test clock advancement underway - cannot advance to another time until it is ready.")
	case to <= k.Frozen:
		return nil, invalidRequest("", "frozen_time", "The time to advance to must be later than the clock's present time, "+strconv.FormatInt(k.Frozen, 10)+".")
	case to-k.Frozen > farthestAdvance:
		return nil, invalidRequest("", "frozen_time", "A test clock without subscriptions can be advanced by two years at most at a time.")
	}
	before := c.seen(k)
	k.Frozen, k.Advancing = to, true
	c.updated("test_helpers.test_clock.advancing", k, before)
	c.later(0, "clock_ready", k.ID)
	return one{k}, nil
}

func readyClock(c *call, id string) {
	if k, ok := c.st.Clocks.find(id); ok && k.Advancing {
		before := c.seen(k)
		k.Advancing = false
		c.updated("test_helpers.test_clock.ready", k, before)
	}
}

func deleteTestClock(c *call) (answer, *Error) {
	k, refused := c.testClock()
	if refused != nil {
		return nil, refused
	}
	c.endTestClock(k)
	return deleted{"test_helpers.test_clock", k.ID}, nil
}

// endClock is what comes of a clock that nobody deleted.
func endClock(c *call, id string) {
	if k, ok := c.st.Clocks.find(id); ok {
		c.endTestClock(k)
	}
}

// endTestClock forgets a clock with all of its customers.
func (c *call) endTestClock(k *TestClock) {
	for _, u := range c.st.Customers.order {
		if u.Clock == k.ID && !u.Deleted {
			c.forgetCustomer(u)
		}
	}
	c.st.Clocks.remove(k.ID)
	c.emit("test_helpers.test_clock.deleted", k)
}

// clockOf is the clock that a new customer is to live by; "" for everybody's.
func (c *call) clockOf() (string, *Error) {
	id := c.params.Str("test_clock")
	if id == "" {
		return "", nil
	}
	k, refused := need(&c.st.Clocks, "billing clock", "test_clock", id)
	if refused != nil {
		return "", refused
	}
	n := 0
	for _, u := range c.st.Customers.order {
		if u.Clock == k.ID && !u.Deleted {
			n++
		}
	}
	if n >= customersOfClock {
		return "", invalidRequest("", "test_clock", "A test clock can have up to "+strconv.Itoa(customersOfClock)+" customers; this one has them already.")
	}
	return k.ID, nil
}
