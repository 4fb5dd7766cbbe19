package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"memprobe/train/sweep"
)

// writeJobs prints the job array that runs this very sweep. The runs' folder is made:
// Slurm starts no job whose log it cannot write there.
func (o *sweepOptions) writeJobs(f *pflag.FlagSet, arg string) error {
	for _, name := range []string{"index", "jobs", "dry-run"} {
		if f.Changed(name) {
			return usagef("--%s does not go with --emit, which gives each cell a task", name)
		}
	}
	dir, err := filepath.Abs(o.out)
	if err != nil {
		return err
	}
	threads := o.threads
	if threads == 0 {
		threads = 2
	}
	words := []string{"memprobe", "sweep", arg, "--out", dir, "--threads", fmt.Sprint(threads)}
	f.Visit(func(flag *pflag.Flag) {
		switch flag.Name {
		case "emit", "out", "threads", "max-array":
		default:
			words = append(words, "--"+flag.Name+"="+flag.Value.String())
		}
	})
	job := sweep.Job{Words: words, Dir: dir, CPUs: threads, Most: o.most}
	if err := o.plan.Emit(o.std.out, o.emit, job); err != nil {
		return usagef("--emit %v", err)
	}
	if o.emit != "slurm" {
		return nil
	}
	return os.MkdirAll(dir, 0o755)
}
