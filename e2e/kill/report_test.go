package kill

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"till/e2e/rig"
)

// TestMain prints where each process died.
func TestMain(m *testing.M) {
	rig.Parallel(24)
	rig.Main(m, "kill.txt", report.text)
}

// report is what the runs came to, in the order of the points.
var report table

type table struct {
	mu   sync.Mutex
	rows []*line
}

// line is one run.
type line struct {
	point                  point
	retry                  bool
	engine                 string
	began                  time.Time
	took                   time.Duration
	diedAt                 string
	charges, paid, letters int
	sent                   int // letters, a second copy counted
	passed                 bool
}

func (tb *table) begin(t *testing.T, p point, retry bool, database string) *line {
	t.Helper()
	engine, _, _ := strings.Cut(database, ":")
	l := &line{point: p, retry: retry, engine: engine, began: time.Now()}
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows = append(tb.rows, l)
	return l
}

func (l *line) finish(t *testing.T) {
	l.took, l.passed = time.Since(l.began), !t.Failed()
}

// text is the table, empty where nothing was run.
func (tb *table) text() string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.rows) == 0 {
		return ""
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "point\tretry\tengine\tdied at\tcharges\tpaid orders\tmails\tsent\ttook\t")
	for _, p := range points {
		for _, l := range tb.rows {
			if l.point.name != p.name {
				continue
			}
			died, verdict := l.diedAt, ""
			if died == "" {
				died = "DID NOT DIE"
			}
			if !l.passed {
				verdict = "FAILED"
			}
			fmt.Fprintf(w, "%s\t%t\t%s\t%s\t%d\t%d\t%d\t%d\t%.1fs\t%s\n", p.name, l.retry, l.engine, died, l.charges, l.paid, l.letters, l.sent, l.took.Seconds(), verdict)
		}
	}
	_ = w.Flush()
	return text.String()
}
