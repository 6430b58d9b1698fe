package payments

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/idempotency"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

const (
	noteKind = "order.note"
	// maxNote is how long a note may be, characters.
	maxNote = 2000
)

// staffsKinds are the beginnings of the kinds of entries that customers do not see:
// what staff notes, and what banks say, as a thief must not learn that a card is reported.
var staffsKinds = []string{noteKind, "dispute.", "fraud.", "payment.guard"}

// NoteRequest asks for a note to an order.
type NoteRequest struct {
	Text        string
	Idempotency idempotency.Request
}

// Noted is a note after a call that writes one.
type Noted struct {
	Entry    timeline.Entry
	Replayed bool // an earlier call with the same Idempotency-Key did it
}

// Note writes a note to an order's timeline, for those who see everyone's. Nothing
// else of the order changes, so that nobody else learns of it.
func (s *Service) Note(ctx context.Context, who auth.Principal, id OrderID, r NoteRequest) (Noted, error) {
	if !utf8.ValidString(r.Text) || strings.TrimSpace(r.Text) == "" || utf8.RuneCountInString(r.Text) > maxNote || strings.ContainsFunc(r.Text, unwritten) {
		return Noted{}, errValidation.Detailf("text must be 1 to %d characters, with no control characters but line breaks and tabs.", maxNote).At("text")
	}
	telemetry.Note(ctx, telemetry.OrderKey, string(id))
	entry := timeline.Entry{
		ID: timeline.NewID(), OrderID: string(id), Kind: noteKind, Message: r.Text,
		Cause: asked(ctx, who), Actor: who.Actor(), At: s.now(),
	}
	var out Noted
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		out = Noted{Entry: entry}
		earlier, err := r.Idempotency.Claim(tx, entry.ID, s.now())
		if err != nil {
			return err
		}
		if earlier.StatusCode != 0 {
			out.Replayed = true
			out.Entry, _, err = timeline.Find(tx, earlier.ResourceID)
			return err
		}
		var known []OrderID
		if err := seenBy(tx.Model(&orderRow{}), who).Where("id = ?", id).Limit(1).Pluck("id", &known).Error; err != nil {
			return err
		}
		if len(known) == 0 {
			return ErrNotFound
		}
		if err := timeline.Write(tx, []timeline.Entry{entry}); err != nil {
			return err
		}
		return r.Idempotency.Finish(tx, statusCode(true), s.now())
	})
	if err != nil {
		return Noted{}, s.letGo(ctx, paymentRow{}, r.Idempotency, err)
	}
	return out, nil
}

// asked is the cause of what a caller has asked for.
func asked(ctx context.Context, who auth.Principal) timeline.Cause {
	if who.Kind == auth.CLI {
		return timeline.Cause{Kind: timeline.ByCLI}
	}
	return timeline.Cause{Kind: timeline.ByAPI, ID: telemetry.RequestID(ctx)}
}

// unwritten are the characters that a note does not have.
func unwritten(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// OrderTimeline returns a page of the history of an order and its payments, oldest
// first, and whether more follow, see staffsKinds.
func (s *Service) OrderTimeline(ctx context.Context, who auth.Principal, id OrderID, p store.Page) ([]timeline.Entry, bool, error) {
	order, err := s.Order(ctx, who, id)
	if err != nil {
		return nil, false, err
	}
	payments := make([]string, len(order.Payments))
	for i, p := range order.Payments {
		payments[i] = string(p.ID)
	}
	but := staffsKinds
	if who.Everyone {
		but = nil
	}
	return timeline.OfOrder(ctx, s.db, string(id), payments, p, but...)
}
