package api

import (
	"context"
	"time"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/customers"
	"till/pkg/gateway"
	"till/pkg/payments"
	"till/pkg/timeline"
)

// CreatePaymentIntent starts paying for an order, or goes on with it.
func (h *handlers) CreatePaymentIntent(ctx context.Context, r openapi.CreatePaymentIntentRequestObject) (openapi.CreatePaymentIntentResponseObject, error) {
	b := r.Body
	s, err := h.payments.Start(ctx, auth.From(ctx), payments.StartRequest{
		OrderID: payments.OrderID(value(b.OrderId)),
		Cart: payments.Cart{
			Items: lines(b.Items), Amount: b.Amount, Currency: value(b.Currency),
			Reference: value(b.Reference), ReceiptEmail: string(value(b.ReceiptEmail)),
			Locale: value(b.Locale), AcceptLanguage: heard(ctx),
			Description: value(b.Description), Metadata: value(b.Metadata), PromotionCode: value(b.PromotionCode),
		},
		Future: customers.Usage(value(b.SetupFutureUsage)), Saved: value(b.SavedPaymentMethods),
		Confirm:     confirmation(b),
		Network:     from(ctx),
		Idempotency: keyed(ctx, r.Params.IdempotencyKey),
	})
	if err != nil {
		return nil, err
	}
	switch replayed, location := opt(s.Replayed), paymentPath(s.Payment); {
	case s.Unknown:
		wait := seconds(s.RetryAfter)
		return openapi.CreatePaymentIntent202JSONResponse{
			Body:    viewPending(s.Payment, wait),
			Headers: openapi.CreatePaymentIntent202ResponseHeaders{Location: location, RetryAfter: &wait, IdempotencyReplayed: replayed},
		}, nil
	case s.Created:
		return openapi.CreatePaymentIntent201JSONResponse{
			Body:    h.viewIntent(s),
			Headers: openapi.CreatePaymentIntent201ResponseHeaders{Location: location, IdempotencyReplayed: replayed},
		}, nil
	default:
		return openapi.CreatePaymentIntent200JSONResponse{
			Body:    h.viewIntent(s),
			Headers: openapi.CreatePaymentIntent200ResponseHeaders{IdempotencyReplayed: replayed},
		}, nil
	}
}

// confirmation is what Till is to confirm with; nil where the app does it.
func confirmation(b *openapi.CreatePaymentIntent) *payments.Confirmation {
	if b.ConfirmationToken == nil && b.PaymentMethod == nil && b.ReturnUrl == nil {
		return nil
	}
	return &payments.Confirmation{Token: value(b.ConfirmationToken), Method: gateway.MethodID(value(b.PaymentMethod)), ReturnURL: value(b.ReturnUrl)}
}

// GetPayment shows one of the caller's own, at once or when it is decided.
func (h *handlers) GetPayment(ctx context.Context, r openapi.GetPaymentRequestObject) (openapi.GetPaymentResponseObject, error) {
	who, id := auth.From(ctx), payments.ID(r.Id)
	var p payments.Payment
	var cut bool
	var err error
	if r.Params.Wait == nil {
		p, err = h.payments.Payment(ctx, who, id)
	} else {
		p, cut, err = h.payments.Await(ctx, who, id, time.Duration(*r.Params.Wait)*time.Second, value(r.Params.After))
	}
	if err != nil {
		return nil, err
	}
	settled, err := h.payments.SettledPayment(ctx, who, id)
	if err != nil {
		return nil, err
	}
	out := openapi.GetPayment200JSONResponse{Body: viewPayment(ctx, p)}
	if who.Everyone {
		out.Body.Fees, out.Body.FeesPending, out.Body.BalanceTransactions = viewFees(settled), &settled.Pending, viewMovements(settled)
	}
	if cut {
		out.Headers.RetryAfter = new(int32(1))
	}
	return out, nil
}

// CancelPayment ends an attempt; its order stays open.
func (h *handlers) CancelPayment(ctx context.Context, r openapi.CancelPaymentRequestObject) (openapi.CancelPaymentResponseObject, error) {
	s, err := h.payments.Cancel(ctx, auth.From(ctx), payments.ID(r.Id), keyed(ctx, r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	if s.Unknown {
		wait := seconds(s.RetryAfter)
		return openapi.CancelPayment202JSONResponse{
			Body:    viewPending(s.Payment, wait),
			Headers: openapi.CancelPayment202ResponseHeaders{Location: paymentPath(s.Payment), RetryAfter: &wait, IdempotencyReplayed: opt(s.Replayed)},
		}, nil
	}
	return openapi.CancelPayment200JSONResponse{
		Body:    viewPayment(ctx, s.Payment),
		Headers: openapi.CancelPayment200ResponseHeaders{IdempotencyReplayed: opt(s.Replayed)},
	}, nil
}

// CapturePayment takes what a payment holds.
func (h *handlers) CapturePayment(ctx context.Context, r openapi.CapturePaymentRequestObject) (openapi.CapturePaymentResponseObject, error) {
	s, err := h.payments.Capture(ctx, auth.From(ctx), payments.ID(r.Id), r.Body.Amount, keyed(ctx, r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	if s.Unknown {
		wait := seconds(s.RetryAfter)
		return openapi.CapturePayment202JSONResponse{
			Body:    viewPending(s.Payment, wait),
			Headers: openapi.CapturePayment202ResponseHeaders{Location: paymentPath(s.Payment), RetryAfter: &wait, IdempotencyReplayed: opt(s.Replayed)},
		}, nil
	}
	return openapi.CapturePayment200JSONResponse{
		Body:    viewPayment(ctx, s.Payment),
		Headers: openapi.CapturePayment200ResponseHeaders{IdempotencyReplayed: opt(s.Replayed)},
	}, nil
}

// GetPaymentTimeline shows what happened to a payment, and why.
func (h *handlers) GetPaymentTimeline(ctx context.Context, r openapi.GetPaymentTimelineRequestObject) (openapi.GetPaymentTimelineResponseObject, error) {
	entries, more, err := h.payments.Timeline(ctx, auth.From(ctx), payments.ID(r.Id), page(r.Params.Limit, r.Params.StartingAfter, r.Params.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.GetPaymentTimeline200JSONResponse{Data: views(entries, func(e timeline.Entry) openapi.TimelineEntry { return viewEntry(auth.From(ctx), e) }), HasMore: more}, nil
}

func (h *handlers) viewIntent(s payments.Started) openapi.PaymentIntent {
	v := openapi.PaymentIntent{
		Id: string(s.Payment.ID), OrderId: string(s.Payment.OrderID), PublishableKey: h.settings.PublishableKey,
		Amount: s.Payment.Amount.Minor, Currency: string(s.Payment.Amount.Currency), Status: string(s.Payment.Status), Version: s.Payment.Version,
	}
	v.NextAction = viewNextAction(s.Payment.NextAction)
	if s.Secret {
		v.ClientSecret = opt(s.Payment.ClientSecret)
	}
	return v
}

func viewPending(p payments.Payment, retryAfter int32) openapi.PendingPayment {
	return openapi.PendingPayment{
		Id: string(p.ID), OrderId: string(p.OrderID), Status: string(p.Status), NextAction: viewNextAction(p.NextAction), RetryAfter: retryAfter,
	}
}

// viewPayment words a failure in the language that the request asks for.
func viewPayment(ctx context.Context, p payments.Payment) openapi.Payment {
	v := openapi.Payment{
		Id: string(p.ID), OrderId: string(p.OrderID), Amount: p.Amount.Minor, Currency: string(p.Amount.Currency),
		AmountCapturable: p.Capturable, AmountCaptured: p.Captured, CaptureBefore: moment(p.CaptureBefore),
		Status: string(p.Status), NextAction: viewNextAction(p.NextAction), Version: p.Version, SetupFutureUsage: opt(string(p.Future)), CreatedAt: p.CreatedAt.UTC(), UpdatedAt: p.UpdatedAt.UTC(),
	}
	if p.Failure != nil {
		told := p.Failure
		if !auth.From(ctx).Everyone {
			told = told.ToPayer(p.Withheld)
		}
		f := told.In(heard(ctx))
		v.Failure = &openapi.PaymentFailure{Code: f.Code, DeclineCode: opt(f.DeclineCode), Message: f.Message, Advice: string(f.Advice)}
	}
	return v
}

func viewNextAction(a *payments.NextAction) *openapi.NextAction {
	if a == nil {
		return nil
	}
	return &openapi.NextAction{
		Type: string(a.Type), StripeType: opt(a.Stripe), Url: opt(a.URL), Reference: opt(a.Reference), ImageUrl: opt(a.ImageURL), ExpiresAt: moment(a.ExpiresAt),
	}
}

// viewEntry names who asked to those who see everyone's.
func viewEntry(who auth.Principal, e timeline.Entry) openapi.TimelineEntry {
	if !who.Everyone {
		e.Actor = ""
	}
	return openapi.TimelineEntry{
		Id: e.ID, Kind: e.Kind, From: opt(e.From), To: opt(e.To), Message: opt(e.Message), Version: opt(e.Version),
		Cause: openapi.TimelineCause{Kind: e.Cause.Kind, Id: opt(e.Cause.ID)}, Actor: opt(e.Actor),
		At: e.At.UTC(), StripeAt: moment(e.StripeAt),
	}
}

func paymentPath(p payments.Payment) *string { return new("/payments/" + string(p.ID)) }

// moment leaves out what has not happened.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}
