// Command campaign runs memprobe on damaged inputs of every reader:
//
//	go build -o memprobe ./cmd/memprobe
//	go run ./internal/tool/campaign --program ./memprobe [--seed N] [--count N] [--only NAME] [--keep DIR]
//
// Run from the root of the repository, it makes a small good input of each kind, has
// the program accept it, then damages a copy count times and runs the program on
// that. A run is bad if it ends with another exit code than 0 (done), 1 without a
// fault of the program's own, 2, 3 or 130; prints a trace, or more than a line a
// problem; takes longer than --limit of the processors' time, or more memory than --memory with some for the
// runtime; leaves a temporary file; or changes a training run in silence: one that
// goes on must end with the bytes that the undamaged one ends with. A damage is a
// function of (seed, number), so each bad run can be made again; its input is kept
// in --keep. It prints a line a bad run, last a line of counts, and exits with 1 if
// there were any.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"memprobe/internal/memory"
	"memprobe/internal/rng"
)

type options struct {
	program, only, keep string
	seed                uint64
	first, count        int
	limit, whole        time.Duration
	memory              memory.Size
}

func main() {
	o := options{memory: 512 << 20}
	flags := pflag.NewFlagSet("campaign", pflag.ContinueOnError)
	flags.StringVar(&o.program, "program", "./memprobe", "what is run")
	flags.StringVar(&o.only, "only", "", "kinds of input whose name begins so")
	flags.StringVar(&o.keep, "keep", "", "folder for the inputs of bad runs")
	flags.Uint64Var(&o.seed, "seed", 1, "of all damages")
	flags.IntVar(&o.first, "first", 0, "number of the first damage")
	flags.IntVar(&o.count, "count", 200, "damages")
	flags.DurationVar(&o.limit, "limit", 20*time.Second, "of processors that a run may take")
	flags.DurationVar(&o.whole, "time", time.Hour, "after which no run is begun")
	flags.Var(&o.memory, "memory", "budget of a run")
	if err := flags.Parse(os.Args[1:]); err != nil || flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "campaign: %v\n%s", err, flags.FlagUsages())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	bad, err := run(ctx, os.Stdout, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "campaign:", err)
		os.Exit(3)
	}
	if bad > 0 {
		os.Exit(1)
	}
}

// run returns how many runs were bad.
func run(ctx context.Context, w io.Writer, o options) (bad int, err error) {
	dir, err := os.MkdirTemp("", "campaign-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, dir: dir, good: filepath.Join(dir, "good")}
	if b.program, err = filepath.Abs(o.program); err != nil {
		return 0, err
	}
	list, err := b.prepare(ctx)
	if err != nil {
		return 0, err
	}
	codes, runs, start := map[int]int{}, 0, time.Now()
	for i := o.first; i < o.first+o.count && ctx.Err() == nil && time.Since(start) < o.whole; i++ {
		k := list[i%len(list)]
		d := &damage{rng.New(o.seed, rng.Subset, uint64(i))}
		what, e, err := b.try(ctx, k, d)
		if err != nil {
			return bad, err
		}
		if ctx.Err() != nil {
			break
		}
		runs++
		codes[e.code]++
		if complaint := b.judge(k, e); complaint != "" {
			bad++
			fmt.Fprintf(w, "%d: %s, %s, memprobe %q: %s\n", i, k.name, what, e.args, complaint)
			if err := b.preserve(i); err != nil {
				return bad, err
			}
		}
	}
	fmt.Fprintf(w, "%d runs in %v, exit codes %v, slowest %v, largest %s, bad: %d\n", runs,
		time.Since(start).Round(time.Second), codes, b.slowest.Round(time.Millisecond), memory.String(b.largest), bad)
	return bad, ctx.Err()
}
