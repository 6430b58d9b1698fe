package kill

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	if err := report.publish("../out/kill.txt"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
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

// publish prints the table, and keeps it in a file as well: of a package that
// passed, go test shows no output unless asked by -v.
func (tb *table) publish(file string) error {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.rows) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	var text bytes.Buffer
	tb.print(&text)
	if _, err := os.Stdout.Write(text.Bytes()); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}

func (tb *table) print(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
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
}
