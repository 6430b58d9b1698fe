// Package erasure remembers whose data was erased, so that what is left to do is
// done, however often a process dies in between, and so that news which comes later
// does not bring the data back.
//
// A person's rows get a new owner, a random pseudonym that is written nowhere beside
// the person: nothing leads from the one to the other, and whoever signs in again
// begins with nothing. What an erasure keeps are Stripe's ids of the objects that were
// the person's, as the books keep them too.
//
// An erasure is looked at twice at least: at once, and again once all that was under
// way when it began must have ended, such as a webhook that was just being stored.
package erasure
