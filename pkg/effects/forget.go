package effects

import (
	"time"

	"gorm.io/gorm"
)

// Forget takes in tx all that these subjects' effects tell of a person: addresses and
// letters to customers. Those that are not delivered yet are dropped. Letters to staff,
// whose names begin with staff., hold ids and amounts alone, and stay.
func Forget(tx *gorm.DB, subjects []string, now time.Time) error {
	of := func() *gorm.DB {
		return tx.Model(&row{}).Where("subject IN ? AND effect NOT LIKE 'staff.%'", subjects)
	}
	err := of().Where("state = ?", pending).Updates(map[string]any{"state": dead, "done_at": now}).Error
	if err != nil {
		return err
	}
	return of().Updates(map[string]any{"payload": gorm.Expr("'{}'"), "error": ""}).Error
}
