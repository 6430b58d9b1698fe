package invoices

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"codeberg.org/go-pdf/fpdf"

	"till/pkg/mail"
	"till/pkg/money"
)

// A4, in millimetres.
const (
	pageWidth, pageHeight = 210.0, 297.0
	margin                = 20.0
	right                 = pageWidth - margin
	inner                 = right - margin
	bottom                = pageHeight - 28 // where the foot begins
)

// The columns of the table: where each ends.
const (
	quantityEnds = 128.0
	unitEnds     = 159.0
	itemWidth    = quantityEnds - 22 - margin
)

// mostLines is how many lines of text one line of a document may take.
const mostLines = 6

// pdf draws a document. It is drawn twice, as the foot of each page says how many
// there are. logo is a PNG; none: the seller's name stands in its place.
func pdf(d Document, logo []byte) ([]byte, error) {
	first, err := sheetOf(d, logo, 0)
	if err != nil {
		return nil, err
	}
	second, err := sheetOf(d, logo, first.PageCount())
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := second.Output(&out); err != nil {
		return nil, fmt.Errorf("draw %s: %w", d.Number, err)
	}
	return out.Bytes(), nil
}

// sheet is a document that is being drawn, from the top down.
type sheet struct {
	*fpdf.Fpdf
	d     Document
	w     words
	y     float64 // where the next line stands, its base
	pages int     // in all
}

func sheetOf(d Document, logo []byte, pages int) (*sheet, error) {
	s := &sheet{Fpdf: fpdf.New("P", "mm", "A4", ""), d: d, w: wordsFor(d), pages: pages}
	s.AddUTF8FontFromBytes("Go", "", regular)
	s.AddUTF8FontFromBytes("Go", "B", bold)
	s.SetAutoPageBreak(false, 0)
	// The same document is the same file, whenever it is drawn.
	s.SetCatalogSort(true)
	s.SetCreationDate(d.IssuedAt.UTC())
	s.SetModificationDate(d.IssuedAt.UTC())
	s.SetProducer("Till", true)
	s.SetTitle(clean(s.w.title(d)+" "+d.Number), true)
	s.SetAuthor(clean(d.Seller.Name), true)
	s.page()
	s.head(logo)
	s.parties()
	s.title()
	s.table()
	s.totals()
	s.remarks()
	if err := s.Error(); err != nil {
		return nil, fmt.Errorf("draw %s: %w", d.Number, err)
	}
	return s, nil
}

const (
	ink   = 30
	faint = 110
)

func (s *sheet) font(style string, size float64, grey int) {
	s.SetFont("Go", style, size)
	s.SetTextColor(grey, grey, grey)
}

// left and rightAt write one clean line at s.y.
func (s *sheet) left(x float64, text string) { s.Text(x, s.y, text) }

func (s *sheet) rightAt(x float64, text string) { s.Text(x-s.GetStringWidth(text), s.y, text) }

// rule draws a line across, a bit below s.y.
func (s *sheet) rule(x float64, width float64, grey int) {
	s.SetDrawColor(grey, grey, grey)
	s.SetLineWidth(width)
	s.Line(x, s.y, right, s.y)
}

func (s *sheet) page() {
	s.AddPage()
	s.y = pageHeight - 14
	s.font("", 8, faint)
	if s.d.Seller.Name != "" {
		s.left(margin, s.fitting(s.d.Seller.Name, 90))
	}
	s.rightAt(right, fmt.Sprintf(s.w.page, s.PageNo(), max(s.pages, s.PageNo())))
	s.y = pageHeight - 19
	s.rule(margin, 0.1, 200)
	s.y = margin
}

// fitting is a text cut short to a width.
func (s *sheet) fitting(text string, width float64) string {
	lines := wrap(clean(text), width, 1, s.GetStringWidth)
	if len(lines) == 0 {
		return ""
	}
	return lines[0]
}

// head is the logo or the name of the seller, and beside it the address.
func (s *sheet) head(logo []byte) {
	const room, height = 75.0, 20.0
	name := s.d.Seller.Name
	if len(logo) > 0 {
		options := fpdf.ImageOptions{ImageType: "PNG"}
		info := s.RegisterImageOptionsReader("logo", options, bytes.NewReader(logo))
		if s.Ok() {
			scale := min(room/info.Width(), height/info.Height())
			s.ImageOptions("logo", margin, margin-2, info.Width()*scale, info.Height()*scale, false, options, 0, "")
		}
	} else {
		s.font("B", 15, ink)
		s.y = margin + 4
		for _, line := range wrap(clean(name), room, 3, s.GetStringWidth) {
			s.left(margin, line)
			s.y += 6.5
		}
	}
	left := s.y
	s.y = margin
	if len(logo) > 0 {
		s.font("B", 9, ink)
		s.each(name, 2)
	}
	s.font("", 9, faint)
	for _, line := range s.d.Seller.Address {
		s.each(line, 2)
	}
	if s.d.Seller.TaxID != "" {
		s.each(s.w.taxID+": "+s.d.Seller.TaxID, 2)
	}
	s.y = max(s.y, left, margin+height) + 12
}

// each writes a text at the right edge.
func (s *sheet) each(text string, most int) {
	for _, line := range wrap(clean(text), 85, most, s.GetStringWidth) {
		s.rightAt(right, line)
		s.y += 4.5
	}
}

// parties are the buyer and what tells the document from others.
func (s *sheet) parties() {
	top := s.y
	s.font("", 8, faint)
	s.left(margin, s.w.to)
	s.y += 5
	s.font("", 10, ink)
	buyer := s.d.Buyer.Email
	if buyer == "" {
		buyer = "–"
	}
	for _, line := range wrap(clean(buyer), 75, 3, s.GetStringWidth) {
		s.left(margin, line)
		s.y += 5
	}
	left := s.y
	s.y = top
	const names, values = 103.0, 136.0
	fact := func(name, value string) {
		if value == "" {
			return
		}
		s.font("", 9, faint)
		s.left(names, name)
		s.font("", 9, ink)
		lines := wrap(clean(value), right-values, 3, s.GetStringWidth)
		for _, line := range lines {
			s.left(values, line)
			s.y += 5
		}
	}
	fact(s.w.number, s.d.Number)
	fact(s.w.date, mail.Day(s.d.Locale, s.d.IssuedAt))
	if s.d.Kind == KindInvoice {
		fact(s.w.supplied, mail.Day(s.d.Locale, s.d.SuppliedAt))
	} else if s.d.Invoice != nil {
		fact(s.w.about, s.d.Invoice.Number)
	}
	fact(s.w.order, string(s.d.Order))
	fact(s.w.reference, s.d.Reference)
	s.y = max(s.y, left) + 12
}

func (s *sheet) title() {
	s.font("B", 18, ink)
	for _, line := range wrap(clean(s.w.title(s.d)+" "+s.d.Number), inner, 2, s.GetStringWidth) {
		s.left(margin, line)
		s.y += 8
	}
	s.y += 4
}

// table is the lines. One that does not fit on a page begins the next.
func (s *sheet) table() {
	s.columns()
	for _, l := range s.d.Lines {
		name := clean(l.Name)
		if name == "" {
			name = s.w.part
		}
		s.font("", 9.5, ink)
		lines := wrap(name, itemWidth, mostLines, s.GetStringWidth)
		height := 4.8*float64(len(lines)) + 3.2
		if s.y+height > bottom {
			s.further()
			s.columns()
			s.font("", 9.5, ink)
		}
		if l.Quantity > 0 {
			s.shrunk(quantityEnds, 18, strconv.FormatInt(l.Quantity, 10))
		}
		if s.d.Kind == KindInvoice || l.UnitAmount > 0 {
			unit := s.amount(l.UnitAmount)
			if l.Package > 0 {
				unit += " / " + strconv.FormatInt(l.Package, 10)
			}
			s.shrunk(unitEnds, unitEnds-quantityEnds-3, unit)
		}
		s.shrunk(right, right-unitEnds-3, s.amount(l.Amount))
		for _, line := range lines {
			s.left(margin, line)
			s.y += 4.8
		}
		s.y -= 1.6
		s.rule(margin, 0.1, 220)
		s.y += 4.8
	}
}

func (s *sheet) columns() {
	s.font("B", 8.5, faint)
	s.left(margin, s.w.item)
	s.rightAt(quantityEnds, s.w.quantity)
	s.rightAt(unitEnds, s.w.unit)
	s.rightAt(right, s.w.amount)
	s.y += 2.4
	s.rule(margin, 0.3, 90)
	s.y += 5.4
}

// further begins a page that goes on with the document.
func (s *sheet) further() {
	s.page()
	s.font("", 8.5, faint)
	s.left(margin, s.fitting(s.w.title(s.d)+" "+s.d.Number+" – "+s.w.continued, inner))
	s.y += 9
}

// shrunk writes a text that ends at x, smaller where it is wider than there is room.
func (s *sheet) shrunk(x, width float64, text string) {
	size, _ := s.GetFontSize()
	if w := s.GetStringWidth(text); w > width {
		s.SetFontSize(size * width / w)
	}
	s.rightAt(x, text)
	s.SetFontSize(size)
}

// amount writes money as it is read in the document's locale, by its code where the
// typeface has no symbol for it.
func (s *sheet) amount(minor int64) string {
	a := money.Amount{Minor: minor, Currency: s.d.Currency}
	if text := a.Format(s.d.Locale); drawable(text) {
		return clean(text)
	}
	return clean(a.FormatCode(s.d.Locale))
}

func (s *sheet) totals() {
	const names = 118.0
	rows := 1
	for _, v := range []int64{s.d.Discount, s.d.Waived} {
		if v > 0 {
			rows++
		}
	}
	if s.y+float64(rows+len(s.d.Taxes))*6+14 > bottom {
		s.further()
	}
	s.y++
	row := func(name string, minor int64) {
		s.font("", 9.5, faint)
		s.left(names, s.fitting(name, unitEnds-names))
		s.font("", 9.5, ink)
		s.shrunk(right, right-unitEnds-1, s.amount(minor))
		s.y += 6
	}
	if s.d.Discount > 0 || s.d.Waived > 0 {
		row(s.w.subtotal, s.d.Subtotal)
	}
	if s.d.Discount > 0 {
		row(strings.TrimSpace(s.w.discount+" "+s.d.Code), -s.d.Discount)
	}
	if s.d.Waived > 0 {
		row(s.w.waived, -s.d.Waived)
	}
	for _, tax := range s.d.Taxes {
		row(tax.Name, tax.Amount)
	}
	s.y -= 2
	s.rule(names, 0.3, 90)
	s.y += 6
	s.font("B", 11.5, ink)
	total := s.w.total
	if s.d.Kind == KindCreditNote {
		total = s.w.refunded
	}
	s.left(names, total)
	s.shrunk(right, right-unitEnds+6, s.amount(s.d.Total))
	s.y += 14
}

func (s *sheet) remarks() {
	s.font("", 9.5, ink)
	for _, text := range remarks(s.d) {
		for _, line := range wrap(clean(text), inner, 4, s.GetStringWidth) {
			if s.y > bottom {
				s.further()
				s.font("", 9.5, ink)
			}
			s.left(margin, line)
			s.y += 5
		}
	}
}
