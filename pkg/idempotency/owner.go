package idempotency

import "gorm.io/gorm"

// Move gives a caller's keys to another one, who then gets the answers that they
// stand for. A key that the other has used for the same call stays the other's.
func Move(tx *gorm.DB, from, to string) error {
	err := tx.Exec(`DELETE FROM idempotency_keys WHERE caller = ? AND EXISTS (
		SELECT 1 FROM idempotency_keys AS other WHERE other.caller = ? AND other.method = idempotency_keys.method
		AND other.route = idempotency_keys.route AND other.key = idempotency_keys.key)`, from, to).Error
	if err != nil {
		return err
	}
	return tx.Model(&row{}).Where("caller = ?", from).Update("caller", to).Error
}

// Forget takes a caller's keys away.
func Forget(tx *gorm.DB, caller string) error {
	return tx.Where("caller = ?", caller).Delete(&row{}).Error
}
