package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// options are the command line. The stub and the proxy are this same program in
// processes of their own.
type options struct {
	Run struct {
		Only    string `help:"webhooks, intents or start; empty is all of them." enum:"webhooks,intents,start," default:""`
		Engine  string `help:"postgres or sqlite; empty is both." enum:"postgres,sqlite," default:""`
		Callers []int  `help:"How many call at once." default:"1,16,64"`
		Calls   int    `help:"Calls in a round of 64 callers; fewer callers make fewer." default:"12000"`
		Rounds  int    `help:"Rounds of each, by turns with what it is compared to." default:"2"`
		Profile string `help:"Write a CPU profile of Till under the last load of webhooks, or of intents, to this file."`
	} `cmd:"" default:"withargs" help:"Measure."`
	Stub struct {
		Addr    string        `required:""`
		Latency time.Duration `default:"0s"`
	} `cmd:"" hidden:""`
	Proxy struct {
		Addr   string `required:""`
		Target string `required:""`
	} `cmd:"" hidden:""`
}

func main() {
	var o options
	parsed := kong.Parse(&o, kong.Name("bench"), kong.Description("Measure Till against the database and a bare proxy."))
	var err error
	switch parsed.Command() {
	case "stub":
		err = stub(o.Stub.Addr, o.Stub.Latency)
	case "proxy":
		err = proxy(o.Proxy.Addr, o.Proxy.Target)
	default:
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = measure(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

func measure(ctx context.Context, o options) error {
	folder, err := os.MkdirTemp("", "till-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	b := &bench{opt: o, folder: folder}
	if b.binary, err = build(folder); err != nil {
		return err
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.smtp, err = swallowMail(); err != nil {
		return err
	}
	if b.metrics, err = freeAddr(); err != nil {
		return err
	}
	url := os.Getenv("TILL_TEST_DATABASE_URL")
	if url == "" && o.Run.Engine != "sqlite" {
		return errors.New("there is no Postgres: run `make bench`, or set TILL_TEST_DATABASE_URL to one with fsync on")
	}
	for _, engine := range []string{"postgres", "sqlite"} {
		if o.Run.Engine != "" && o.Run.Engine != engine {
			continue
		}
		if err := b.engine(ctx, engine, url); err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
	}
	return nil
}

// bench is what all measurements share.
type bench struct {
	opt                  options
	folder, binary, self string
	smtp, metrics        string // addresses
}

// calls is how many calls a round of callers makes: enough for a few seconds.
func (b *bench) calls(callers int) int {
	return max(500, b.opt.Run.Calls*min(callers, 64)/64)
}

func (b *bench) wants(what string) bool { return b.opt.Run.Only == "" || b.opt.Run.Only == what }

func (b *bench) engine(ctx context.Context, engine, server string) error {
	fmt.Printf("\n%s\n", engine)
	for _, part := range []struct {
		name string
		run  func(context.Context, engineDB) error
	}{{"start", b.start}, {"webhooks", b.webhooks}, {"intents", b.intents}} {
		if !b.wants(part.name) {
			continue
		}
		db, err := newDB(ctx, engine, server, b.folder)
		if err != nil {
			return err
		}
		err = part.run(ctx, db)
		if err := errors.Join(err, db.drop(ctx)); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// start prints how long Till takes from its start to ready on a migrated database.
func (b *bench) start(ctx context.Context, db engineDB) error {
	stripe, err := b.stub(0)
	if err != nil {
		return err
	}
	defer stripe.stop()
	var took []time.Duration
	for range 5 {
		till, err := b.till(db, stripe)
		if err != nil {
			return err
		}
		took = append(took, till.ready)
		till.stop()
	}
	slices.Sort(took)
	fmt.Printf("  start to ready on a migrated database: %s (the middle of %d)\n", took[len(took)/2].Round(time.Millisecond), len(took))
	return nil
}
