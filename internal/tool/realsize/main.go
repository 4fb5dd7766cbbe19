// Command realsize probes a ResNet-50 on pictures of 224x224 and kills it on the way:
//
//	go build -o memprobe ./cmd/memprobe
//	go run ./internal/tool/realsize --program ./memprobe --dir DIR [--kills 10] [--seed N]
//
// In DIR it writes an untrained ResNet-50 and pictures, and has the program analyse it with
// all outputs of blocks. A first run keeps its features in a store; a
// second finds all of them there, and asks the network for nothing; a third, with a store of
// its own, is killed at random moments, all along its way, and begun again until it has
// survived. It must find rows that the killed ones kept, and end with the bytes of the first
// one's probe.json. It prints a JSON line a run, with the rows that its store had when it
// began and the peak of its resident memory, and exits with 1 where one of this is not so or
// a run holds more than --memory.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"memprobe/internal/memory"
	"memprobe/probe/store"
	"memprobe/train/zoo"
)

const classes = 8

type options struct {
	program, dir, flags      string
	train, test, kills, draw int
	seed                     uint64
	memory                   memory.Size
}

func main() {
	o := options{memory: 1536 << 20}
	flags := pflag.NewFlagSet("realsize", pflag.ContinueOnError)
	flags.StringVar(&o.program, "program", "./memprobe", "what is run")
	flags.StringVar(&o.dir, "dir", "", "folder for the network, the stores and the reports")
	flags.StringVar(&o.flags, "flags", "", "further flags of analyze")
	flags.IntVar(&o.train, "train", 1600, "training images")
	flags.IntVar(&o.test, "test", 400, "test images")
	flags.IntVar(&o.kills, "kills", 10, "of the third run")
	flags.IntVar(&o.draw, "draws", 1, "untrained networks")
	flags.Uint64Var(&o.seed, "seed", 1, "of the moments")
	flags.Var(&o.memory, "memory", "that a run may hold")
	if err := flags.Parse(os.Args[1:]); err != nil || flags.NArg() > 0 || o.dir == "" {
		fmt.Fprintf(os.Stderr, "realsize: want --dir: %v\n%s", err, flags.FlagUsages())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "realsize:", err)
		os.Exit(1)
	}
}

// run is one run of the program.
type run struct {
	What     string  `json:"what"`
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu_seconds"`
	Peak     int64   `json:"peak_rss_bytes"`
	Found    int     `json:"rows_in_the_store"` // when it began
	Stored   int     `json:"rows_from_the_store"`
	Computed int     `json:"rows_through_the_network"`
	Killed   bool    `json:"killed,omitempty"`
}

func (o *options) run(ctx context.Context) error {
	model := filepath.Join(o.dir, "resnet50.onnx")
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	m, err := zoo.Build(zoo.Spec{Arch: "resnet50", Stem: zoo.ImageNet, Classes: classes, C: 3, H: side, W: side})
	if err != nil {
		return err
	}
	if err := m.Save(model); err != nil {
		return err
	}
	if err := writePictures(filepath.Join(o.dir, "pictures.npz"), o.train, o.test); err != nil {
		return err
	}
	for _, name := range []string{"whole", "killed"} {
		if err := os.RemoveAll(filepath.Join(o.dir, name)); err != nil {
			return err
		}
	}
	first, err := o.analyze(ctx, "first", "whole", 0)
	if err != nil {
		return err
	}
	want, err := o.probe("whole")
	if err != nil {
		return err
	}
	second, err := o.analyze(ctx, "second", "whole", 0)
	if err != nil {
		return err
	}
	if second.Computed > 0 || second.Stored != first.Computed {
		return fmt.Errorf("of %d rows, the second run had %d from the store and %d through the network", first.Computed, second.Stored, second.Computed)
	}
	r := rand.New(rand.NewPCG(o.seed, 0))
	for kills := range o.kills {
		until, err := o.moment(ctx, r, first, o.kills-kills)
		if err != nil {
			return err
		}
		k, err := o.analyze(ctx, fmt.Sprintf("kill %d", kills+1), "killed", until)
		if err != nil {
			return err
		}
		if !k.Killed {
			return fmt.Errorf("the third run ended after %d of %d kills", kills, o.kills)
		}
	}
	last, err := o.analyze(ctx, "after the kills", "killed", 0)
	if err != nil {
		return err
	}
	if o.kills > 0 && last.Stored == 0 {
		return fmt.Errorf("the run after %d kills found nothing in the store", o.kills)
	}
	got, err := o.probe("killed")
	if err == nil && !bytes.Equal(got, want) {
		err = errors.New("probe.json after the kills is another")
	}
	return err
}

// moment draws when the third run is killed, if so many kills are to come and whole is how
// long it takes without: on average the remaining work is cut into equal parts.
func (o *options) moment(ctx context.Context, r *rand.Rand, whole *run, kills int) (time.Duration, error) {
	found, err := o.found(ctx, "killed")
	left := whole.Seconds * (1 - float64(found)/float64(max(whole.Computed, 1)))
	return time.Duration(2 * left * r.Float64() / float64(kills+2) * float64(time.Second)), err
}

// found is how many rows the store of a name has.
func (o *options) found(ctx context.Context, name string) (int, error) {
	list, err := store.New(filepath.Join(o.dir, name, "store"), store.Options{}).List(ctx)
	rows := 0.0
	for _, entry := range list {
		rows += entry.Done * float64(entry.Rows)
	}
	return int(math.Round(rows)), err
}

// probe is the result of the runs of a name.
func (o *options) probe(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(o.dir, name, "report", "probe.json"))
}

var rows = regexp.MustCompile(`features: (\d+) rows from the store, (\d+) through the network`)

// analyze runs the program with the store of a name, and kills it after a while, if it is
// above 0.
func (o *options) analyze(ctx context.Context, what, name string, until time.Duration) (*run, error) {
	args := []string{"analyze", filepath.Join(o.dir, "resnet50.onnx"), "--draws", strconv.Itoa(o.draw), "--max-memory", o.memory.String(),
		"--data", "npz:" + filepath.Join(o.dir, "pictures.npz"),
		"--store", filepath.Join(o.dir, name, "store"), "--out", filepath.Join(o.dir, name, "report")}
	found, err := o.found(ctx, name)
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, o.program, append(args, strings.Fields(o.flags)...)...)
	var message bytes.Buffer
	c.Stderr = &message
	began := time.Now()
	if err := c.Start(); err != nil {
		return nil, err
	}
	if until > 0 {
		defer time.AfterFunc(until, func() { c.Process.Kill() }).Stop()
	}
	err = c.Wait()
	one := &run{What: what, Found: found, Seconds: time.Since(began).Seconds(), CPU: (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()}
	if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		one.Peak = int64(u.Maxrss) << 10
	}
	one.Killed = until > 0 && c.ProcessState.ExitCode() < 0
	if err != nil && !one.Killed {
		return nil, fmt.Errorf("%s run: %w: %s", what, err, message.String())
	}
	if found := rows.FindSubmatch(message.Bytes()); found != nil {
		one.Stored, _ = strconv.Atoi(string(found[1]))
		one.Computed, _ = strconv.Atoi(string(found[2]))
	}
	if err := json.NewEncoder(os.Stdout).Encode(one); err != nil {
		return nil, err
	}
	if one.Peak > int64(o.memory) {
		return nil, fmt.Errorf("%s run: %s resident, want at most %s", what, memory.String(one.Peak), memory.String(int64(o.memory)))
	}
	return one, nil
}
