package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"memprobe/internal/kernel/cpu"
	"memprobe/internal/memory"
	"memprobe/internal/show"
	"memprobe/probe/store"
	"memprobe/train/sweep"
)

const (
	noStore   = "none"
	maxShards = 1000
	// leastWork is a few seconds of a core: features of less are not kept unless a store
	// is named.
	leastWork = 200e9
)

// storeOptions are the flags that say where features are kept.
type storeOptions struct {
	dir, kind, shard, emit string
	limit                  memory.Size
	f                      *pflag.FlagSet
}

func (o *storeOptions) flags(f *pflag.FlagSet) {
	o.f = f
	storeFlag(f, &o.dir)
	f.Var(&o.limit, "store-limit", "what the store may hold; the entries used least lately go (default 10GiB)")
	f.StringVar(&o.kind, "store-type", string(store.Float32), "float32, or float16: half the size, features rounded")
	f.StringVar(&o.shard, "shard", "",
		"I/N: fill the store with part I, from 0, of the images cut into N, and report nothing; with --emit: N")
	f.StringVar(&o.emit, "emit", "", "print the job array of --shard N instead: "+strings.Join(sweep.Clusters(), ", "))
}

func storeFlag(f *pflag.FlagSet, dir *string) {
	f.StringVar(dir, "store", "",
		"folder that keeps features, so that a network sees an image once; none: keep none; default: in the user's cache, for what takes seconds")
}

// open opens the store; nil for none.
func (o *storeOptions) open(note func(text string)) (*store.Store, error) {
	kind, err := store.ParseType(o.kind)
	if err != nil {
		return nil, usagef("--store-type: %v", err)
	}
	if o.dir == noStore {
		if kind != store.Float32 || o.shard != "" {
			return nil, usagef("--store none keeps nothing: --store-type %s and --shard %q want a store", kind, o.shard)
		}
		return nil, nil
	}
	so := store.Options{Limit: int64(o.limit), Type: kind, Note: note}
	if o.dir != "" {
		return store.New(o.dir, so), checkStore(o.dir)
	}
	if o.shard == "" && kind == store.Float32 {
		so.Least = leastWork
	}
	s, err := defaultStore(so)
	if err != nil && so.Least > 0 {
		return nil, nil // nobody asked for it
	}
	return s, err
}

// noFolder tells that a path is not that of a folder, which need not be there.
func noFolder(dir string) bool {
	about, err := os.Stat(dir)
	return err == nil && !about.IsDir() || errors.Is(err, syscall.ENOTDIR)
}

// checkOut holds the path of --out to being that of a folder, before anything is computed.
func checkOut(dir string) error {
	if noFolder(dir) {
		return fmt.Errorf("--out %s: is no folder", dir)
	}
	return nil
}

// checkStore holds the path of --store to being that of a folder.
func checkStore(dir string) error {
	if noFolder(dir) {
		return usagef("--store %s: is no folder", dir)
	}
	return nil
}

func defaultStore(o store.Options) (*store.Store, error) {
	dir, err := store.DefaultDir()
	return store.New(dir, o), err
}

// share reads --shard; ok is false where it is not given.
func (o *storeOptions) share() (s store.Share, ok bool, err error) {
	if !o.f.Changed("shard") {
		return s, false, nil
	}
	index, of, found := strings.Cut(o.shard, "/")
	i, errI := strconv.ParseInt(index, 10, 32)
	n, errN := strconv.ParseInt(of, 10, 32)
	if !found || errI != nil || errN != nil || i < 0 || i >= n {
		return s, false, usagef("--shard is %q, want I/N with I from 0 to N-1", o.shard)
	}
	return store.Share{Index: int(i), Of: int(n)}, true, nil
}

// writeJobs prints the job array that fills the store, a part of the images a task.
func (o *storeOptions) writeJobs(arg string, threads int, std streams) error {
	n, err := strconv.Atoi(o.shard)
	if err != nil || n < 1 || n > maxShards || o.dir == "" || o.dir == noStore {
		return usagef("--emit with --shard %q and --store %q: want 1 to %d parts, and a folder that all machines see",
			o.shard, o.dir, maxShards)
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	if threads == 0 {
		threads = 2
	}
	words := []string{"memprobe", "analyze", arg, "--store", dir, "--threads", strconv.Itoa(threads)}
	o.f.Visit(func(flag *pflag.Flag) {
		switch flag.Name {
		case "emit", "shard", "store", "threads", "out", "format", "json", "columns":
		default:
			value := flag.Value.String()
			if list, ok := flag.Value.(pflag.SliceValue); ok {
				value = strings.Join(list.GetSlice(), ",")
			}
			words = append(words, "--"+flag.Name+"="+value)
		}
	})
	p := sweep.Plan{Name: "features", About: "features of " + show.Line(arg) +
		"; memprobe analyze with the same --store puts them together", Cells: make([]sweep.Cell, n)}
	for i := range p.Cells {
		p.Cells[i] = sweep.Cell{Name: fmt.Sprintf("part %d", i), Point: []string{fmt.Sprintf("of %d", n)}}
	}
	job := sweep.Job{Words: words, Dir: dir, CPUs: threads, Most: maxShards, Task: "--shard", Of: fmt.Sprintf("/%d", n)}
	if err := p.Emit(std.out, o.emit, job); err != nil {
		return usagef("--emit %v", err)
	}
	return os.MkdirAll(dir, 0o755) // Slurm writes its logs there
}

// program is what features depend on beside model and images: the version that the build
// records, or the executable's hash where it records none or that the sources were changed,
// since two such builds need not compute the same bits. The kernels in assembly compute the
// same on all processors that have them.
func program() (string, error) {
	kernels := cpu.ISA()
	if strings.HasPrefix(kernels, "avx") {
		kernels = "avx"
	}
	build := stamp()
	if build == "" || strings.HasSuffix(build, "+dirty") {
		file, err := os.Executable()
		if err == nil {
			build, err = digest(file)
		}
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("memprobe %s %s %s", build, runtime.GOARCH, kernels), nil
}
