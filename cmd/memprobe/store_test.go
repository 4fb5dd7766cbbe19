package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// probeOf runs analyze with some flags and returns probe.json and what was said.
func probeOf(t *testing.T, flags ...string) (probe, said string) {
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"analyze", malign, "--format", "png", "--draws", "1", "--batch", "16", "--out", dir}, flags...)
	code, _, said := runMemprobe(args...)
	if code != 0 {
		t.Fatalf("%q: exit %d: %s", args, code, said)
	}
	b, err := os.ReadFile(filepath.Join(dir, "probe.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b), said
}

// killsOr is how often a test kills: MEMPROBE_KILLS times, else n times, or less in short.
func killsOr(n int) int {
	if kills, err := strconv.Atoi(os.Getenv("MEMPROBE_KILLS")); err == nil {
		return kills
	}
	if testing.Short() {
		return min(n, 3)
	}
	return n
}

// Processes that are killed, four to a store, and two that run at once, leave what one makes.
func TestStoreOfManyProcesses(t *testing.T) {
	want, _ := probeOf(t, "--store", "none")
	for range (killsOr(4) + 3) / 4 {
		storeOfManyProcesses(t, want)
	}
}

func storeOfManyProcesses(t *testing.T, want string) {
	dir := t.TempDir()
	start := func(out string) *exec.Cmd {
		cmd := exec.Command("memprobe", "analyze", malign, "--format", "png", "--draws", "1", "--batch", "16",
			"--quiet", "--store", dir, "--out", out)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	for i := range 4 {
		cmd := start(t.TempDir())
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if entries, _ := filepath.Glob(filepath.Join(dir, "*", "locks")); len(entries) > min(i, 2) {
				break
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
	var both []*exec.Cmd
	outs := []string{t.TempDir(), t.TempDir()}
	for _, out := range outs {
		both = append(both, start(out))
	}
	for i, cmd := range both {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(outs[i], "probe.json")); err != nil || string(got) != want {
			t.Errorf("another result than without a store: %v", err)
		}
	}
	got, said := probeOf(t, "--store", dir)
	if got != want || !strings.Contains(said, "features: 12000 rows from the store, 0 through the network\n") {
		t.Errorf("the network ran again, or the result is another: %s", said)
	}
}

func TestStoreCommands(t *testing.T) {
	dir := t.TempDir()
	small := []string{"--train-limit", "300", "--test-limit", "100", "--store", dir}
	for _, shard := range []string{"1/2", "0/2"} {
		code, out, msg := runMemprobe(append([]string{"analyze", malign, "--draws", "1", "--batch", "16", "--shard", shard},
			small...)...)
		if code != 0 || out != "" || !strings.Contains(msg, " 0 rows from the store") {
			t.Fatalf("shard %s: exit %d, %q: %s", shard, code, out, msg)
		}
	}
	if _, said := probeOf(t, append(small, "--metric", "euclidean")...); !strings.Contains(said, " 0 through the network") {
		t.Errorf("after both shards the network runs: %s", said)
	}
	_, out, _ := runMemprobe("store", "list", "--store", dir)
	if strings.Count(out, " 100 % ") != 4 || !strings.Contains(out, "malign.onnx, trained: training images") {
		t.Errorf("the list is\n%s", out)
	}
	if code, out, _ := runMemprobe("store", "prune", "--store", dir); code != 0 ||
		!strings.HasPrefix(out, "4 entries of ") {
		t.Errorf("prune: exit %d, %s", code, out)
	}
	if _, out, _ = runMemprobe("store", "list", "--store", dir, "--json"); out != "[]\n" {
		t.Errorf("after prune the list is %s", out)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"list", "prune"} {
		if code, _, msg := runMemprobe("store", c, "--store", file); code != 2 || !strings.Contains(msg, "is no folder") {
			t.Errorf("store %s of a file: exit %d, %s", c, code, msg)
		}
		if code, _, msg := runMemprobe("store", c, "--store", file+"s"); code != 2 || !strings.Contains(msg, "is not there") {
			t.Errorf("store %s of nothing: exit %d, %s", c, code, msg)
		}
	}
}

// The lines of a job array fill the store: analyze then has nothing to compute.
func TestStoreJobs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	args := []string{"analyze", malign, "--store", dir, "--train-limit", "300", "--test-limit", "100", "--draws", "1",
		"--batch", "16", "--bank", "train"}
	code, script, msg := runMemprobe(append(args, "--shard", "2", "--emit", "shell")...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, msg)
	}
	if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	if _, said := probeOf(t, args[2:]...); !strings.Contains(said, " 0 through the network") {
		t.Errorf("after the jobs the network runs: %s", said)
	}
	for cluster, want := range map[string]string{"slurm": `--shard "$SLURM_ARRAY_TASK_ID/2" &`,
		"kubernetes": `"--shard", "$(JOB_COMPLETION_INDEX)/2"]`} {
		if _, out, _ := runMemprobe(append(args, "--shard", "2", "--emit", cluster)...); !strings.Contains(out, want) {
			t.Errorf("%s has no %s:\n%s", cluster, want, out)
		}
	}
	for _, flags := range [][]string{{"--emit", "pbs", "--shard", "2", "--store", dir},
		{"--emit", "shell", "--store", dir}, {"--emit", "shell", "--shard", "2"}} {
		if code, out, msg := runMemprobe(append([]string{"analyze", malign}, flags...)...); code != exitUsage || out != "" {
			t.Errorf("%q: exit %d: %s", flags, code, msg)
		}
	}
}

// A build without a version does not take features from a store that another build wrote.
func TestProgram(t *testing.T) {
	file, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sum, err := digest(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := program(); err != nil || stamp() == "" && !strings.Contains(got, sum) {
		t.Errorf("program %q, %v; want the executable's hash %s in it", got, err, sum)
	}
}

// What is not stored is said, also where progress is not wanted.
func TestQuietStore(t *testing.T) {
	code, _, msg := runMemprobe("analyze", malign, "--train-limit", "300", "--test-limit", "100", "--draws", "0", "--bank", "train",
		"--format", "png", "--quiet", "--store", t.TempDir(), "--store-limit", "1KiB", "--out", t.TempDir())
	if code != 0 || !strings.HasPrefix(msg, "memprobe: note: features of ") || strings.Contains(msg, "through the network") {
		t.Errorf("exit %d: %s", code, msg)
	}
}

// Without a store that is named, what is computed in no time is not kept.
func TestDefaultStore(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	probeOf(t, "--train-limit", "300", "--test-limit", "100")
	if files, err := os.ReadDir(cache); err != nil || len(files) > 0 {
		t.Errorf("the cache has %v, want nothing: %v", files, err)
	}
	got, _ := probeOf(t, "--train-limit", "300", "--test-limit", "100", "--store-type", "float16")
	if !strings.Contains(got, `"features": "float16"`) {
		t.Error("the settings do not say that features are rounded")
	}
	if found, _ := filepath.Glob(filepath.Join(cache, "*", "features", "*", "used")); len(found) == 0 {
		found, _ = filepath.Glob(filepath.Join(cache, "*", "*", "memprobe", "features", "*", "used")) // macOS
		if len(found) == 0 {
			t.Error("what is asked for is not kept")
		}
	}
}

func TestStoreFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{{"--shard", "2/2"}, {"--shard", "1"}, {"--shard", "-1/2"}, {"--shard", ""},
		{"--shard", "2999999999/3000000000"}, {"--store-type", "int8"}, {"--store", "none", "--shard", "0/2"}, {"--store", ""},
		{"--store", file}, {"--store", filepath.Join(file, "sub")}, {"--store-limit", "much"}} {
		code, _, msg := runMemprobe(append([]string{"analyze", malign}, flags...)...)
		if code != exitUsage || strings.Count(msg, "\n") != 1 || !strings.Contains(msg, flags[0]) {
			t.Errorf("%q: exit %d: %s", flags, code, msg)
		}
	}
}
