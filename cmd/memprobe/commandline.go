package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// idleFlags change no number of a result.
var idleFlags = []string{"out", "threads", "max-memory", "format", "columns", "json", "quiet"}

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
		words = append(words, "--"+flag.Name+"="+quoted(value))
	})
	for _, a := range args {
		words = append(words, quoted(a))
	}
	return strings.Join(words, " ")
}

// quoted is a word as a POSIX shell reads it.
func quoted(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=+@%"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
