package sweep

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/absent"
)

func TestEmit(t *testing.T) {
	p, err := Parse("plan.yaml", "My Plan", []byte("about: what for\ngrid: {seed: [0, 1, 2]}"))
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"memprobe", "sweep", "it's.yaml", "--out", "/runs/a b"}
	for cluster, wants := range map[string][]string{
		"slurm": {"#SBATCH --array=0-2\n", "#SBATCH --requeue\n", "#SBATCH --job-name=memprobe-my-plan\n",
			`memprobe sweep 'it'\''s.yaml' --out '/runs/a b' --index "$SLURM_ARRAY_TASK_ID" &`,
			"# 2: " + p.Cells[2].Name + " seed=2\n"},
		"kubernetes": {"completionMode: Indexed", "completions: 3\n",
			`command: ["memprobe", "sweep", "it's.yaml", "--out", "/runs/a b"]`, "name: memprobe-my-plan\n"},
		"shell": {`memprobe sweep 'it'\''s.yaml' --out '/runs/a b' --index 0 # ` + p.Cells[0].Name + " seed=0\n",
			"--index 2"},
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
	if err := p.Emit(&bytes.Buffer{}, "pbs", Job{Words: words, CPUs: 1, Most: 1000}); err == nil ||
		!strings.Contains(err.Error(), "slurm, kubernetes, shell") {
		t.Errorf("error %v", err)
	}
}

// Clusters that put something in for $(…) and % are told that words and folders mean themselves.
func TestEmitMeansWhatItSays(t *testing.T) {
	p, err := Parse("plan.yaml", "plan", []byte("about: what for\ngrid: {seed: [0, 1]}"))
	if err != nil {
		t.Fatal(err)
	}
	job := Job{Words: []string{"memprobe", "$(HOME)", "$$(HOME)"}, Dir: "/runs/100%a", CPUs: 1, Most: 1000, Task: "--shard", Of: "/2"}
	for cluster, want := range map[string]string{
		"kubernetes": `command: ["memprobe", "$$(HOME)", "$$$$(HOME)", "--shard", "$(JOB_COMPLETION_INDEX)/2"]`,
		"slurm":      "#SBATCH --output=/runs/100%%a/slurm-%A_%a.out\n",
		"shell":      "memprobe '$(HOME)' '$$(HOME)' --shard 1/2",
	} {
		var b bytes.Buffer
		if err := p.Emit(&b, cluster, job); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%s lacks %q, %v:\n%s", cluster, want, err, b.String())
		}
	}
}

// Clusters take neither every name nor a folder whose name is two lines.
func TestEmitOfOddNames(t *testing.T) {
	long := "memprobe-" + strings.Repeat("a", 41)
	for name, want := range map[string]string{"計画": "memprobe", "Ünit_2": "memprobe-nit-2", strings.Repeat("a", 300): long} {
		p, err := Parse("plan.yaml", name, []byte("grid: {seed: [0]}"))
		if err != nil {
			t.Fatal(err)
		}
		for cluster, line := range map[string]string{"kubernetes": "  name: ", "slurm": "#SBATCH --job-name="} {
			var b bytes.Buffer
			if err := p.Emit(&b, cluster, Job{Dir: "runs", CPUs: 1, Most: 1000}); err != nil ||
				!strings.Contains(b.String(), line+want+"\n") {
				t.Errorf("%s lacks %q, %v:\n%s", cluster, line+want, err, b.String())
			}
		}
		if err := p.Emit(&bytes.Buffer{}, "slurm", Job{Dir: "a\nb", CPUs: 1, Most: 1}); err == nil {
			t.Error("slurm: a folder of two lines")
		}
	}
}

// What a plan says of itself stays in its comment: no line of a job is a plan's.
func TestEmitKeepsCommentsInTheirLine(t *testing.T) {
	p, err := Parse("plan.yaml", "plan\nFORGED",
		[]byte(`{about: "what for\nFORGED\u2028\r\tFORGED", variants: [{name: "one\nFORGED"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	p.Cells = append(p.Cells, p.Cells[0])
	for i, cluster := range append(Clusters(), "slurm") {
		var b bytes.Buffer
		job := Job{Words: []string{"memprobe"}, Dir: "runs", CPUs: 1, Most: 1000}
		if i == len(Clusters()) {
			job.Most = 1 // two arrays
		}
		if err := p.Emit(&b, cluster, job); err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`(?m)^\s*FORGED|[\r\t\x{2028}]FORGED`).MatchString(b.String()) ||
			!strings.Contains(b.String(), `what for\nFORGED`) {
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
	if err := p.Emit(&b, "slurm", Job{Words: []string{"memprobe", "sweep", "plan.yaml"}, Dir: dir, CPUs: 1,
		Most: 3}); err != nil {
		t.Fatal(err)
	}
	// A scheduler that runs every task at once, and a command that says its index.
	for name, text := range map[string]string{
		"sbatch": "#!/bin/bash\njob=$(cat)\nexport ${2#--export=ALL,}\nfor i in $(seq ${1#--array=0-} -1 0); do " +
			"SLURM_ARRAY_TASK_ID=$i bash -c \"$job\"; done\n",
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
