package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"memprobe/internal/atomicfile"
	"memprobe/internal/parallel"
	"memprobe/internal/show"
	"memprobe/onnx"
	"memprobe/probe"
	"memprobe/train"
	"memprobe/train/sweep"
)

// stopwatch estimates how long runs take by taking a few steps of each kind.
type stopwatch struct {
	pool  *parallel.Pool
	known map[train.Config]float64 // seconds a step, by kind
	drawn map[train.Config]bool    // whether an earlier cell has measured these untrained networks
}

// timedSteps are taken of each kind. The first does not count, and of the others
// the shortest does, since nothing else on the machine can have helped it.
const timedSteps = 4

// errTimed ends a run that has been timed.
var errTimed = errors.New("timed")

// cell is about how many seconds a run takes: its steps, and its measurements, in passes
// over images of a third of a step each, since they need the forward pass alone. A probe
// looks at the bank and the test images. To find the neighbours, leave-one-out too, and to
// measure all else takes it two or three passes more; each untrained network is one pass, with the first
// probe alone, and of the first cell alone that needs it.
func (s *stopwatch) cell(ctx context.Context, c train.Config) (float64, error) {
	const passesOfProbe = 3.5
	o := train.Options{Pool: s.pool}
	var init *subject
	if c.Init != "" {
		m, err := onnx.Load(c.Init)
		if err != nil {
			return 0, err
		}
		init, o.Init = runnable(ctx, m, c.Init), m
	}
	set, err := trainingData(ctx, c, init)
	if err != nil {
		return 0, err
	}
	defer set.Close()
	o.Set = set.Set
	step, err := s.step(ctx, c, o)
	if err != nil {
		return 0, err
	}
	pass := func(images int) float64 { return float64((images+c.Batch-1)/c.Batch) / 3 }
	times := func(every int) float64 {
		if every == 0 {
			return 0
		}
		return float64(c.Epochs/every + 1)
	}
	bank := set.Train.Stored()
	if c.Bank == probe.TrainImages {
		bank = set.Train.N()
	}
	steps := float64(c.Epochs)*3*pass(set.Train.N()) + times(c.EvalEvery)*pass(set.Train.N()+set.Test.N())
	if probes := times(c.ProbeEvery); probes > 0 {
		steps += (passesOfProbe*probes + float64(s.draws(c))) * pass(bank+set.Test.N())
	}
	return step * steps, nil
}

// draws is how many untrained networks a run has to measure itself.
func (s *stopwatch) draws(c train.Config) int {
	kind := untrainedOf(c)
	if s.drawn[kind] {
		return 0
	}
	s.drawn[kind] = true
	return cmp.Or(c.Draws, probe.DefaultOptions().Draws)
}

// step is the seconds that a step of a run takes.
func (s *stopwatch) step(ctx context.Context, c train.Config, o train.Options) (float64, error) {
	c = kindOf(c)
	if t, ok := s.known[c]; ok {
		return t, nil
	}
	dir, remove, err := atomicfile.TempDir()
	if err != nil {
		return 0, err
	}
	defer remove()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	best, last, taken := math.Inf(1), time.Now(), 0
	o.Progress = func(train.Progress) {
		if taken++; taken > 1 {
			best = min(best, time.Since(last).Seconds())
		}
		if last = time.Now(); taken == timedSteps {
			stop(errTimed)
		}
	}
	_, err = train.Run(ctx, dir, c, o)
	if errors.Is(context.Cause(ctx), errTimed) {
		s.known[c] = best
		return best, nil
	}
	return 0, flagged(err)
}

// untrainedOf leaves of a configuration what decides the untrained networks that its
// probes measure.
func untrainedOf(c train.Config) train.Config {
	d := train.Default()
	d.Arch, d.Stem, d.Width, d.Projector, d.Init, d.Logits = c.Arch, c.Stem, c.Width, c.Projector, c.Init, c.Logits
	d.Data, d.TrainLimit, d.TestLimit, d.SubsetSeed = c.Data, c.TrainLimit, c.TestLimit, c.SubsetSeed
	d.ImageSize, d.Preprocess, d.Normalize = c.ImageSize, c.Preprocess, c.Normalize
	d.Batch, d.Metrics, d.Bank, d.Draws, d.Seed = c.Batch, c.Metrics, c.Bank, c.Draws, c.Seed
	if strings.HasPrefix(c.Labels, "random:") { // as many outputs
		d.Labels = c.Labels
	}
	return d
}

// kindOf leaves of a configuration what decides how long a step takes, and makes
// a short run of it.
func kindOf(c train.Config) train.Config {
	d := train.Default()
	d.Arch, d.Stem, d.Width, d.Projector, d.Init = c.Arch, c.Stem, c.Width, c.Projector, c.Init
	d.Freeze, d.FreezeStatistics = c.Freeze, c.FreezeStatistics
	d.Data, d.Batch, d.DropLast, d.Augment, d.Mixup, d.CutMix = c.Data, c.Batch, c.DropLast, c.Augment, c.Mixup, c.CutMix
	d.TrainLimit, d.TestLimit, d.SubsetSeed, d.ImageSize, d.Normalize = c.TrainLimit, c.TestLimit, c.SubsetSeed,
		c.ImageSize, c.Normalize
	d.Preprocess = c.Preprocess
	d.Optimizer, d.Epochs, d.EvalEvery = c.Optimizer, timedSteps+1, timedSteps+1
	return d
}

// list prints the cells and how long they may take. The error is that of the first cell
// that cannot run.
func (o *sweepOptions) list(ctx context.Context) error {
	rows, err := o.estimate(ctx)
	if err != nil {
		return err
	}
	if err := o.print(rows); err != nil {
		return err
	}
	return o.unable
}

// estimate returns the cells with the time that each may take, from a few steps of
// each kind, and says when all may be finished. A cell that cannot run has its error, which
// is that of all where none can.
func (o *sweepOptions) estimate(ctx context.Context) ([]outcome, error) {
	pool := parallel.New(o.share)
	defer pool.Close()
	rows, clock := o.outcomes(), stopwatch{pool: pool, known: map[train.Config]float64{}, drawn: map[train.Config]bool{}}
	var times []float64
	for i := range rows {
		if rows[i].State == string(sweep.Skipped) {
			continue
		}
		t, err := clock.cell(ctx, o.cells[i].Config)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil { // the others can run
			rows[i].Error = err.Error()
			o.unable = cmp.Or(o.unable, fmt.Errorf("cell %q: %w", rows[i].Label, err))
			continue
		}
		rows[i].Time = &t
		times = append(times, t)
	}
	if o.unable != nil && len(times) == 0 {
		return nil, o.unable
	}
	if o.jobs > 1 {
		slices.SortFunc(times, func(a, b float64) int { return cmp.Compare(b, a) })
	}
	if !o.quiet {
		fmt.Fprintf(o.std.err, "%s: %d cells, %d at a time on %d threads each, about %s\n",
			show.Name(o.plan.Name), len(rows), o.jobs, o.share, duration(makespan(times, o.jobs)))
	}
	return rows, nil
}

// makespan is when the last of some works is done, each begun in turn by the first of
// the jobs that is free.
func makespan(times []float64, jobs int) float64 {
	free := make([]float64, jobs)
	for _, t := range times {
		first := slices.Index(free, slices.Min(free))
		free[first] += t
	}
	return slices.Max(free)
}
