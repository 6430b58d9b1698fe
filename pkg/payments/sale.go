package payments

import (
	"cmp"

	"gorm.io/gorm"
)

// Sale is an order as its invoice needs it.
type Sale struct {
	Order // without its payments
	// BuyerEmail is the address that mails about the order go to; empty where nobody
	// gave one.
	BuyerEmail string
	Refunds    []Refund // the oldest first
}

// Sales reads orders in tx, by their ids. What is not there is left out.
func Sales(tx *gorm.DB, ids []OrderID) (map[OrderID]Sale, error) {
	// Refunds first: what is given back in between is then missing, never what was taken.
	var refunds []refundRow
	if err := tx.Where("order_id IN ?", ids).Order("id").Find(&refunds).Error; err != nil {
		return nil, err
	}
	var orders []orderRow
	if err := tx.Where("id IN ?", ids).Find(&orders).Error; err != nil {
		return nil, err
	}
	var items []itemRow
	if err := tx.Where("order_id IN ?", ids).Order("order_id, position").Find(&items).Error; err != nil {
		return nil, err
	}
	itemsOf := map[OrderID][]itemRow{}
	for _, i := range items {
		itemsOf[i.OrderID] = append(itemsOf[i.OrderID], i)
	}
	out := make(map[OrderID]Sale, len(orders))
	for _, o := range orders {
		out[o.ID] = Sale{
			Order:      o.order(itemsOf[o.ID], nil),
			BuyerEmail: cmp.Or(o.ReceiptEmail, o.AccountEmail, o.BillingEmail),
		}
	}
	for _, r := range refunds {
		sale := out[r.OrderID]
		sale.Refunds = append(sale.Refunds, r.refund())
		out[r.OrderID] = sale
	}
	return out, nil
}
