package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// table prints figures in columns.
type table struct {
	head []string
	rows [][]string
}

// ratio is what the figures are for: a throughput over another of the same run.
func ratio(of, to result) share { return share(of.rate() / to.rate()) }

type share float64

// size is an amount of memory.
type size int64

func memory(p *process) size { return size(p.peak()) }

func (t *table) add(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		switch c := c.(type) {
		case share:
			row[i] = fmt.Sprintf("%.2f", float64(c))
		case size:
			row[i] = fmt.Sprintf("%d MB", c>>20)
		case float64:
			row[i] = fmt.Sprintf("%.0f", c)
		case time.Duration:
			row[i] = short(c)
		default:
			row[i] = fmt.Sprint(c)
		}
	}
	t.rows = append(t.rows, row)
}

func short(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

func (t *table) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range append([][]string{t.head}, t.rows...) {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t")+"\t")
	}
	_ = w.Flush()
}
