package problem

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

var errPaid = New(Conflict, "order_already_paid", "This order has been paid.")

func TestACopyIsStillTheErrorThatItWasMadeFrom(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("start: %w", errPaid.At("orderId").After(time.Second).Because(io.EOF))
	if !errors.Is(err, errPaid) || !errors.Is(err, io.EOF) {
		t.Fatal("the chain is broken")
	}
	if errors.Is(err, New(Conflict, "order_already_paid", "This order has been paid.")) {
		t.Error("an equal error is not the same error")
	}
	p, ok := As(err)
	if !ok || p.Param != "orderId" || p.RetryAfter != time.Second || p.Code != errPaid.Code {
		t.Fatalf("%+v", p)
	}
	if errPaid.Param != "" || errPaid.RetryAfter != 0 {
		t.Error("the sentinel was changed")
	}
}

func TestACauseIsForTheLogAlone(t *testing.T) {
	t.Parallel()
	err := errPaid.Because(errors.New("constraint orders_reference"))
	if err.Detail != errPaid.Detail {
		t.Errorf("the client would read %q", err.Detail)
	}
	if want := "order_already_paid: This order has been paid.: constraint orders_reference"; err.Error() != want {
		t.Errorf("the log would read %q", err.Error())
	}
	if _, ok := As(io.EOF); ok {
		t.Error("an error of no kind is a problem")
	}
}
