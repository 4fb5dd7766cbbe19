package main

import (
	"io"
	"runtime"
	"sync"

	"memprobe/internal/memory"
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
	all := o.threads
	if all == 0 {
		all = runtime.GOMAXPROCS(0)
	}
	if o.jobs == 0 {
		o.jobs = max(1, min(all, len(o.cells), int(memory.Left()/cellMemory)))
		for all%o.jobs != 0 {
			o.jobs--
		}
	}
	o.share = max(1, all/o.jobs)
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
