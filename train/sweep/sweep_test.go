package sweep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"memprobe/internal/absent"
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

func TestParse(t *testing.T) {
	p, err := Parse("plan.yaml", "plan", []byte(plan), Setting{"batch", "32"}, Setting{"arch", "cnn"})
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, c := range p.Cells {
		labels = append(labels, c.Label())
		if c.Config.Batch != 32 || c.Config.Arch != "cnn" {
			t.Errorf("%s: batch %d of %s, want the settings'", c.Label(), c.Config.Batch, c.Config.Arch)
		}
	}
	want := []string{"plain seed=1 lr=0.1", "plain seed=1 lr=0.01", "plain seed=2 lr=0.1", "plain seed=2 lr=0.01",
		"augmented seed=1 lr=0.1", "augmented seed=1 lr=0.01", "augmented seed=2 lr=0.1", "augmented seed=2 lr=0.01"}
	if !slices.Equal(labels, want) {
		t.Errorf("cells %q, want %q", labels, want)
	}
	if c := p.Cells[7].Config; c.Augment != "crop-flip" || c.Epochs != 5 || c.Seed != 2 || c.LR != 0.01 {
		t.Errorf("last cell is %+v", c)
	}
	// The name is the configuration's, whatever plan it is in.
	again, err := Parse("other.yaml", "other", []byte("base: {arch: cnn, epochs: 3, batch: 32, seed: 2, lr: 0.1}"))
	if err != nil {
		t.Fatal(err)
	}
	if again.Cells[0].Name != p.Cells[2].Name {
		t.Errorf("the same configuration is named %s and %s", again.Cells[0].Name, p.Cells[2].Name)
	}
	if p.Cells[2].Name == p.Cells[3].Name {
		t.Error("two configurations have one name")
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "plan.yaml: is empty or several documents, want one plan",
		"a: [":                                  "plan.yaml:1: is no YAML: a bracket or a brace is not closed",
		"a: {b: 1":                              "plan.yaml:1: is no YAML: a bracket or a brace is not closed",
		"a: \"b":                                "plan.yaml:1: is no YAML: a quote is not closed",
		"base:\n\tarch: mlp":                    "plan.yaml:2: is no YAML: a tab indents, want spaces",
		"- a":                                   "plan.yaml:1: the plan is a list, want keys with values",
		"base: {}\nrid: {}":                     "plan.yaml:2: rid: unknown, want about, base, variants or grid",
		"base:\n  archh: mlp":                   "plan.yaml:2: archh: unknown; did you mean arch?",
		"base:\n  lr: 1\n  arch: alexnet":       `plan.yaml:3: arch: "alexnet", want one of resnet8`,
		"base:\n  epochs: [1, 2]":               "plan.yaml:2: epochs: is a list, want a single value",
		"base:\n  epochs:":                      "plan.yaml:2: epochs: is empty, want a single value",
		"grid:\n  seed: 3":                      "plan.yaml:2: seed: is the value 3, want a list of values",
		"grid:\n  seed: []":                     "plan.yaml:2: seed: is a list, want a list of values",
		"grid:\n  seed:\n  - 1\n  - x":          `plan.yaml:4: seed: "x", want a whole number`,
		"variants:\n- arch: mlp":                `plan.yaml:2: variants: a variant is named "", want a name of its own`,
		"variants:\n- name: a\n- name: a":       `plan.yaml:3: variants: a variant is named "a"`,
		"variants: {}":                          "plan.yaml:1: variants: is a mapping, want a list",
		"variants:\n- name: a\n- name: b":       `plan.yaml: cells "a" and "b" are the same run`,
		"grid: {seed: [1, 1]}":                  "are the same run",
		"base: {labels: per-view}":              "labels per-view wants views above 0",
		"grid:\n  batch: [2]":                   `batch 7, but the plan plan varies it: leave it out`,
		"base: {arch: mlp}\nbase: {arch: mlp}":  `plan.yaml:2: the key "base" is there twice`,
		"base:\n  arch: mlp\n  arch: cnn":       `plan.yaml:3: the key "arch" is there twice`,
		"base: {<<: *x}":                        "plan.yaml:1: alias *x, but no anchor &x comes before it",
		"x: !!binary aGk=":                      "unknown",
		"base: {seed: 99999999999999999999999}": "seed",
	} {
		_, err := Parse("plan.yaml", "plan", []byte(text), Setting{"batch", 7})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %q has several lines", text, err)
		}
	}
	huge := "grid:\n  seed: [" + strings.Repeat("1,", 200) + "2]\n  lr: [" + strings.Repeat("0.1,", 200) + "0.2]"
	if _, err := Parse("plan.yaml", "plan", []byte(huge)); err == nil || !strings.Contains(err.Error(), "more than 10000 cells") {
		t.Errorf("error %v, want one about too many cells", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(plan)
	f.Add("base: &a {lr: 1}\ngrid: *a")
	f.Fuzz(func(t *testing.T, text string) { Parse("plan.yaml", "plan", []byte(text)) })
}

func TestPresets(t *testing.T) {
	for _, name := range Presets() {
		for _, scale := range Scales() {
			p, err := Preset(name, scale)
			if err != nil {
				t.Error(err)
			} else if len(p.Cells) < 3 || p.About == "" {
				t.Errorf("%s %s: %d cells about %q", name, scale, len(p.Cells), p.About)
			}
		}
	}
	if len(Presets()) != 8 {
		t.Errorf("presets %v, want 8", Presets())
	}
	if _, err := Preset("benign", "huge"); err == nil || !strings.Contains(err.Error(), "small, medium, paper") {
		t.Errorf("error %v", err)
	}
}

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
	if err := Run(t.Context(), dir, p.Cells, o); !errors.Is(err, broken) || !strings.Contains(err.Error(), `cell "seed=2"`) {
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

func TestEmit(t *testing.T) {
	p, err := Parse("plan.yaml", "My Plan", []byte("about: what for\ngrid: {seed: [0, 1, 2]}"))
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"memprobe", "sweep", "it's.yaml", "--out", "/runs/a b"}
	for cluster, wants := range map[string][]string{
		"slurm":      {"#SBATCH --array=0-2\n", "#SBATCH --requeue\n", "#SBATCH --job-name=memprobe-my-plan\n", `memprobe sweep 'it'\''s.yaml' --out '/runs/a b' --index "$SLURM_ARRAY_TASK_ID" &`, "# 2: " + p.Cells[2].Name + " seed=2\n"},
		"kubernetes": {"completionMode: Indexed", "completions: 3\n", `command: ["memprobe", "sweep", "it's.yaml", "--out", "/runs/a b"]`, "name: memprobe-my-plan\n"},
		"shell":      {`memprobe sweep 'it'\''s.yaml' --out '/runs/a b' --index 0 # ` + p.Cells[0].Name + " seed=0\n", "--index 2"},
	} {
		var b bytes.Buffer
		if err := p.Emit(&b, cluster, Job{Words: words, Dir: "/runs/a b", CPUs: 4, Most: 1000}); err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s lacks %q:\n%s", cluster, want, b.String())
			}
		}
	}
	if err := p.Emit(&bytes.Buffer{}, "pbs", Job{Words: words, CPUs: 1, Most: 1000}); err == nil || !strings.Contains(err.Error(), "slurm, kubernetes, shell") {
		t.Errorf("error %v", err)
	}
}

// What a plan says of itself stays in its comment: no line of a job is a plan's.
func TestEmitKeepsCommentsInTheirLine(t *testing.T) {
	p, err := Parse("plan.yaml", "plan", []byte(`{about: "what for\nFORGED\u2028\r\tFORGED", variants: [{name: "one\nFORGED"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range Clusters() {
		var b bytes.Buffer
		if err := p.Emit(&b, cluster, Job{Words: []string{"memprobe"}, Dir: "runs", CPUs: 1, Most: 1000}); err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`(?m)^\s*FORGED|[\r\t\x{2028}]FORGED`).MatchString(b.String()) || !strings.Contains(b.String(), `what for\nFORGED`) {
			t.Errorf("%s:\n%s", cluster, b.String())
		}
	}
}

// Seven cells in arrays of three, submitted by bash, are run once each.
func TestEmitSeveralArrays(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		absent.Skip(t, "no bash here: %v", err)
	}
	p, err := Parse("plan.yaml", "plan", []byte("grid: {seed: [0, 1, 2, 3, 4, 5, 6]}"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var b bytes.Buffer
	if err := p.Emit(&b, "slurm", Job{Words: []string{"memprobe", "sweep", "plan.yaml"}, Dir: dir, CPUs: 1, Most: 3}); err != nil {
		t.Fatal(err)
	}
	// A scheduler that runs every task at once, and a command that says its index.
	for name, text := range map[string]string{
		"sbatch":   "#!/bin/bash\njob=$(cat)\nexport ${2#--export=ALL,}\nfor i in $(seq ${1#--array=0-} -1 0); do SLURM_ARRAY_TASK_ID=$i bash -c \"$job\"; done\n",
		"memprobe": "#!/bin/bash\necho \"$@\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(bash)
	c.Stdin, c.Env = &b, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(lines)
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprintf("sweep plan.yaml --index %d", i))
	}
	if !slices.Equal(lines, want) {
		t.Errorf("ran %q, want %q", lines, want)
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
