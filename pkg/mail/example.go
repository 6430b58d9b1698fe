package mail

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"text/template/parse"
	"time"

	"till/pkg/money"
)

// Example is what examples are made with.
type Example struct {
	Shop     string
	Locale   string
	Currency money.Currency
}

// exampleAt is when everything happens in examples.
var exampleAt = time.Date(2026, 11, 30, 9, 5, 0, 0, time.UTC)

// Data is what examples of a kind show, the JSON of each variant.
func (l *Letters) Data(kind string, e Example) ([][]byte, error) {
	k, ok := kinds[kind]
	if !ok {
		return nil, fmt.Errorf("there is no letter %q", kind)
	}
	e.Locale = l.Locale(e.Locale)
	var out [][]byte
	for _, v := range k.examples(e) {
		data, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

// Examples renders a kind with data made up for it, in each of its variants.
func (l *Letters) Examples(kind string, e Example) ([]Message, error) {
	variants, err := l.Data(kind, e)
	var out []Message
	for _, data := range variants {
		m, err := l.Render(kind, e.Locale, data)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, err
}

func (e Example) amount(minor int64) string {
	return money.Amount{Minor: minor, Currency: e.Currency}.Format(e.Locale)
}

func (e Example) items() []OrderLine {
	return []OrderLine{{Name: "Enamel mug", Quantity: 2, Amount: e.amount(3600)}, {Name: "Letterpress poster", Quantity: 1, Amount: e.amount(2400)}}
}

func (e Example) at(d time.Duration) string { return Date(e.Locale, exampleAt.Add(d)) }

const (
	exampleOrder     = "ord_01jd8w3k5v9x2m4n6p8q0r1s2t"
	exampleReference = "cart_8f2a"
)

func exampleOrderPaid(e Example) []any {
	return []any{
		OrderPaid{Shop: e.Shop, OrderID: exampleOrder, Reference: exampleReference, Items: e.items(), Discount: e.amount(-1000), Code: "SPRING", Total: e.amount(5000), PaidAt: e.at(0)},
		OrderPaid{Shop: e.Shop, OrderID: exampleOrder, Total: e.amount(6000), Charged: e.amount(2400), PaidAt: e.at(0)},
	}
}

func exampleOrderRefunded(e Example) []any {
	r := OrderRefunded{Shop: e.Shop, OrderID: exampleOrder, RefundID: "ref_01jd8x7m3b5c9d1f2g4h6j8k0n", Amount: e.amount(1800), RefundedAt: e.at(48 * time.Hour)}
	full := r
	full.Reference, full.Items = exampleReference, []OrderLine{{Name: "Enamel mug", Quantity: 1, Amount: e.amount(1800)}}
	return []any{full, r}
}

func examplePaymentFailed(e Example) []any {
	reason := "There was not enough money in your account. Please try another way to pay."
	if strings.HasPrefix(e.Locale, "de") {
		reason = "Ihr Konto war nicht ausreichend gedeckt. Bitte zahlen Sie auf anderem Weg."
	}
	return []any{
		PaymentFailed{Shop: e.Shop, OrderID: exampleOrder, Reference: exampleReference, Items: e.items(), Amount: e.amount(6000), Reason: reason, Advice: "other_card", FailedAt: e.at(72 * time.Hour)},
		PaymentFailed{Shop: e.Shop, OrderID: exampleOrder, Amount: e.amount(6000), Reason: reason, Advice: "try_again", FailedAt: e.at(72 * time.Hour)},
	}
}

func examplePaymentAction(e Example) []any {
	a := PaymentAction{Shop: e.Shop, OrderID: exampleOrder, Amount: e.amount(6000)}
	voucher, transfer, verify := a, a, a
	voucher.Reference, voucher.Items, voucher.Step = exampleReference, e.items(), PayVoucher
	voucher.Link, voucher.PaymentReference, voucher.ExpiresAt = "https://payments.stripe.com/voucher/example", "9817 2650 0012 3456", e.at(72*time.Hour)
	transfer.Items, transfer.Step, transfer.Link, transfer.PaymentReference = e.items(), PayTransfer, "https://payments.stripe.com/bank_transfers/instructions/example", "7K4XQ2"
	verify.Step, verify.Link = VerifyAccount, "https://payments.stripe.com/microdeposit/example"
	bare := a
	bare.Step = PayVoucher
	return []any{voucher, transfer, verify, bare}
}

func exampleStaffNotice(e Example) []any {
	n := StaffNotice{Shop: e.Shop, Title: "Held money is about to go back to the payer.", Text: "The hold lapses at 2026-12-01 09:05 UTC. Capture the payment before then, or cancel it."}
	full := n
	full.Facts = []Fact{{"Order", exampleOrder}, {"Payment", "pay_01jd8w3k5v9x2m4n6p8q0r1s2t"}, {"Order's total", e.amount(6000)}}
	return []any{full, n}
}

// try finds names that the kind does not have, wherever they stand, and what goes
// wrong with examples.
func (t letter) try(kind string) (faults []error) {
	known := names(reflect.TypeOf(kinds[kind].data()), map[string]bool{})
	for _, part := range t.text.Templates() {
		faults = append(faults, unknownNames(part.Tree, known)...)
	}
	all := map[string]bool{} // the frame has parts that only some mails use
	for _, k := range kinds {
		names(reflect.TypeOf(k.data()), all)
	}
	for _, part := range t.html.Templates() {
		of := known
		if part.Tree != nil && part.Tree.ParseName == frame {
			of = all
		}
		faults = append(faults, unknownNames(part.Tree, of)...)
	}
	if len(faults) > 0 {
		return faults
	}
	for _, v := range kinds[kind].examples(Example{Shop: "Shop", Locale: "en", Currency: "eur"}) {
		if _, err := t.render(v); err != nil {
			if err = inTemplate(err); strings.HasPrefix(err.Error(), frame) { // which misses a part of the mail's own
				err = fmt.Errorf("%s: %w", strings.Replace(t.text.Name(), ".txt.", ".html.", 1), err)
			}
			return []error{err}
		}
	}
	return nil
}

// names are those of all fields of a struct, and of what is in it.
func names(t reflect.Type, into map[string]bool) map[string]bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return names(t.Elem(), into)
	case reflect.Struct:
		for f := range t.Fields() {
			into[f.Name] = true
			names(f.Type, into)
		}
	}
	return into
}

// unknownNames looks through a template, its branches that no example takes too.
func unknownNames(tree *parse.Tree, known map[string]bool) (faults []error) {
	if tree == nil || tree.Root == nil {
		return nil
	}
	check := func(n parse.Node, chain []string) {
		for _, name := range chain {
			if !known[name] {
				where, context := tree.ErrorContext(n)
				faults = append(faults, fmt.Errorf("%s: there is no field %s: %s", where, name, context))
			}
		}
	}
	var visit func(n parse.Node)
	branch := func(b parse.BranchNode) {
		visit(b.Pipe)
		visit(b.List)
		if b.ElseList != nil {
			visit(b.ElseList)
		}
	}
	visit = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.ListNode:
			for _, in := range n.Nodes {
				visit(in)
			}
		case *parse.ActionNode:
			visit(n.Pipe)
		case *parse.PipeNode:
			for _, c := range n.Cmds {
				for _, a := range c.Args {
					visit(a)
				}
			}
		case *parse.FieldNode:
			check(n, n.Ident)
		case *parse.VariableNode:
			check(n, n.Ident[1:])
		case *parse.ChainNode:
			visit(n.Node)
			check(n, n.Field)
		case *parse.IfNode:
			branch(n.BranchNode)
		case *parse.RangeNode:
			branch(n.BranchNode)
		case *parse.WithNode:
			branch(n.BranchNode)
		case *parse.TemplateNode:
			if n.Pipe != nil {
				visit(n.Pipe)
			}
		}
	}
	visit(tree.Root)
	return faults
}
