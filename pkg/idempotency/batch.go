package idempotency

import (
	"cmp"
	"slices"
	"time"

	"till/pkg/store"
)

// ClaimNew is Claim for a batch, in one statement: resources are what each key is
// to stand for. What it returns reports, once the pipe has run, which requests go
// on: those without a key, and those whose key nobody has used. The others are
// left to Claim.
func ClaimNew(p *store.Pipe, requests []*Request, resources []string, now time.Time) (fresh func() []bool) {
	first := map[Request]int{}
	var rows []row
	for i, r := range requests {
		if r.Key == "" {
			continue
		}
		if _, twice := first[r.identity()]; twice {
			continue
		}
		first[r.identity()] = i
		rows = append(rows, row{Caller: r.Caller, Method: r.Method, Route: r.Route, Key: r.Key, BodyHash: r.BodyHash, ResourceID: resources[i], ClaimedAt: now})
	}
	// In one order, so that of two batches with the same keys one waits for the other.
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Method, b.Method))
	})
	var stored []string
	store.InsertNewOf(p, rows, "resource_id", &stored)
	return func() []bool {
		out := make([]bool, len(requests))
		for i, r := range requests {
			out[i] = r.Key == ""
		}
		isNew := map[string]bool{}
		for _, id := range stored {
			isNew[id] = true
		}
		for _, i := range first {
			if out[i] = isNew[resources[i]]; out[i] {
				requests[i].claimedAt = now
			}
		}
		return out
	}
}

// identity is the request without what its row does not tell it by.
func (r Request) identity() Request {
	return Request{Caller: r.Caller, Method: r.Method, Route: r.Route, Key: r.Key}
}

// FinishAll is Finish for a batch, in one statement.
func FinishAll(p *store.Pipe, requests []Request, statuses []int, now time.Time) {
	var rows []row
	for i, r := range requests {
		if r.Key != "" {
			rows = append(rows, row{Caller: r.Caller, Method: r.Method, Route: r.Route, Key: r.Key, ClaimedAt: r.claimedAt, StatusCode: int64(statuses[i]), FinishedAt: &now})
		}
	}
	store.UpdateIf(p, rows, "idempotency_keys.claimed_at = v.claimed_at AND idempotency_keys.finished_at IS NULL", []string{"claimed_at"}, "status_code", "finished_at")
}
