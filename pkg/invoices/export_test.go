package invoices

import "gorm.io/gorm"

// What tests see beside what is public.
var (
	PDF   = pdf
	Wrap  = wrap
	Clean = clean
)

// IssueIn issues some of what is due in a transaction of the test's.
func (s *Service) IssueIn(tx *gorm.DB) error { return s.issue(tx, s.now()) }
