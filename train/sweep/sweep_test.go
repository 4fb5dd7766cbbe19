package sweep

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"memprobe/internal/filelock"
	"memprobe/probe/result"
)

const plan = `
about: an example
base:
  arch: mlp
  epochs: 3
variants:
  - name: plain
  - name: augmented
    augment: crop-flip
    epochs: 5
grid:
  seed: [1, 2]
  lr: [0.1, 0.01]
`

// finish writes what a run leaves behind.
func finish(dir string, c *Cell) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return (&result.Run{Config: c.Config.Map(), Finished: true}).WriteFile(filepath.Join(dir, "run.json"))
}

func TestRun(t *testing.T) {
	p, err := Parse("plan.yaml", "plan", []byte("grid: {seed: [0, 1, 2, 3, 4, 5]}"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	broken := errors.New("broken")
	var mu sync.Mutex
	ran := map[uint64]int{}
	o := Options{Jobs: 3, Run: func(_ context.Context, c *Cell, dir string) error {
		mu.Lock()
		defer mu.Unlock()
		ran[c.Config.Seed]++
		if c.Config.Seed == 2 && ran[2] == 1 {
			return broken
		}
		return finish(dir, c)
	}}
	if err := Run(t.Context(), dir, p.Cells, o); !errors.Is(err, broken) ||
		!strings.Contains(err.Error(), `cell "seed=2"`) {
		t.Errorf("error %v, want that of the broken cell", err)
	}
	var states []State
	o.Event = func(e Event) { states = append(states, e.State) }
	if err := Run(t.Context(), dir, p.Cells, o); err != nil {
		t.Error(err)
	}
	for seed := range uint64(6) {
		want := 1
		if seed == 2 {
			want = 2
		}
		if ran[seed] != want {
			t.Errorf("seed %d ran %d times, want %d", seed, ran[seed], want)
		}
	}
	slices.Sort(states)
	if want := []State{Done, Skipped, Skipped, Skipped, Skipped, Skipped, Started}; !slices.Equal(states, want) {
		t.Errorf("states of the second sweep %v, want %v", states, want)
	}
}

// Of several sweeps of one folder, each cell is run by one.
func TestRunTogether(t *testing.T) {
	p, err := Parse("plan.yaml", "plan", []byte("grid: {seed: [0, 1, 2, 3, 4, 5, 6, 7]}"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var mu sync.Mutex
	ran, active := map[string]int{}, map[string]bool{}
	o := Options{Jobs: 2, Run: func(_ context.Context, c *Cell, dir string) error {
		mu.Lock()
		if active[c.Name] {
			t.Errorf("%s runs twice at a time", c.Label())
		}
		ran[c.Name]++
		active[c.Name] = true
		mu.Unlock()
		err := finish(dir, c)
		mu.Lock()
		active[c.Name] = false
		mu.Unlock()
		return err
	}}
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			if err := Run(t.Context(), dir, p.Cells, o); err != nil {
				t.Error(err)
			}
			if err := p.WriteList(t.Context(), dir); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, c := range p.Cells {
		if ran[c.Name] != 1 {
			t.Errorf("%s ran %d times", c.Label(), ran[c.Name])
		}
	}
	list, err := readList(filepath.Join(dir, "sweep.json"))
	if err != nil || len(list.Cells) != len(p.Cells) {
		t.Errorf("list of %d cells, %v", len(list.Cells), err)
	}
}

// A cell that another process holds is waited for, and not run again.
func TestRunWaits(t *testing.T) {
	p, err := Parse("plan.yaml", "plan", []byte("grid: {seed: [0, 1]}"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	held := &p.Cells[0]
	lock, err := filelock.TryLock(filepath.Join(dir, ".locks", held.Name))
	if err != nil {
		t.Fatal(err)
	}
	var ran, waited []string
	o := Options{
		Run: func(_ context.Context, c *Cell, dir string) error {
			ran = append(ran, c.Label())
			return finish(dir, c)
		},
		Event: func(e Event) {
			switch e.State {
			case Waiting:
				waited = append(waited, e.Cell.Label())
			case Done: // the other one is done: now the holder finishes too
				if err := finish(filepath.Join(dir, held.Name), held); err != nil {
					t.Error(err)
				}
				lock.Unlock()
			}
		},
	}
	if err := Run(t.Context(), dir, p.Cells, o); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(ran, []string{"seed=1"}) || !slices.Equal(waited, []string{"seed=0"}) {
		t.Errorf("ran %v and waited for %v", ran, waited)
	}
}

func TestRunInterrupted(t *testing.T) {
	p, err := Parse("plan.yaml", "plan", []byte("grid: {seed: [0, 1, 2]}"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := 0
	err = Run(ctx, t.TempDir(), p.Cells, Options{Run: func(ctx context.Context, c *Cell, dir string) error {
		ran++
		stop()
		return ctx.Err()
	}})
	if !errors.Is(err, context.Canceled) || ran != 1 {
		t.Errorf("error %v after %d cells, want an interruption after 1", err, ran)
	}
}

func TestIndex(t *testing.T) {
	for env, want := range map[string]int{"SLURM_ARRAY_TASK_ID": 7, "JOB_COMPLETION_INDEX": 0} {
		i, ok, err := Index(func(k string) string {
			if k == env {
				return map[int]string{7: "7", 0: "0"}[want]
			}
			return ""
		})
		if i != want || !ok || err != nil {
			t.Errorf("%s: %d, %v, %v", env, i, ok, err)
		}
	}
	if _, ok, err := Index(func(string) string { return "" }); ok || err != nil {
		t.Errorf("outside of a job array: %v, %v", ok, err)
	}
	if _, _, err := Index(func(string) string { return "x" }); err == nil {
		t.Error("no error for a variable that is no number")
	}
}

// A worker that hears late that it put a cell off does not undo what another worker
// has written down of it. The race detector sees it where the failure is not lost.
func TestRunKeepsFailures(t *testing.T) {
	p, err := Parse("plan.yaml", "plan", []byte("grid: {seed: [0, 1]}"))
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	for range 100 {
		dir := t.TempDir()
		lock, err := filelock.TryLock(filepath.Join(dir, ".locks", p.Cells[0].Name))
		if err != nil {
			t.Fatal(err)
		}
		err = Run(t.Context(), dir, p.Cells, Options{
			Jobs: 2,
			Run: func(_ context.Context, c *Cell, dir string) error {
				if c.Config.Seed == 0 {
					return broken
				}
				return finish(dir, c)
			},
			Event: func(e Event) {
				if e.State == Waiting {
					lock.Unlock()
				}
			},
		})
		if !errors.Is(err, broken) {
			t.Fatal("a cell's failure is lost")
		}
	}
}
