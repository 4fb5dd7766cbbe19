package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"memprobe/internal/filelock"
	"memprobe/probe/result"
)

// State is what became of a cell.
type State string

// The states of a cell, in the order in which it passes through them.
const (
	Waiting  State = "waiting"  // another process works on it
	Skipped  State = "finished" // was so before
	Started  State = "started"
	Resumed  State = "resumed" // started on what is there
	Done     State = "done"
	Failed   State = "failed"
	Canceled State = "interrupted"
)

// Event tells that a cell passed into a state.
type Event struct {
	Cell  *Cell
	State State
	Err   error // where it failed
}

// Options say how cells are run.
type Options struct {
	// Run trains and probes a cell in its folder, or goes on with what is there.
	// The cell is finished once the folder's run.json says so.
	Run  func(ctx context.Context, c *Cell, dir string) error
	Jobs int // cells at a time; 0 means 1
	// Event, if not nil, is told of every change, one call at a time.
	Event func(Event)
}

// poll is the time between two looks at a cell that another process works on.
const poll = time.Second

// Run runs the cells in folders of dir that are named as they are. A cell that
// another process works on is put off to the end and then waited for. The failure
// of one does not stop the others: the error joins them all, each with the cell's
// label. When ctx is done, cells that have not begun do not, and the error is its.
func Run(ctx context.Context, dir string, cells []Cell, o Options) error {
	r := &runs{Options: o, dir: dir, errs: make([]error, len(cells))}
	for i := range cells {
		r.queue = append(r.queue, i)
	}
	var wait sync.WaitGroup
	for range max(1, min(o.Jobs, len(cells))) {
		wait.Go(func() {
			for {
				i, ok := r.next()
				if !ok || ctx.Err() != nil {
					return
				}
				// A cell that is put off may be another worker's by the time that this
				// one hears of it: only a failure, which ends a cell, is written down.
				if err := r.cell(ctx, &cells[i], i); err != nil {
					r.errs[i] = err
				}
			}
		})
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(r.errs...)
}

// runs is a sweep in progress.
type runs struct {
	Options
	dir  string
	errs []error

	mu      sync.Mutex
	queue   []int // cells that nobody here works on
	put     []int // of them, those that have been put off
	telling sync.Mutex
}

func (r *runs) next() (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return 0, false
	}
	i := r.queue[0]
	r.queue = r.queue[1:]
	return i, true
}

// putOff moves a cell to the end of the queue; again tells that it was there before.
func (r *runs) putOff(i int) (again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	again = slices.Contains(r.put, i)
	if !again {
		r.put = append(r.put, i)
	}
	r.queue = append(r.queue, i)
	return again
}

func (r *runs) tell(c *Cell, s State, err error) {
	if r.Event != nil {
		r.telling.Lock()
		defer r.telling.Unlock()
		r.Event(Event{c, s, err})
	}
}

// cell runs one cell, if it is not finished and nobody else does.
func (r *runs) cell(ctx context.Context, c *Cell, i int) error {
	dir := filepath.Join(r.dir, c.Name)
	lock, err := filelock.TryLock(filepath.Join(r.dir, ".locks", c.Name))
	if err != nil {
		return fmt.Errorf("cell %q: %w", c.Label(), err)
	}
	if lock == nil {
		if again := r.putOff(i); !again {
			r.tell(c, Waiting, nil)
		} else {
			select {
			case <-ctx.Done():
			case <-time.After(poll):
			}
		}
		return nil
	}
	defer lock.Unlock()
	if Finished(dir) {
		r.tell(c, Skipped, nil)
		return nil
	}
	state := Started
	if _, err := os.Stat(filepath.Join(dir, "run.json")); err == nil {
		state = Resumed
	}
	r.tell(c, state, nil)
	err = r.Run(ctx, c, dir)
	switch {
	case err == nil:
		r.tell(c, Done, nil)
		return nil
	case ctx.Err() != nil:
		r.tell(c, Canceled, nil)
		return nil
	}
	r.tell(c, Failed, err)
	return fmt.Errorf("cell %q in %s: %w", c.Label(), dir, err)
}

// Finished reports whether a folder holds a finished run.
func Finished(dir string) bool {
	run, err := result.ReadRun(filepath.Join(dir, "run.json"))
	return err == nil && run.Finished
}
