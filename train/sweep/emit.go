package sweep

import (
	"embed"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"memprobe/internal/show"
	"memprobe/internal/suggest"
)

//go:embed jobs/*.tmpl
var jobs embed.FS

// Clusters are the systems that Emit writes job arrays for.
func Clusters() []string { return []string{"slurm", "kubernetes", "shell"} }

// Job is what a job array runs.
type Job struct {
	Words []string // the command that runs the sweep in Dir, without its index
	Dir   string   // where Slurm writes its logs too: it must exist when a job begins
	CPUs  int      // of a cell
	Most  int      // tasks that an array of Slurm may have
	Task  string   // the flag that takes the number of a cell; "": --index
	Of    string   // what follows the number
}

// array is a job array of Slurm: cell First and those behind it, by their distance.
type array struct {
	First int
	Tasks string
}

// arrays cuts the cells into arrays of at most so many tasks.
func (p *Plan) arrays(most int) []array {
	var out []array
	for first := 0; first < len(p.Cells); first += most {
		out = append(out, array{first, fmt.Sprintf("0-%d", min(most, len(p.Cells)-first)-1)})
	}
	return out
}

// Emit writes the job array that runs a plan's cells, an index each.
func (p *Plan) Emit(w io.Writer, cluster string, job Job) error {
	if err := suggest.OneOf(cluster, Clusters()); err != nil {
		return err
	}
	if cluster == "slurm" && strings.ContainsAny(job.Dir, "\r\n") {
		return fmt.Errorf("slurm: the folder %q has a line break, which a directive of Slurm cannot name", job.Dir)
	}
	t, err := template.New(cluster+".tmpl").Funcs(template.FuncMap{"quote": quote, "line": show.Line}).
		ParseFS(jobs, "jobs/"+cluster+".tmpl")
	if err != nil {
		return err
	}
	words, quoted := make([]string, len(job.Words)), make([]string, len(job.Words))
	for i, word := range job.Words {
		words[i], quoted[i] = strings.ReplaceAll(word, "$", "$$"), quote(word) // Kubernetes puts variables in for $(…)
	}
	if job.Task == "" {
		job.Task = "--index" // which a task of Kubernetes finds itself
	} else {
		words = append(words, job.Task, "$(JOB_COMPLETION_INDEX)"+job.Of)
	}
	arrays := p.arrays(job.Most)
	return t.Execute(w, map[string]any{
		"Plan": p.Name, "About": p.About, "Cells": p.Cells, "Job": jobName(p.Name), "CPUs": job.CPUs,
		"Arrays": arrays, "Whole": len(arrays) == 1,
		"Dir": job.Dir, "Logs": filepath.Join(strings.ReplaceAll(job.Dir, "%", "%%"), "slurm-%A_%a.out"), "Words": words, "Task": job.Task,
		"Of": job.Of, "Command": strings.Join(quoted, " "),
	})
}

// jobName is a plan's name as clusters allow it: lower-case letters, digits and dashes, and
// so short that a label of Kubernetes, 63 characters, holds it with a task's number.
func jobName(name string) string {
	name = regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString("memprobe-"+strings.ToLower(name), "-")
	return strings.TrimRight(name[:min(len(name), 50)], "-")
}

// quote makes a word of a shell's command line.
func quote(s string) string {
	if regexp.MustCompile(`^[A-Za-z0-9_./:=,@%+-]+$`).MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Index is the cell that a task of a job array is to run: the value of
// SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX. ok is false outside of one.
func Index(getenv func(string) string) (index int, ok bool, err error) {
	for _, v := range []string{"SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"} {
		if s := getenv(v); s != "" {
			index, err = strconv.Atoi(s)
			if err != nil {
				err = fmt.Errorf("%s is %q, want a number", v, s)
			}
			return index, err == nil, err
		}
	}
	return 0, false, nil
}
