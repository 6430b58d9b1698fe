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
	limit := p.Limit
	if limit <= 0 {
		limit = 20
	}
	descending := order == NewestFirst
	if p.StartingAfter != "" {
		q = q.Where(column+cmp(descending)+"?", p.StartingAfter)
	}
	backwards := p.EndingBefore != "" && p.StartingAfter == ""
	if p.EndingBefore != "" {
		q = q.Where(column+cmp(!descending)+"?", p.EndingBefore)
	}
	direction := " ASC"
	if descending != backwards {
		direction = " DESC"
	}
	if err := q.Order(column + direction).Limit(limit + 1).Find(&rows).Error; err != nil {
		return nil, false, translate(err)
	}
	if more = len(rows) > limit; more {
		rows = rows[:limit]
	}
	if backwards {
		slices.Reverse(rows)
	}
	return rows, more, nil
}

func cmp(descending bool) string {
	if descending {
		return " < "
	}
	return " > "
}
