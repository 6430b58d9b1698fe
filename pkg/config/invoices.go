package config

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // logos are PNG or JPEG
	_ "image/png"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxLogo       = 512 << 10 // bytes
	maxLogoPixels = 2000      // each way
	maxAddress    = 8         // lines
	maxInvoice    = 80        // characters of a line
)

// invoicePrefix ends in no digit: with one it could make a number of another prefix.
var invoicePrefix = regexp.MustCompile(`^[A-Za-z0-9._-]{0,19}[A-Za-z._-]$`)

func (c *Config) checkInvoices(f *faults) {
	for _, p := range []struct{ variable, value string }{{"TILL_INVOICE_PREFIX", c.InvoicePrefix}, {"TILL_INVOICE_CREDIT_PREFIX", c.InvoiceCreditPrefix}} {
		if !invoicePrefix.MatchString(p.value) {
			f.add("%s must be 1 to 20 letters, digits, -, _ or ., the last no digit, such as INV-, not %q", p.variable, p.value)
		}
	}
	if strings.EqualFold(c.InvoicePrefix, c.InvoiceCreditPrefix) {
		f.add("TILL_INVOICE_PREFIX and TILL_INVOICE_CREDIT_PREFIX are the same: numbers must tell invoices from credit notes")
	}
	for _, text := range []struct{ variable, value string }{{"TILL_INVOICE_SELLER", c.InvoiceSeller}, {"TILL_INVOICE_TAX_ID", c.InvoiceTaxID}} {
		if !oneLine(text.value) {
			f.add("%s must be one line of up to %d characters", text.variable, maxInvoice)
		}
	}
	lines := c.InvoiceAddressLines()
	if len(lines) > maxAddress {
		f.add("TILL_INVOICE_ADDRESS must have up to %d lines, not %d", maxAddress, len(lines))
	}
	for _, line := range lines {
		if !oneLine(line) {
			f.add("TILL_INVOICE_ADDRESS must have lines of up to %d characters, without control characters", maxInvoice)
			break
		}
	}
	if _, err := c.ReadInvoiceLogo(); err != nil {
		f.add("TILL_INVOICE_LOGO: %w", err)
	}
}

func oneLine(text string) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= maxInvoice && !strings.ContainsFunc(text, unicode.IsControl)
}

// InvoiceAddressLines are the lines of the seller's address, none of them empty.
func (c *Config) InvoiceAddressLines() []string {
	var out []string
	for line := range strings.SplitSeq(strings.ReplaceAll(c.InvoiceAddress, `\n`, "\n"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// ReadInvoiceLogo reads the logo's file; none is set: nil.
func (c *Config) ReadInvoiceLogo() ([]byte, error) {
	if c.InvoiceLogo == "" {
		return nil, nil
	}
	file, err := os.Open(c.InvoiceLogo)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxLogo+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxLogo {
		return nil, fmt.Errorf("%s is larger than %d KiB", c.InvoiceLogo, maxLogo>>10)
	}
	is, _, err := image.DecodeConfig(bytes.NewReader(content))
	switch {
	case errors.Is(err, image.ErrFormat):
		return nil, fmt.Errorf("%s is neither PNG nor JPEG", c.InvoiceLogo)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", c.InvoiceLogo, err)
	case is.Width > maxLogoPixels || is.Height > maxLogoPixels || is.Width == 0 || is.Height == 0:
		return nil, fmt.Errorf("%s has %d × %d pixels: at most %d each way", c.InvoiceLogo, is.Width, is.Height, maxLogoPixels)
	}
	return content, nil
}
