package invoices

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"golang.org/x/text/language"

	"till/pkg/auth"
	"till/pkg/payments"
	"till/pkg/problem"
	"till/pkg/store"
)

var (
	// ErrNotReady is returned for a paid order whose invoice has no number yet.
	ErrNotReady = problem.New(problem.Conflict, "invoice_not_ready", "The order is paid, and its invoice is being issued. Ask again in a moment.").After(time.Second)

	errNotPaid = payments.ErrOrderNotPaid.Detailf("An order has its invoice once it is paid.")
)

// Config is what the operator decides.
type Config struct {
	// Prefix and CreditNotePrefix are what the numbers of the two series begin with.
	Prefix, CreditNotePrefix string
	Seller                   string   // the name
	Address                  []string // lines
	TaxID                    string
	Logo                     []byte // a PNG or JPEG; none: the name stands there
	Locale                   string // of orders that have none, or one of another language
}

// Options are the parts that the service stands on.
type Options struct {
	DB       *store.DB
	Payments *payments.Service
	Now      func() time.Time // nil: the wall clock
}

// Service issues and shows invoices.
type Service struct {
	conf     Config
	db       *store.DB
	payments *payments.Service
	clock    func() time.Time
	seller   Seller
	logo     []byte // as it stands on documents
}

// New returns a service; it starts nothing. It fails for a logo that is no picture.
func New(conf Config, opt Options) (*Service, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	s := &Service{
		conf: conf, db: opt.DB, payments: opt.Payments, clock: opt.Now,
		seller: Seller{Name: conf.Seller, Address: conf.Address, TaxID: conf.TaxID},
	}
	if len(conf.Logo) > 0 {
		picture, err := plainPicture(conf.Logo)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(picture)
		s.logo, s.seller.Logo = picture, hex.EncodeToString(sum[:])
	}
	return s, nil
}

func (s *Service) now() time.Time { return store.Truncate(s.clock()) }

// written are the languages that there are documents in.
var written = language.NewMatcher([]language.Tag{language.English, language.German})

// locale is the order's where there are documents in its language, else the operator's.
func (s *Service) locale(wanted string) string {
	for _, locale := range []string{wanted, s.conf.Locale} {
		tag, err := language.Parse(locale)
		if err != nil {
			continue
		}
		if _, _, confidence := written.Match(tag); confidence >= language.High {
			return locale
		}
	}
	return "en"
}

// Invoice returns the invoice of an order that the caller may see, or
// payments.ErrNotFound, payments.ErrOrderNotPaid or ErrNotReady.
func (s *Service) Invoice(ctx context.Context, who auth.Principal, id payments.OrderID) (Invoice, error) {
	order, err := s.payments.Order(ctx, who, id)
	if err != nil {
		return Invoice{}, err
	}
	var row []invoiceRow
	if err := s.db.Read(ctx).Where("order_id = ?", id).Limit(1).Find(&row).Error; err != nil {
		return Invoice{}, store.Translate(err)
	}
	switch {
	case len(row) > 0:
	case order.PaidAt.IsZero():
		return Invoice{}, errNotPaid
	default:
		return Invoice{}, ErrNotReady
	}
	var notes []creditNoteRow
	if err := s.db.Read(ctx).Where("order_id = ?", id).Order("sequence").Find(&notes).Error; err != nil {
		return Invoice{}, store.Translate(err)
	}
	out := Invoice{Document: row[0].Document}
	for _, n := range notes {
		out.CreditNotes = append(out.CreditNotes, n.Document)
	}
	return out, nil
}

// CreditNote returns a credit note, or a reversal of one, of an order that the caller
// may see, or payments.ErrNotFound.
func (s *Service) CreditNote(ctx context.Context, who auth.Principal, id payments.OrderID, number string) (Document, error) {
	if _, err := s.payments.Order(ctx, who, id); err != nil {
		return Document{}, err
	}
	var rows []creditNoteRow
	if err := s.db.Read(ctx).Where("order_id = ? AND number = ?", id, number).Limit(1).Find(&rows).Error; err != nil {
		return Document{}, store.Translate(err)
	}
	if len(rows) == 0 {
		return Document{}, payments.ErrNotFound
	}
	return rows[0].Document, nil
}

// PDF draws a document. The same document is the same bytes.
func (s *Service) PDF(ctx context.Context, d Document) ([]byte, error) {
	var logo []byte
	if d.Seller.Logo != "" {
		var rows []logoRow
		if err := s.db.Read(ctx).Where("sha256 = ?", d.Seller.Logo).Limit(1).Find(&rows).Error; err != nil {
			return nil, store.Translate(err)
		}
		for _, r := range rows {
			logo = r.Picture
		}
	}
	return pdf(d, logo)
}

// FileName is what a document's file is called.
func (d Document) FileName() string { return cmp.Or(d.Number, "invoice") + ".pdf" }
