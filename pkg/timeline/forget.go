package timeline

import "gorm.io/gorm"

// erased stands where an entry's words were.
const erased = "(erased)"

// Forget takes in tx out of the entries of these orders and payments, given as queries
// of their ids, what tells of a person: the words of the kinds in quoting, which people
// or Stripe have written; who did what is of the kind acting; and the ids of requests,
// which clients may choose. The steps stay.
func Forget(tx *gorm.DB, orders, payments func() *gorm.DB, acting string, quoting ...string) error {
	for _, of := range []func() *gorm.DB{
		func() *gorm.DB { return tx.Model(&row{}).Where("payment_id IS NULL AND order_id IN (?)", orders()) },
		func() *gorm.DB { return tx.Model(&row{}).Where("payment_id IN (?)", payments()) },
	} {
		if err := of().Where("kind IN ?", quoting).Update("message", erased).Error; err != nil {
			return err
		}
		if err := of().Where("kind = ?", acting).Update("actor", "").Error; err != nil {
			return err
		}
		if err := of().Where("cause_kind = ? AND cause_id <> ''", ByAPI).Update("cause_id", "").Error; err != nil {
			return err
		}
	}
	return nil
}
