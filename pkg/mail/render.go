package mail

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"
)

// The letters.
const (
	OrderPaidLetter     = "order_paid"
	OrderRefundedLetter = "order_refunded"
	StaffNoticeLetter   = "staff_notice"
)

// OrderPaid is what the confirmation shows to a customer. Amounts are written
// out, with their currency.
type OrderPaid struct {
	Shop      string      `json:"shop"`
	OrderID   string      `json:"orderId"`
	Reference string      `json:"reference,omitempty"`
	Items     []OrderLine `json:"items,omitempty"`
	Discount  string      `json:"discount,omitempty"` // below zero; empty: none
	Code      string      `json:"code,omitempty"`     // that Discount comes from
	Total     string      `json:"total"`
	PaidAt    time.Time   `json:"paidAt"`
}

// OrderRefunded tells a customer that money of theirs is on its way back.
type OrderRefunded struct {
	Shop       string      `json:"shop"`
	OrderID    string      `json:"orderId"`
	RefundID   string      `json:"refundId"`
	Reference  string      `json:"reference,omitempty"`
	Items      []OrderLine `json:"items,omitempty"` // empty where an amount was refunded
	Amount     string      `json:"amount"`
	RefundedAt time.Time   `json:"refundedAt"`
}

// OrderLine is one line of an order.
type OrderLine struct {
	Name     string `json:"name"`
	Quantity int64  `json:"quantity"`
	Amount   string `json:"amount"`
}

// StaffNotice tells the merchant that somebody has to look.
type StaffNotice struct {
	Shop  string `json:"shop"`
	Title string `json:"title"` // becomes the subject
	Text  string `json:"text"`  // what happened and what to do
	Facts []Fact `json:"facts,omitempty"`
}

// Fact is a line of a notice, such as "Order" and its id.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// language is the folder of templates. A second language is a second folder.
const language = "en"

//go:embed templates
var files embed.FS

type letter struct {
	text *texttemplate.Template // with a block named subject
	html *htmltemplate.Template // nil: text only
	data func() any
}

var letters = map[string]letter{
	OrderPaidLetter:     {parseText(OrderPaidLetter), parseHTML(OrderPaidLetter), func() any { return new(OrderPaid) }},
	OrderRefundedLetter: {parseText(OrderRefundedLetter), parseHTML(OrderRefundedLetter), func() any { return new(OrderRefunded) }},
	StaffNoticeLetter:   {parseText(StaffNoticeLetter), nil, func() any { return new(StaffNotice) }},
}

var functions = map[string]any{"line": line, "date": date}

func parseText(name string) *texttemplate.Template {
	file := name + ".txt.tmpl"
	return texttemplate.Must(texttemplate.New(file).Funcs(functions).Option("missingkey=error").
		ParseFS(files, "templates/"+language+"/"+file))
}

func parseHTML(name string) *htmltemplate.Template {
	file := name + ".html.tmpl"
	return htmltemplate.Must(htmltemplate.New(file).Funcs(functions).Option("missingkey=error").
		ParseFS(files, "templates/"+language+"/"+file))
}

// Render writes the letter of this kind. data is the JSON of the kind's struct
// (OrderPaid, OrderRefunded, StaffNotice). The message still needs From, To and MessageID.
func Render(kind string, data []byte) (Message, error) {
	l, ok := letters[kind]
	if !ok {
		return Message{}, fmt.Errorf("there is no letter %q", kind)
	}
	v := l.data()
	if err := json.Unmarshal(data, v); err != nil {
		return Message{}, fmt.Errorf("letter %s: %w", kind, err)
	}
	var subject, text, html bytes.Buffer
	if err := l.text.ExecuteTemplate(&subject, "subject", v); err != nil {
		return Message{}, fmt.Errorf("letter %s: %w", kind, err)
	}
	if err := l.text.Execute(&text, v); err != nil {
		return Message{}, fmt.Errorf("letter %s: %w", kind, err)
	}
	if l.html != nil {
		if err := l.html.Execute(&html, v); err != nil {
			return Message{}, fmt.Errorf("letter %s: %w", kind, err)
		}
	}
	return Message{Subject: line(subject.String()), Text: strings.TrimLeft(text.String(), "\n"), HTML: html.String()}, nil
}

// line makes one line of s: a name must not be able to write further lines of
// the letter, nor turn the writing around (Unicode's bidi controls).
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:199]) + "…"
	}
	return s
}

func date(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
