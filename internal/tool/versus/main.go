// Command versus measures memprobe beside other software, in turn:
//
//	go build -o memprobe ./cmd/memprobe
//	/usr/bin/python3 internal/tool/versus/export.py MODELS
//	go run ./internal/tool/versus --program ./memprobe --peers PEERS --models MODELS [--only REGEXP] [--pairs 5]
//
// PEERS is the folder of the peers' programs (torch_train.py, ort_infer.js, knn.py,
// analyze_torch.py); MODELS holds what export.py wrote, and for the lines of analyze
// what "analyze_torch.py --width W --export MODELS/analyzeW.onnx" did. Every line is a work that both
// do: pairs of runs, one after the other, and the median of the ratios of their times,
// above 1 where memprobe is faster. It prints a row of a Markdown table for each, with
// the smallest and the largest ratio, after a header that names the processor, and with the time
// in which a cache line goes between two cores and back.
// Nothing else may run meanwhile: a program whose threads wait in a loop
// loses far more to a neighbour than memprobe does.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

type options struct {
	program, peers, models, cifar, here, only string
	pairs                                     int
}

func main() {
	var o options
	flags := pflag.NewFlagSet("versus", pflag.ContinueOnError)
	flags.StringVar(&o.program, "program", "./memprobe", "what is measured")
	flags.StringVar(&o.peers, "peers", "../shared/peers", "folder of the peers' programs")
	flags.StringVar(&o.models, "models", "", "folder of what export.py wrote")
	flags.StringVar(&o.cifar, "cifar", "../shared/data/cifar-10-batches-bin", "folder of CIFAR-10")
	flags.StringVar(&o.here, "here", "internal/tool/versus", "folder of this command's scripts")
	flags.StringVar(&o.only, "only", "", "lines whose name matches this expression")
	flags.IntVar(&o.pairs, "pairs", 5, "of runs")
	if err := flags.Parse(os.Args[1:]); err != nil || flags.NArg() > 0 || o.models == "" || o.pairs < 1 {
		fmt.Fprintf(os.Stderr, "versus: want --models: %v\n%s", err, flags.FlagUsages())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "versus:", err)
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context) error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n\n| work | peer / memprobe | smallest | largest | memprobe, s | peer, s | line, ns |\n"+
		"|---|---:|---:|---:|---:|---:|---:|\n", processor())
	for _, l := range lines() {
		if !only.MatchString(l.name) {
			continue
		}
		var ours, theirs, ratios, lines []float64
		for range o.pairs {
			lines = append(lines, exchange())
			a, err := o.seconds(ctx, l.ours)
			if err != nil {
				return fmt.Errorf("%s: memprobe: %w", l.name, err)
			}
			b, err := o.seconds(ctx, l.theirs)
			if err != nil {
				return fmt.Errorf("%s: peer: %w", l.name, err)
			}
			ours, theirs, ratios = append(ours, a), append(theirs, b), append(ratios, b/a)
		}
		slices.Sort(ratios)
		fmt.Printf("| %s | %.2f | %.2f | %.2f | %.4g | %.4g | %.0f |\n", l.name, median(ratios), ratios[0], ratios[len(ratios)-1],
			median(ours), median(theirs), median(lines))
	}
	return nil
}

// seconds runs a command and returns what the JSON line that it prints last says, or how
// long it took.
func (o *options) seconds(ctx context.Context, command string) (float64, error) {
	out, err := os.MkdirTemp("", "versus-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(out)
	command, whole := strings.CutPrefix(command, "whole: ")
	in := strings.NewReplacer("$MEMPROBE", o.program, "$PEERS", o.peers, "$MODELS", o.models, "$CIFAR", o.cifar, "$HERE", o.here,
		"$OUT", out)
	args := strings.Fields(in.Replace(command))
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	var message bytes.Buffer
	c.Stderr = &message
	began := time.Now()
	printed, err := c.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, message.String())
	}
	if whole {
		return time.Since(began).Seconds(), nil
	}
	text := strings.Split(strings.TrimSpace(string(printed)), "\n")
	var line struct {
		Seconds float64 `json:"seconds"`
	}
	if err := json.Unmarshal([]byte(text[len(text)-1]), &line); err != nil || line.Seconds <= 0 {
		return 0, fmt.Errorf("%s: no seconds in %q: %v", strings.Join(args, " "), text[len(text)-1], err)
	}
	return line.Seconds, nil
}

// processor is the name that the system has for it.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	found := regexp.MustCompile(`model name\s*: (.*)`).FindSubmatch(text)
	if found == nil {
		return "processor unknown"
	}
	return string(found[1])
}

// median of an odd number of values; the upper one of the two in the middle of an even one.
func median(x []float64) float64 {
	x = slices.Clone(x)
	slices.Sort(x)
	return x[len(x)/2]
}
