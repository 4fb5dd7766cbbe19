package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/internal/show"
)

// idleFlags change no number of a result.
var idleFlags = []string{"out", "threads", "max-memory", "store", "store-limit", "format", "columns", "json", "quiet"}

// commandLine is the command as it was typed, without idleFlags, ready for a shell: a
// file of results says by it how they are made anew.
func commandLine(name string, f *pflag.FlagSet, args []string) string {
	words := []string{"memprobe", name}
	f.Visit(func(flag *pflag.Flag) {
		if slices.Contains(idleFlags, flag.Name) {
			return
		}
		value := flag.Value.String()
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			value = strings.Join(list.GetSlice(), ",")
		}
		words = append(words, "--"+flag.Name+"="+show.Word(value))
	})
	for _, a := range args {
		words = append(words, show.Word(a))
	}
	return strings.Join(words, " ")
}
