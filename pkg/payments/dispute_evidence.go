package payments

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/timeline"
)

// Stripe's limits on evidence. https://docs.stripe.com/disputes/best-practices
const (
	maxEvidenceText  = 150_000 // characters of all texts together
	maxEvidenceFile  = 5 << 20 // bytes of a file
	maxEvidenceFiles = 4_500_000
	filesOfDispute   = 50 // ours: how many may be sent for one dispute
)

// evidenceTexts are the names of evidence that is text, as the contract has them,
// and evidenceFiles those of evidence that is a file. Both with Stripe's names.
// https://docs.stripe.com/api/disputes/evidence_object
var (
	evidenceTexts = map[string]string{
		"accessActivityLog": "access_activity_log", "billingAddress": "billing_address", "cancellationPolicyDisclosure": "cancellation_policy_disclosure",
		"cancellationRebuttal": "cancellation_rebuttal", "customerEmailAddress": "customer_email_address", "customerName": "customer_name",
		"customerPurchaseIp": "customer_purchase_ip", "duplicateChargeExplanation": "duplicate_charge_explanation", "duplicateChargeId": "duplicate_charge_id",
		"productDescription": "product_description", "refundPolicyDisclosure": "refund_policy_disclosure", "refundRefusalExplanation": "refund_refusal_explanation",
		"serviceDate": "service_date", "shippingAddress": "shipping_address", "shippingCarrier": "shipping_carrier", "shippingDate": "shipping_date",
		"shippingTrackingNumber": "shipping_tracking_number", "uncategorizedText": "uncategorized_text",
	}
	evidenceFiles = map[string]string{
		"cancellationPolicy": "cancellation_policy", "customerCommunication": "customer_communication", "customerSignature": "customer_signature",
		"duplicateChargeDocumentation": "duplicate_charge_documentation", "receipt": "receipt", "refundPolicy": "refund_policy",
		"serviceDocumentation": "service_documentation", "shippingDocumentation": "shipping_documentation", "uncategorizedFile": "uncategorized_file",
	}
)

// ErrFileType is returned for a file of a type that Stripe does not take.
var ErrFileType = problem.New(problem.Invalid, "file_type_refused", "The file must be a PDF, JPEG or PNG; its content says otherwise.").At("file")

var errUploadUnknown = problem.New(problem.Unavailable, "stripe_unavailable", "Stripe does not answer. Send the same file again: it is kept once.").After(2 * time.Second)

// EvidenceRequest gives evidence: by the contract's names texts, and ids of files.
type EvidenceRequest struct {
	Evidence    map[string]string
	Submit      bool // hand all that is staged to the bank, once and for all
	Idempotency idempotency.Request
}

// GiveEvidence lays evidence ready, or hands it to the bank. It goes on when the
// client hangs up.
func (s *Service) GiveEvidence(ctx context.Context, who auth.Principal, id DisputeID, r EvidenceRequest) (DisputeAnswer, error) {
	size := 0
	for _, text := range r.Evidence {
		size += utf8.RuneCountInString(text)
	}
	switch {
	case len(r.Evidence) == 0 && !r.Submit:
		return DisputeAnswer{}, errValidation.Detailf("evidence must have at least one field, or submit be true.").At("evidence")
	case size > maxEvidenceText:
		return DisputeAnswer{}, errValidation.Detailf("evidence may have %d characters in all; it has %d.", maxEvidenceText, size).At("evidence")
	}
	return s.answerDispute(ctx, who, id, r.Idempotency, func(tx *gorm.DB, d *disputeRow) (disputeCall, error) {
		if len(r.Evidence) == 0 && !d.HasEvidence {
			return disputeCall{}, errValidation.Detailf("evidence must have at least one field: none is laid ready for this dispute.").At("evidence")
		}
		given, err := translateEvidence(tx, d, r.Evidence)
		return disputeCall{Evidence: given, Submit: r.Submit}, err
	})
}

// translateEvidence is evidence in Stripe's words.
func translateEvidence(tx *gorm.DB, d *disputeRow, from map[string]string) (gateway.Evidence, error) {
	var files []disputeFileRow
	if err := tx.Where("dispute_id = ?", d.ID).Find(&files).Error; err != nil {
		return nil, err
	}
	given, bytes := gateway.Evidence{}, map[DisputeFileID]int64{}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		value := from[name]
		if text := evidenceTexts[name]; text != "" {
			given[text] = value
			continue
		}
		if evidenceFiles[name] == "" {
			return nil, errValidation.Detailf("evidence.%s is not a name of evidence.", name).At("evidence." + name)
		}
		i := slices.IndexFunc(files, func(f disputeFileRow) bool { return string(f.ID) == value && f.StripeID != nil })
		if i < 0 {
			return nil, errValidation.Detailf("evidence.%s must be the id of a file of this dispute, as POST /disputes/{id}/files answers it.", name).At("evidence." + name)
		}
		given[evidenceFiles[name]] = string(*files[i].StripeID)
		bytes[files[i].ID] = files[i].Size
	}
	var sum int64
	for _, n := range bytes {
		sum += n
	}
	if sum > maxEvidenceFiles {
		return nil, errValidation.Detailf("The files of evidence may have %d bytes together; these have %d.", maxEvidenceFiles, sum).At("evidence")
	}
	return given, nil
}

// DisputeFileID is the id of a file for evidence, ours, dfi_….
type DisputeFileID string

// DisputeFile is a file that Stripe has, for the evidence of a dispute.
type DisputeFile struct {
	ID        DisputeFileID
	DisputeID DisputeID
	Name      string
	Type      string // pdf, jpg, png
	Size      int64
	CreatedAt time.Time
}

type disputeFileRow struct {
	ID        DisputeFileID `gorm:"primaryKey"`
	DisputeID DisputeID
	SHA256    string `gorm:"column:sha256"`
	Name      string
	Type      string
	Size      int64
	StripeID  *gateway.FileID // nil: Stripe does not have it yet
	AddedBy   string
	CreatedAt time.Time
}

func (disputeFileRow) TableName() string { return "dispute_files" }

var fileTypes = map[string]string{"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}

// AddDisputeFile gives Stripe a file, to be named in evidence. The same content again
// is the same file, so that a call whose answer was lost is made again.
func (s *Service) AddDisputeFile(ctx context.Context, who auth.Principal, id DisputeID, name string, content []byte) (DisputeFile, error) {
	kind := fileTypes[strings.TrimSpace(strings.Split(http.DetectContentType(content), ";")[0])]
	switch {
	case len(content) == 0:
		return DisputeFile{}, errValidation.Detailf("file is empty.").At("file")
	case len(content) > maxEvidenceFile:
		return DisputeFile{}, errValidation.Detailf("file may have %d bytes; it has %d.", maxEvidenceFile, len(content)).At("file")
	case kind == "":
		return DisputeFile{}, ErrFileType
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), callTimeout+2*time.Second)
	defer stop()
	sum := sha256.Sum256(content)
	row := disputeFileRow{
		ID: DisputeFileID(store.NewID("dfi_")), DisputeID: id, SHA256: hex.EncodeToString(sum[:]), Name: fileName(name, kind), Type: kind, Size: int64(len(content)),
		AddedBy: string(who.Kind) + ":" + who.Subject, CreatedAt: s.now(),
	}
	err := s.db.Tx(ctx, func(tx *gorm.DB) error { return openFile(tx, who, id, &row) })
	if err != nil || row.StripeID != nil {
		return row.file(), err
	}
	// A file moves no money: if its key no longer replays, Stripe has it twice.
	stripeID, err := s.gateway.UploadEvidence(ctx, row.Name, content, gateway.Key(string(row.ID)+":upload:1"))
	if err != nil {
		if _, told := problem.As(err); !told && errors.Is(err, gateway.ErrUnknown) {
			err = errUploadUnknown.Because(err)
		}
		return DisputeFile{}, err
	}
	err = s.db.Tx(ctx, func(tx *gorm.DB) error {
		res := tx.Model(&disputeFileRow{}).Where("id = ? AND stripe_id IS NULL", row.ID).Update("stripe_id", stripeID)
		if res.Error != nil || res.RowsAffected == 0 {
			return res.Error
		}
		var d disputeRow
		if err := tx.Where("id = ?", id).Take(&d).Error; err != nil {
			return err
		}
		e := d.entry(timeline.Cause{Kind: timeline.ByCall}, s.now())
		e.Kind, e.To, e.Message, e.Actor = "dispute.file", row.Type, "A file for evidence is with Stripe ("+string(row.ID)+").", row.AddedBy
		return timeline.Write(tx, []timeline.Entry{e})
	})
	return row.file(), err
}

// openFile writes down a file before Stripe is called, or finds the row that the
// dispute has for its content.
func openFile(tx *gorm.DB, who auth.Principal, id DisputeID, row *disputeFileRow) error {
	d, err := lockDispute(tx, who, id)
	if err != nil {
		return err
	}
	var known []disputeFileRow
	if err := tx.Where("dispute_id = ?", id).Find(&known).Error; err != nil {
		return err
	}
	for _, f := range known {
		if f.SHA256 == row.SHA256 {
			*row = f
			return nil
		}
	}
	switch {
	case !d.Status.answerable():
		return ErrNotAnswerable.Detailf("This dispute takes no answer any more: its status is %s.", d.Status)
	case len(known) >= filesOfDispute:
		return errValidation.Detailf("There are %d files for this dispute, and there may be no more.", filesOfDispute).At("file")
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(row).Error
}

func (r *disputeFileRow) file() DisputeFile {
	return DisputeFile{ID: r.ID, DisputeID: r.DisputeID, Name: r.Name, Type: r.Type, Size: r.Size, CreatedAt: r.CreatedAt.UTC()}
}

// fileName is a name that mails, logs and Stripe can bear, with the ending of what
// the file is.
func fileName(given, kind string) string {
	name := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`"\/`, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(path.Base(strings.ReplaceAll(given, `\`, "/")), ""))
	name = strings.TrimSuffix(name, path.Ext(name))
	if runes := []rune(name); len(runes) > 100 {
		name = string(runes[:100])
	}
	if strings.Trim(name, ". ") == "" {
		name = "evidence"
	}
	return name + "." + kind
}
