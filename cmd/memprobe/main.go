// Command memprobe trains networks or imports them as ONNX graphs, probes every
// layer with k-NN, and reports where a network memorizes.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"memprobe/internal/atomicfile"
	"memprobe/internal/fault"
	"memprobe/internal/grace"
	"memprobe/internal/memory"
	"memprobe/internal/show"
	"memprobe/onnx/engine"
	"memprobe/onnx/ops"
	"memprobe/probe"
	"memprobe/train/dataset"
)

// The exit codes.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInput       = 3 // the model or the data is wrong
	exitInterrupted = 130
)

// command is a subcommand, of a name in one word or more: it declares its flags,
// then runs on the arguments.
type command struct {
	name, args, about, example string
	setup                      func(f *pflag.FlagSet) func(ctx context.Context, args []string, std streams) error
}

// streams are where a command's result and its messages go.
type streams struct{ out, err io.Writer }

// commands are all subcommands, in the order in which they are listed.
func commands() []command {
	return slices.Concat([]command{analyzeCommand, trainCommand, sweepCommand, compareCommand, rewindCommand,
		extractCommand, inspectCommand},
		storeCommands, dataCommands, benchmarks, []command{completionCommand(), manCommand(), versionCommand})
}

func main() { os.Exit(start(commands())) }

// start runs the program with the commands of a list, and returns its exit code.
func start(list []command) int {
	debug.SetTraceback("crash") // a fatal error of Go's runtime ends by SIGABRT: its exit code, 2, has a meaning here
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	calm := context.AfterFunc(ctx, func() {
		stop() // a second signal ends the process at once
		cutOff()
	})
	defer calm() // before stop, which ends the context too: a command that is done is not cut off
	return dispatch(ctx, list, os.Args[1:], streams{os.Stdout, os.Stderr})
}

// cutOff ends the process where a command does not end in time after a signal. Files
// appear whole or not at all, so nothing is half-written.
func cutOff() {
	grace.Wait()
	atomicfile.Abandon()
	fmt.Fprintln(os.Stderr, interrupted)
	os.Exit(exitInterrupted)
}

const interrupted = "memprobe: interrupted"

// run is the whole program: it returns the exit code.
func run(ctx context.Context, args []string, std streams) int {
	return dispatch(ctx, commands(), args, std)
}

// dispatch runs the command of a list that the first arguments name.
func dispatch(ctx context.Context, list []command, args []string, std streams) int {
	if len(args) == 0 {
		overview(std.out, list)
		return exitUsage
	}
	switch {
	case args[0] == "--version":
		args = append([]string{"version"}, args[1:]...)
	case isHelp(args[0]) && len(args) == 1:
		overview(std.out, list)
		return 0
	case args[0] == "help": // help COMMAND is COMMAND --help
		args = append(args[1:], "--help")
	}
	var group []command // those whose first word is right
	for _, c := range list {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return c.run(ctx, args[len(words):], std)
		}
		if words[0] == args[0] {
			group = append(group, c)
		}
	}
	name := args[0]
	if len(group) > 0 && len(args) > 1 {
		if isHelp(args[1]) {
			overview(std.out, group)
			return 0
		}
		name += " " + args[1]
	}
	fmt.Fprintf(std.err, "memprobe: %v\n", unknownCommand(name))
	return exitUsage
}

func isHelp(arg string) bool { return arg == "--help" || arg == "-h" || arg == "help" }

func overview(w io.Writer, list []command) {
	fmt.Fprint(w, "memprobe probes every layer of a network for what it memorizes and what it learns.\n\n")
	for _, c := range list {
		fmt.Fprintf(w, "  memprobe %-13s %-34s %s\n", c.name, c.args, c.about)
	}
	fmt.Fprint(w, "\nmemprobe COMMAND --help shows a command's flags.\n")
}

// commonFlags declares what every command takes.
func commonFlags(f *pflag.FlagSet) (budget *memory.Size, help *bool) {
	budget = new(memory.Size)
	f.Var(budget, "max-memory",
		"what the process may hold, as 2GiB; default: 80 % of what the machine and the control group leave")
	return budget, f.BoolP("help", "h", false, "show this text")
}

// emptyFlag is the first flag of text that is given without any, as by a variable that is
// not set: its default is not meant. Flags of sweep may take a text from a plan's cells.
func emptyFlag(f *pflag.FlagSet) (name string) {
	f.Visit(func(flag *pflag.Flag) {
		_, setting := flag.Value.(*settingFlag)
		if name == "" && !setting && flag.Value.Type() == "string" && flag.Value.String() == "" {
			name = flag.Name
		}
	})
	return name
}

func (c command) run(ctx context.Context, args []string, std streams) int {
	f := pflag.NewFlagSet(c.name, pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.SortFlags = false
	do := c.setup(f)
	budget, help := commonFlags(f)
	out := &checkedWriter{w: std.out}
	std.out = out
	err := f.Parse(args)
	switch {
	case err != nil:
		err = flagError(f, err)
	case *help:
		fmt.Fprintf(out, "memprobe %s %s\n\n%s.\n\nExample:\n  %s\n\nFlags:\n%s", c.name, c.args, c.about, c.example,
			f.FlagUsagesWrapped(lineWidth(std.out)))
	case emptyFlag(f) != "":
		err = usagef("--%s is empty: give it a value, or leave it out", emptyFlag(f))
	default:
		memory.SetLimit(int64(*budget))
		err = guarded(func() error { return do(ctx, f.Args(), std) })
	}
	// For good: a command that has ended says how itself, and is not cut off meanwhile.
	grace.Hold()
	if err = cmp.Or(out.err, err); err == nil { // what follows from a result that is not written is no cause
		return 0
	}
	code := exitCode(ctx, err)
	if code == exitInterrupted {
		fmt.Fprintln(std.err, interrupted)
		return code
	}
	lines := strings.Split(escaped(err.Error()+advice(err), args), "\n") // a line a problem
	for i := range lines {
		lines[i] = show.Line(lines[i])
	}
	fmt.Fprintf(std.err, "memprobe %s: %s\n", c.name, strings.Join(lines, "\n"))
	return code
}

// advice is what the user can do about an error that says only what is wrong.
func advice(err error) string {
	if _, ok := errors.AsType[*memory.Error](err); ok {
		return " (--max-memory sets the budget)"
	}
	return ""
}

func exitCode(ctx context.Context, err error) int {
	_, usage := errors.AsType[usageError](err)
	_, spec := errors.AsType[*dataset.SpecError](err)
	_, setting := errors.AsType[*probe.SettingError](err)
	_, file := errors.AsType[*fault.Error](err)
	_, node := errors.AsType[*ops.Error](err)
	_, many := errors.AsType[engine.Problems](err)
	_, missing := errors.AsType[*dataset.MissingError](err)
	_, large := errors.AsType[*memory.Error](err)
	switch {
	case usage, spec, setting:
		return exitUsage
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		return exitInterrupted
	case file, node, many, missing, large:
		return exitInput
	}
	return exitFailed
}
