package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/internal/show"
	"memprobe/internal/suggest"
	"memprobe/train"
	"memprobe/train/sweep"
)

var sweepCommand = command{
	name: "sweep", args: "PLAN.yaml | PRESET",
	about:   "trains and probes a grid of runs; what is finished is skipped, what is half done goes on",
	example: "memprobe sweep benign --scale small --data cifar10 --out runs && memprobe compare runs",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		o := &sweepOptions{settings: map[string]*settingFlag{}}
		f.StringVar(&o.scale, "scale", sweep.Small, "of a preset: "+scales())
		f.StringVar(&o.out, "out", "", "folder of the runs, one a cell (default PLAN-runs)")
		f.IntVarP(&o.jobs, "jobs", "j", 0,
			"cells at a time on this machine; 0: as many as share the threads evenly, as far as there are cells and memory")
		f.IntVar(&o.threads, "threads", 0, "threads of all cells together; 0 means one a CPU")
		f.IntVar(&o.index, "index", -1,
			"run this cell alone (default $SLURM_ARRAY_TASK_ID or $JOB_COMPLETION_INDEX; without them all)")
		f.StringVar(&o.emit, "emit", "", "print a job array instead: "+strings.Join(sweep.Clusters(), ", "))
		f.IntVar(&o.most, "max-array", 1000,
			"tasks that an array of --emit slurm may have; more cells are several arrays, which bash submits")
		f.BoolVar(&o.dry, "dry-run", false, "list the cells and the time that they may take")
		f.BoolVar(&o.json, "json", false, "print the cells as JSON instead of a table")
		f.BoolVar(&o.quiet, "quiet", false, "no progress")
		for _, field := range train.Fields() {
			o.settings[field.Key] = &settingFlag{list: field.List}
			f.Var(o.settings[field.Key], field.Key, "instead of the plan's: "+field.Help)
			if field.Type == "bool" {
				f.Lookup(field.Key).NoOptDefVal = "true"
			}
		}
		return func(ctx context.Context, args []string, std streams) error {
			if len(args) != 1 {
				return usagef("want one PLAN.yaml or PRESET (%s), got %q", strings.Join(sweep.Presets(), ", "), args)
			}
			return o.run(ctx, f, args[0], std)
		}
	},
}

// sweepOptions are the flags of sweep.
type sweepOptions struct {
	scale, out, emit     string
	jobs, threads, index int
	share                int // threads of a cell, see divide
	most                 int // tasks of a job array
	dry, json, quiet     bool
	settings             map[string]*settingFlag // by key of train.Config

	plan  *sweep.Plan
	cells []sweep.Cell // those to run
	// unable is why the first of the cells cannot run that the estimate found so.
	unable error
	std    streams
}

// settingFlag is a flag that gives a key of every cell's configuration a value.
type settingFlag struct {
	list  string // Field.List
	given []string
}

func (v *settingFlag) String() string { return strings.Join(v.given, v.list) }

func (v *settingFlag) Set(s string) error {
	if v.list == "" {
		v.given = nil
	}
	v.given = append(v.given, s)
	return nil
}

func (v *settingFlag) Type() string { return "string" }

func (o *sweepOptions) run(ctx context.Context, f *pflag.FlagSet, arg string, std streams) (err error) {
	o.std = std
	if o.jobs < 0 || o.threads < 0 {
		return usagef("--jobs %d, --threads %d: want at least 0", o.jobs, o.threads)
	}
	if f.Changed("index") && o.index < 0 {
		return usagef("--index is %d, want at least 0", o.index)
	}
	if o.most < 1 || f.Changed("max-array") && o.emit != "slurm" {
		return usagef("--max-array %d: want at least 1, and --emit slurm", o.most)
	}
	if o.plan, err = o.open(f, arg); err != nil {
		return err
	}
	if o.out == "" {
		o.out = o.plan.Name + "-runs"
	}
	if o.emit != "" {
		return o.writeJobs(f, arg)
	}
	if err := o.choose(); err != nil {
		return err
	}
	o.divide()
	if o.dry {
		return o.list(ctx)
	}
	return o.runCells(ctx)
}

// open reads the plan: a preset's name, or a file.
func (o *sweepOptions) open(f *pflag.FlagSet, arg string) (*sweep.Plan, error) {
	var settings []sweep.Setting
	for _, key := range train.Keys() {
		if f.Changed(key) {
			settings = append(settings, sweep.Setting{Key: key, Value: o.settings[key].String()})
		}
	}
	plan, err := o.parse(f, arg, settings)
	if e, ok := errors.AsType[*train.ConfigError](err); ok {
		if _, inPlan := errors.AsType[*sweep.PlanError](err); !inPlan {
			return nil, usagef("--%v", e)
		}
	}
	if e, ok := errors.AsType[*sweep.PlanError](err); ok {
		return nil, usagef("%v", e)
	}
	if err != nil {
		return nil, err
	}
	for _, c := range plan.Cells {
		if err := checkProbes(c.Config); err != nil {
			return nil, usagef("%s: %v", arg, err)
		}
	}
	return plan, nil
}

func (o *sweepOptions) parse(f *pflag.FlagSet, arg string, settings []sweep.Setting) (*sweep.Plan, error) {
	if slices.Contains(sweep.Presets(), arg) {
		if err := suggest.OneOf(o.scale, sweep.Scales()); err != nil {
			return nil, usagef("--scale %v", err)
		}
		return sweep.Preset(arg, o.scale, settings...)
	}
	if f.Changed("scale") {
		return nil, usagef("--scale goes with a preset (%s), not with the plan %s", strings.Join(sweep.Presets(), ", "), arg)
	}
	text, err := infile.Read(arg)
	if err != nil {
		if !strings.ContainsAny(arg, "./") {
			return nil, usagef("%q is neither a file nor a preset (%s)%s", arg, strings.Join(sweep.Presets(), ", "),
				suggest.DidYouMean(arg, sweep.Presets()))
		}
		return nil, fault.Wrap(arg, err)
	}
	name := strings.TrimSuffix(filepath.Base(arg), filepath.Ext(arg))
	return sweep.Parse(arg, name, text, settings...)
}

// choose takes all cells, or the one that --index or a job array's task asks for.
func (o *sweepOptions) choose() error {
	o.cells = o.plan.Cells
	index, one, err := o.index, o.index >= 0, error(nil)
	of := "--index"
	if !one {
		index, one, err = sweep.Index(os.Getenv)
		of = "the number of the job array's task"
	}
	switch {
	case err != nil:
		return usageError{err.Error()}
	case !one:
		return nil
	case index < 0 || index >= len(o.cells):
		return usagef("%s is %d, want 0 to %d", of, index, len(o.cells)-1)
	}
	o.cells = o.cells[index : index+1]
	return nil
}

// outcome is what is said of a cell.
type outcome struct {
	Index  int      `json:"index"`
	Name   string   `json:"name"`
	Label  string   `json:"label"`
	Dir    string   `json:"dir"`
	State  string   `json:"state"`
	Error  string   `json:"error,omitempty"`
	Time   *float64 `json:"estimated_seconds,omitempty"`
	Epochs int      `json:"epochs"`
}

func (o *sweepOptions) outcomes() []outcome {
	var out []outcome
	for _, c := range o.cells {
		dir := filepath.Join(o.out, c.Name)
		state := "new"
		if sweep.Finished(dir) {
			state = string(sweep.Skipped)
		} else if _, err := os.Stat(filepath.Join(dir, "run.json")); err == nil {
			state = "begun"
		}
		index := slices.IndexFunc(o.plan.Cells, func(p sweep.Cell) bool { return p.Name == c.Name })
		out = append(out, outcome{Index: index, Name: c.Name, Label: c.Label(), Dir: dir, State: state,
			Epochs: c.Config.Epochs})
	}
	return out
}

func (o *sweepOptions) print(rows []outcome) error {
	if o.json {
		e := json.NewEncoder(o.std.out)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	w := tabwriter.NewWriter(o.std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "index\tcell\tname\tepochs\tstate\tabout")
	for _, r := range rows {
		about := r.Error
		if r.Time != nil {
			about = duration(*r.Time)
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%s\n", r.Index, show.Name(r.Label), show.Name(r.Name), r.Epochs, r.State,
			show.Line(about))
	}
	return w.Flush()
}

func duration(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// longestFirst are the cells in the order in which they begin: where several run at a time
// those of the most epochs come first, so that no long one is left to run alone.
func (o *sweepOptions) longestFirst() []sweep.Cell {
	cells := slices.Clone(o.cells)
	if o.jobs > 1 {
		slices.SortStableFunc(cells, func(a, b sweep.Cell) int { return cmp.Compare(b.Config.Epochs, a.Config.Epochs) })
	}
	return cells
}

// runCells runs the cells and prints what became of them.
func (o *sweepOptions) runCells(ctx context.Context) error {
	rows := o.outcomes()
	if len(o.cells) > 1 && !o.quiet {
		var err error
		if rows, err = o.estimate(ctx); err != nil {
			return err
		}
		for i := range rows { // the cell itself will say it
			rows[i].Error = ""
		}
	}
	if err := o.plan.WriteList(ctx, o.out); err != nil {
		return err
	}
	bars := newCellsProgress(o.std.err, o.quiet, rows)
	threads := sharedThreads{all: o.threads, each: o.share}
	failed := 0
	err := sweep.Run(ctx, o.out, o.longestFirst(), sweep.Options{
		Jobs: o.jobs,
		Run: func(ctx context.Context, c *sweep.Cell, dir string) error {
			pool := threads.begin()
			defer threads.end(pool)
			var bar watcher = cellProgress{bars, c.Name}
			if o.jobs == 1 {
				bar = newTrainProgress(o.std.err, o.quiet)
			}
			defer bar.done()
			t := &training{dir: dir, config: c.Config, pool: pool, kin: o.out}
			_, err := t.run(ctx, bar)
			return err
		},
		Event: func(e sweep.Event) {
			i := slices.IndexFunc(rows, func(r outcome) bool { return r.Name == e.Cell.Name })
			rows[i].State = string(e.State)
			line := fmt.Sprintf("cell %d, %s: %s", rows[i].Index, e.Cell.Label(), e.State)
			if e.Err != nil {
				failed++
				rows[i].Error = e.Err.Error()
				line += ": " + rows[i].Error
			}
			switch {
			case !o.quiet:
				bars.say(show.Line(line))
			case e.Err != nil:
				fmt.Fprintln(o.std.err, show.Line(line))
			}
		},
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i := range rows {
		rows[i].Time = nil
	}
	if err := o.print(rows); err != nil {
		return err
	}
	switch {
	case len(rows) == 1:
		return err // with its own exit code
	case failed > 0:
		return fmt.Errorf("%d of %d cells failed; the others are in %s", failed, len(rows), o.out)
	}
	return err
}

// scales lists the scales of presets in words.
func scales() string {
	all := sweep.Scales()
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}
