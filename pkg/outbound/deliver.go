package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"gorm.io/gorm"

	"till/pkg/store"
)

const (
	replyRead = 64 << 10 // of an answer's body, so that the connection can be used again
	replyKept = 500      // of it in the log of deliveries
)

// reason is why a try failed in words of ours, which quote nobody.
type reason string

func (r reason) Error() string { return string(r) }

const (
	errPanic    = reason("internal error") // Till itself broke it
	errRedirect = reason("it redirects, which is not followed")
	errSecret   = reason("the endpoint's secret is unreadable: rotate it")
)

// deliver makes one try and writes down how it went.
func (o *Outbound) deliver(ctx context.Context, to endpointRow, d deliveryRow) {
	ctx, span := o.trace(ctx, d)
	defer span.End()
	a := o.try(ctx, to, d)
	after := o.outcome(to, d, a)
	o.show(ctx, span, after, a)
	if err := o.record(ctx, to, d, after, a); err != nil {
		// Its lease runs out, and then it is sent again.
		o.opt.Log.ErrorContext(ctx, "cannot write down how an event was delivered", "error", err)
	}
}

// try sends an event once.
func (o *Outbound) try(ctx context.Context, to endpointRow, d deliveryRow) (a Attempt) {
	start := time.Now()
	a.At, a.Actor = o.now(), d.ReplayBy
	ctx, cancel := context.WithTimeout(ctx, o.opt.Timeout)
	defer cancel()
	err := func() (err error) {
		defer func() {
			if cause := recover(); cause != nil {
				o.opt.Log.ErrorContext(ctx, "panic in a delivery", "cause", cause, "stack", string(debug.Stack()))
				err = errPanic
			}
		}()
		a.Status, a.Reply, err = o.post(ctx, to, d, a.At)
		return err
	}()
	a.Milliseconds = time.Since(start).Milliseconds()
	if err != nil {
		a.Error, a.quotes = o.words(err)
	}
	return a
}

// post makes the request. Its error says why it does not count as delivered.
func (o *Outbound) post(ctx context.Context, to endpointRow, d deliveryRow, at time.Time) (status int, reply string, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader([]byte(d.Body)))
	if err != nil {
		return 0, "", err
	}
	signature, err := to.sign(d, at)
	if err != nil {
		return 0, "", err
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("User-Agent", "Till")
	q.Header.Set(standardwebhooks.HeaderWebhookID, d.EventID)
	q.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	q.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	calls := o.secure
	if q.URL.Scheme == "http" {
		calls = o.plain
	}
	res, err := calls.RoundTrip(q) // a client would follow redirects, and read where to
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	// The status alone decides; a body that does not end costs it nothing but time.
	// What follows a 101 is none: it is the connection, which no timeout ends.
	if res.StatusCode != http.StatusSwitchingProtocols {
		text, _ := io.ReadAll(io.LimitReader(res.Body, replyRead))
		reply = clean(string(text[:min(len(text), replyKept)]))
	}
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return res.StatusCode, reply, nil
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return res.StatusCode, reply, errRedirect
	}
	return res.StatusCode, reply, reason(fmt.Sprintf("it answered %d", res.StatusCode))
}

// sign is the value of webhook-signature: one signature for each secret that holds.
func (r endpointRow) sign(d deliveryRow, at time.Time) (string, error) {
	secrets := []string{string(r.Secret)}
	if r.OldSecretUntil != nil && at.Before(*r.OldSecretUntil) {
		secrets = append(secrets, string(r.OldSecret))
	}
	for i, s := range secrets {
		key, err := standardwebhooks.NewWebhook(s)
		if err == nil {
			secrets[i], err = key.Sign(d.EventID, at, []byte(d.Body))
		}
		if err != nil {
			return "", errSecret
		}
	}
	return strings.Join(secrets, " "), nil
}

// words is an error for the log of deliveries, without the URL, which may hold a
// secret of the receiver's, and whether it quotes the receiver or names it.
func (o *Outbound) words(err error) (text string, quotes bool) {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", o.opt.Timeout), false
	}
	if ours, ok := errors.AsType[reason](err); ok {
		return ours.Error(), false
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return clean(err.Error()), true
}

// clean is text that both databases take, and not too much of it.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", "")
	if len(text) > replyKept {
		text = strings.ToValidUTF8(text[:replyKept], "")
	}
	return text
}

// outcome is the delivery after an attempt.
func (o *Outbound) outcome(to endpointRow, d deliveryRow, a Attempt) deliveryRow {
	now := o.now()
	d.Tries++
	d.ReplayBy = ""
	if d.Attempts = append(d.Attempts, a); len(d.Attempts) > mostAttempts {
		d.Attempts = d.Attempts[len(d.Attempts)-mostAttempts:]
	}
	switch {
	case a.Error == "":
		d.State, d.NextTryAt, d.SettledAt = Delivered, nil, &now
	case a.Status == http.StatusGone, int(d.Tries) > len(o.opt.Retries):
		d.State, d.NextTryAt, d.SettledAt = Dead, nil, &now
	default:
		d.State, d.NextTryAt = Failed, new(store.Truncate(now.Add(jittered(o.opt.Retries[d.Tries-1]))))
	}
	return d
}

// record writes down what came of an attempt, as long as its lease holds: who
// comes late, such as after a pause of the machine, has nothing to say any more.
// Where a replay was asked for meanwhile, which shows by another time of the next
// try, the attempt is added to the log and its lease ends, no more. An endpoint
// that is gone is disabled.
func (o *Outbound) record(ctx context.Context, to endpointRow, taken, after deliveryRow, a Attempt) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	after.LeasedUntil = nil
	return o.db.Tx(ctx, func(tx *gorm.DB) error {
		held := func() *gorm.DB { return tx.Model(&after).Where("leased_until = ?", taken.LeasedUntil) }
		res := held().Where("next_try_at = ?", taken.NextTryAt).
			Select("state", "tries", "attempts", "replay_by", "next_try_at", "leased_until", "settled_at").Updates(&after)
		if res.Error == nil && res.RowsAffected == 0 {
			res = held().Select("attempts", "leased_until").Updates(&after)
		}
		if res.Error != nil || res.RowsAffected == 0 || a.Status != http.StatusGone {
			return res.Error
		}
		return tx.Model(&endpointRow{}).Where("id = ? AND url = ?", to.ID, to.URL).
			Updates(map[string]any{"enabled": false, "disabled_reason": "It answered 410 Gone.", "updated_at": o.now()}).Error
	})
}
