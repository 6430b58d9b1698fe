package sandbox_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"till/pkg/sandbox"
	"till/pkg/sandbox/internal/conform"
)

var update = flag.Bool("update", false, "write the generated parts of docs/sandbox.md anew")

// emitted are the events that the sandbox sends.
var emitted = []string{
	"payment_intent.created", "payment_intent.requires_action", "payment_intent.payment_failed", "payment_intent.succeeded",
	"payment_intent.canceled", "payment_intent.amount_capturable_updated", "payment_intent.processing",
	"charge.succeeded", "charge.failed", "charge.captured", "charge.refunded", "charge.pending", "charge.expired",
	"charge.updated", "charge.refund.updated", "refund.created", "refund.updated",
	"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated",
	"radar.early_fraud_warning.created", "radar.early_fraud_warning.updated", "review.opened", "review.closed",
	"setup_intent.created", "setup_intent.requires_action", "setup_intent.succeeded", "setup_intent.setup_failed", "setup_intent.canceled",
	"mandate.updated",
	"test_helpers.test_clock.created", "test_helpers.test_clock.advancing", "test_helpers.test_clock.ready", "test_helpers.test_clock.deleted",
	"product.created", "product.updated", "product.deleted", "price.created", "price.updated", "price.deleted",
	"plan.created", "plan.updated", "plan.deleted", "coupon.created", "coupon.updated", "coupon.deleted",
	"promotion_code.created", "promotion_code.updated", "tax_rate.created", "tax_rate.updated", "tax.settings.updated",
	"customer.created", "customer.updated", "customer.deleted",
	"customer.source.created", "customer.source.updated", "customer.source.deleted",
	"customer.tax_id.created", "customer.tax_id.updated", "customer.tax_id.deleted",
	"payment_method.attached", "payment_method.detached", "payment_method.updated",
	"checkout.session.completed", "checkout.session.expired", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed",
	"payment_link.created", "payment_link.updated",
}

// undescribed are the calls of Stripe's own pages and CLI that its description
// lacks, with the object that they are judged by.
var undescribed = map[string]string{
	"GET /v1/payment_pages/{page}":          "checkout.session",
	"POST /v1/payment_pages/{page}/init":    "checkout.session",
	"POST /v1/payment_pages/{page}/confirm": "checkout.session",
}

// patternOf names the operation of a request, and the object that answers it
// where Stripe's description lacks the operation.
func patternOf(method, path string) (pattern, object string) {
	parts := strings.Split(path, "/")
	if len(parts) > 3 && parts[2] == "payment_pages" {
		parts[3] = "{page}"
		pattern = method + " " + strings.Join(parts, "/")
		return pattern, undescribed[pattern]
	}
	return method + " " + conform.Template(method, path), ""
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	whole := true
	for _, part := range []string{"run", "skip", "bench", "list", "fuzz"} {
		whole = whole && flag.Lookup("test."+part).Value.String() == ""
	}
	if code == 0 && whole {
		code = complete()
	}
	os.Exit(code)
}

// complete says what no test has shown, and keeps docs/sandbox.md true. Only a
// run of all tests can tell.
func complete() int {
	var faults []string
	for _, pattern := range slices.Sorted(slices.Values(sandbox.Routes())) {
		faults = append(faults, seen.of(pattern).missing(pattern)...)
	}
	for excepted := range exceptions {
		i := slices.Index(faults, excepted)
		if i < 0 {
			faults = append(faults, "an exception is made although it is not so: "+excepted)
			continue
		}
		faults = slices.Delete(faults, i, i+1)
	}
	for _, kind := range emitted {
		if seen.events[kind] == 0 {
			faults = append(faults, "no test has seen the event "+kind)
		}
	}
	faults = append(faults, document(*update)...)
	for _, fault := range faults {
		fmt.Println(fault)
	}
	return min(1, len(faults))
}
