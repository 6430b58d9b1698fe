package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/payments"
	"till/pkg/timeline"
)

// exportPatience is how long a client may take to read a part of its data.
const exportPatience = 10 * time.Second

// ExportMe sends the caller all that is known of them.
func (h *handlers) ExportMe(ctx context.Context, _ openapi.ExportMeRequestObject) (openapi.ExportMeResponseObject, error) {
	who := auth.From(ctx)
	e := export{handlers: h, ctx: ctx, who: who, head: exportHead{ExportedAt: time.Now().UTC(), Issuer: who.Issuer, Subject: who.Subject, Email: who.Email, PaymentMethods: []openapi.PaymentMethod{}}}
	if who.Kind != auth.User { // guests have nothing saved
		return e, nil
	}
	customer, email, err := h.customers.Profile(ctx, who)
	if err != nil || customer == "" {
		return e, err
	}
	e.head.Customer = &openapi.ExportedCustomer{StripeId: string(customer), Email: opt(email)}
	methods, _, err := h.customers.Methods(ctx, who)
	e.head.PaymentMethods = views(methods, func(m gateway.Method) openapi.PaymentMethod { return viewMethod(m) })
	return e, err
}

// exportHead is what comes before the orders, which may be many.
type exportHead struct {
	ExportedAt     time.Time                 `json:"exportedAt"`
	Issuer         string                    `json:"issuer"`
	Subject        string                    `json:"subject"`
	Email          string                    `json:"email,omitempty"`
	Customer       *openapi.ExportedCustomer `json:"customer,omitempty"`
	PaymentMethods []openapi.PaymentMethod   `json:"paymentMethods"`
}

// export is the answer, which is written as it is read.
type export struct {
	*handlers
	ctx  context.Context
	who  auth.Principal
	head exportHead
}

// VisitExportMeResponse writes the head and then order by order. Where it fails on
// its way, what was sent is no whole JSON, so nobody takes it for all.
func (e export) VisitExportMeResponse(w http.ResponseWriter) error {
	head, err := json.Marshal(e.head)
	if err != nil {
		return err
	}
	out := part{w, http.NewResponseController(w)}
	w.Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	w.WriteHeader(http.StatusOK)
	if err := out.write(head[:len(head)-1], []byte(`,"orders":[`)); err != nil {
		return nil // he has gone, or does not read
	}
	var between []byte
	err = e.payments.Export(e.ctx, e.who, func(o payments.Exported) error {
		text, err := json.Marshal(e.view(o))
		if err != nil {
			return err
		}
		err = out.write(between, text)
		between = []byte(",")
		return err
	})
	if err != nil {
		return err
	}
	return out.write([]byte("]}"))
}

func (e export) view(o payments.Exported) openapi.ExportedOrder {
	return openapi.ExportedOrder{
		Order: viewOrder(e.who, o.Order), AccountEmail: opt(o.AccountEmail), BillingEmail: opt(o.BillingEmail),
		Payments:     views(o.Order.Payments, func(p payments.Payment) openapi.Payment { return viewPayment(e.ctx, p) }),
		Refunds:      views(o.Refunds, func(f payments.Refund) openapi.Refund { return viewRefund(e.who, f) }),
		Timeline:     views(o.Timeline, func(t timeline.Entry) openapi.TimelineEntry { return viewEntry(e.who, t) }),
		TimelineMore: opt(o.TimelineMore),
	}
}

// part writes pieces of an answer, each within exportPatience.
type part struct {
	w       io.Writer
	control *http.ResponseController
}

func (p part) write(pieces ...[]byte) error {
	if err := p.control.SetWriteDeadline(time.Now().Add(exportPatience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	for _, piece := range pieces {
		if _, err := p.w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}
