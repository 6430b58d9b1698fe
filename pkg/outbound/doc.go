// Package outbound tells the app's own backend what happened: its endpoints, the
// events, and their deliveries as Standard Webhooks has them.
//
// An event's body is written in the transaction of its cause, one row for each
// endpoint that wants it, and goes out after the commit: at least once, always
// under the same webhook-id, and in no promised order. A delivery is tried again
// by a schedule, then it is dead until somebody replays it. An endpoint gets two
// requests at once at the most, however many replicas there are, so one that is
// slow holds up nobody. Nothing goes to addresses that are not public, unless the
// operator allows them.
//
// It knows no domain: who adds an event gives its data as it is to be shown.
package outbound
