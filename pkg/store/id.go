package store

import (
	"encoding/base32"

	"github.com/google/uuid"
)

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID returns prefix and a UUIDv7 in base32: ids of one prefix sort by the
// time they were made, and within one process in the order they were made.
func NewID(prefix string) string {
	id := uuid.Must(uuid.NewV7())
	return prefix + idEncoding.EncodeToString(id[:])
}
