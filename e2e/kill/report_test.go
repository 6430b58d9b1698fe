package kill

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// TestMain lets more runs go at once than there are cores, since most of their
// time is waiting, and prints where each process died.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "12"); err != nil { // a flag on the command line still goes first
		panic(err)
	}
	code := m.Run()
	report.print(os.Stdout)
	if buildDir != "" {
		_ = os.RemoveAll(buildDir)
	}
	os.Exit(code)
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

// print also goes to the console of a run that passed, if it runs with -v.
func (tb *table) print(to io.Writer) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.rows) == 0 {
		return
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "point\tretry\tengine\tdied at\tcharges\tpaid orders\tmails\ttook\t")
	for _, p := range points {
		for _, l := range tb.rows {
			if l.point.name != p.name {
				continue
			}
			died, verdict := l.diedAt, ""
			if died == "" {
				died = "DID NOT FIRE"
			}
			if !l.passed {
				verdict = "FAILED"
			}
			fmt.Fprintf(w, "%s\t%t\t%s\t%s\t%d\t%d\t%d\t%.1fs\t%s\n", p.name, l.retry, l.engine, died, l.charges, l.paid, l.letters, l.took.Seconds(), verdict)
		}
	}
	_ = w.Flush()
}
