package store

import (
	"slices"

	"gorm.io/gorm"
)

// Page is which part of a list to answer. Cursors are ids of the list's own
// objects; an id that is not in the list still marks its place in the order.
type Page struct {
	Limit                       int // 0 means 20
	StartingAfter, EndingBefore string
}

// Order is the way a list is sorted by id.
type Order bool

// The two ways.
const (
	OldestFirst Order = false
	NewestFirst Order = true
)

// Fetch reads one page of rows from q by the column of ids, and whether more
// rows follow in the direction of reading.
func Fetch[Row any](q *gorm.DB, p Page, column string, order Order) (rows []Row, more bool, err error) {
	if err := p.Of(q, column, order).Find(&rows).Error; err != nil {
		return nil, false, translate(err)
	}
	if more = len(rows) > p.limit(); more {
		rows = rows[:p.limit()]
	}
	if p.backwards() {
		slices.Reverse(rows)
	}
	return rows, more, nil
}

// Of narrows q to a page and one row more, in the direction of reading.
func (p Page) Of(q *gorm.DB, column string, order Order) *gorm.DB {
	descending := order == NewestFirst
	if p.StartingAfter != "" {
		q = q.Where(column+cmp(descending)+"?", p.StartingAfter)
	}
	if p.EndingBefore != "" {
		q = q.Where(column+cmp(!descending)+"?", p.EndingBefore)
	}
	direction := " ASC"
	if descending != p.backwards() {
		direction = " DESC"
	}
	return q.Order(column + direction).Limit(p.limit() + 1)
}

func (p Page) limit() int {
	if p.Limit <= 0 {
		return 20
	}
	return p.Limit
}

// backwards reports whether the page is read towards the beginning of the list.
func (p Page) backwards() bool { return p.EndingBefore != "" && p.StartingAfter == "" }

func cmp(descending bool) string {
	if descending {
		return " < "
	}
	return " > "
}
