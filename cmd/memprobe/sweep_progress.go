package main

import (
	"cmp"
	"io"
	"runtime"
	"slices"
	"sync"

	"memprobe/internal/memory"
	"memprobe/internal/parallel"
	"memprobe/probe/result"
	"memprobe/train"
	"memprobe/train/sweep"
)

// cellMemory is what each of the cells that run at a time is left at least, where
// --jobs leaves their number to the machine: a probe holds up to 2 GiB of features.
const cellMemory = 4 << 30

// divide settles how many cells run at a time, and the threads of each. Small networks
// train faster side by side, on a thread each, than one after the other on all threads.
// So 0 jobs are as many as share the threads evenly, as far as there are cells and memory.
func (o *sweepOptions) divide() {
	o.threads = cmp.Or(o.threads, runtime.GOMAXPROCS(0))
	o.jobs = min(o.jobs, len(o.cells))
	if o.jobs == 0 {
		o.jobs = max(1, min(o.threads, len(o.cells), int(memory.Left()/cellMemory)))
		for o.threads%o.jobs != 0 {
			o.jobs--
		}
	}
	o.share = max(1, o.threads/o.jobs)
}

// sharedThreads are divided among the cells that run: the last ones have the threads of those
// that are done. The bits of a run do not depend on its threads.
type sharedThreads struct {
	all, each int // threads: of all cells together, and of one while all jobs run
	mu        sync.Mutex
	pools     []*parallel.Pool // of the cells that run
}

// growth is how many times its share of the threads a cell may get at most: each
// thread has memory of its own, whether it has work or not.
const growth = 4

// begin returns the pool of a cell.
func (s *sharedThreads) begin() *parallel.Pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	pool := parallel.New(min(s.all, growth*s.each))
	s.pools = append(s.pools, pool)
	s.divide()
	return pool
}

// end closes the pool of a cell that is done.
func (s *sharedThreads) end(pool *parallel.Pool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pools = slices.DeleteFunc(s.pools, func(p *parallel.Pool) bool { return p == pool })
	pool.Close()
	s.divide()
}

func (s *sharedThreads) divide() {
	for _, p := range s.pools {
		p.Limit(max(s.each, s.all/len(s.pools)))
	}
}

// watcher is told how a run goes on.
type watcher interface {
	epoch(result.Epoch)
	step(train.Progress)
	done()
}

// cellsProgress shows the cells that run at a time as one count of epochs.
type cellsProgress struct {
	mu    sync.Mutex
	bar   *progress
	past  map[string]int // epochs that are past, by the cell's name
	total int            // epochs of all cells
}

func newCellsProgress(w io.Writer, quiet bool, rows []outcome) *cellsProgress {
	p := &cellsProgress{bar: newProgress(w, quiet), past: map[string]int{}}
	for _, r := range rows {
		p.total += r.Epochs
		if r.State == string(sweep.Skipped) {
			p.past[r.Name] = r.Epochs
		}
	}
	return p
}

// say prints a line between those of the progress.
func (p *cellsProgress) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bar.say(text)
}

// cellProgress tells of one cell.
type cellProgress struct {
	*cellsProgress
	name string
}

func (p cellProgress) epoch(result.Epoch) {}

func (p cellProgress) step(s train.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.past[p.name] = s.Epoch - 1
	past := 0
	for _, n := range p.past {
		past += n
	}
	p.bar.report("epochs of all cells", past, p.total)
}

func (p cellProgress) done() {}
