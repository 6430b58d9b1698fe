package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// backlogTimeout bounds a look at the database; whoever scrapes waits for it.
const backlogTimeout = 2 * time.Second

// Backlog asks for what waits in the database: how many rows, and since when the
// oldest (zero: none).
type Backlog func(context.Context) (count int64, oldest time.Time, err error)

// RegisterBacklog shows what waits as name and name+"_oldest_seconds". It is
// looked up when it is scraped. A look that fails leaves both out of the scrape,
// which is better than a number that is not true.
func RegisterBacklog(registry prometheus.Registerer, name, what string, now func() time.Time, look Backlog) {
	registry.MustRegister(&backlog{
		count:  prometheus.NewDesc(name, what+", in the whole database.", nil, nil),
		oldest: prometheus.NewDesc(name+"_oldest_seconds", "Age of the oldest of "+name+"; 0 where there is none.", nil, nil),
		now:    now, look: look,
	})
}

type backlog struct {
	count, oldest *prometheus.Desc
	now           func() time.Time
	look          Backlog
}

func (b *backlog) Describe(to chan<- *prometheus.Desc) { to <- b.count; to <- b.oldest }

func (b *backlog) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
	defer cancel()
	count, oldest, err := b.look(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(b.count, err)
		return
	}
	age := time.Duration(0)
	if !oldest.IsZero() {
		age = max(0, b.now().Sub(oldest))
	}
	to <- prometheus.MustNewConstMetric(b.count, prometheus.GaugeValue, float64(count))
	to <- prometheus.MustNewConstMetric(b.oldest, prometheus.GaugeValue, age.Seconds())
}
