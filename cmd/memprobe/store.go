package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"memprobe/internal/memory"
	"memprobe/internal/show"
	"memprobe/probe/store"
)

// storeCommands are the subcommands of store.
var storeCommands = []command{storeListCommand, storePruneCommand}

var storeListCommand = command{
	name: "store list", about: "the features that are kept, those used last first", example: "memprobe store list",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var dir string
		storeFlag(f, &dir)
		asJSON := f.Bool("json", false, "print JSON")
		return func(ctx context.Context, args []string, std streams) error {
			s, err := namedStore(dir, args)
			if err != nil {
				return err
			}
			list, err := s.List(ctx)
			if err != nil {
				return err
			}
			if *asJSON {
				if list == nil {
					list = []store.Info{}
				}
				return printJSON(std, list)
			}
			return printEntries(std, list)
		}
	},
}

var storePruneCommand = command{
	name: "store prune", about: "removes features that are not in use, those used least lately first",
	example: "memprobe store prune --keep 2GiB",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var dir string
		var keep memory.Size
		storeFlag(f, &dir)
		f.Var(&keep, "keep", "stop when the store has at most that; default: remove all")
		return func(ctx context.Context, args []string, std streams) error {
			s, err := namedStore(dir, args)
			if err != nil {
				return err
			}
			gone, err := s.Prune(ctx, int64(keep))
			bytes := int64(0)
			for _, i := range gone {
				bytes += i.Size
			}
			fmt.Fprintf(std.out, "%d entries of %s removed\n", len(gone), memory.String(bytes))
			return err
		}
	},
}

func namedStore(dir string, args []string) (*store.Store, error) {
	switch {
	case len(args) > 0:
		return nil, usagef("want no arguments, got %q", args)
	case dir == noStore:
		return nil, usagef("--store none: want a folder")
	case dir == "":
		return defaultStore(store.Options{})
	}
	if err := checkStore(dir); err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, usagef("--store %s: is not there", dir)
	}
	return store.New(dir, store.Options{}), nil
}

func printEntries(std streams, list []store.Info) error {
	w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "features\timages\tlayers\ttype\tsize\tthere\tused")
	for _, i := range list {
		used := i.Used.Format(time.DateTime)
		if i.Busy {
			used = "in use"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%.0f %%\t%s\n", show.Line(i.About), i.Rows, i.Layers, i.Type,
			memory.String(i.Size), 100*i.Done, used)
	}
	return w.Flush()
}
