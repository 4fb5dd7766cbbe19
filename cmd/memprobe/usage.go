package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/internal/show"
	"memprobe/internal/suggest"
)

// usageError is a command line that cannot be understood. It is one line, whatever the
// command line holds.
type usageError struct{ msg string }

func (e usageError) Error() string { return show.Line(e.msg) }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// flagError says what is wrong with a flag: the name that was probably meant, or the
// value that was found and what was wanted.
func flagError(f *pflag.FlagSet, err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok && e.GetSpecifiedShortnames() == "" {
		var names []string
		f.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
		if name := suggest.Nearest(e.GetSpecifiedName(), names); name != "" {
			return usagef("unknown flag --%s; did you mean --%s?", e.GetSpecifiedName(), name)
		}
		return usagef("unknown flag --%s; --help lists them", e.GetSpecifiedName())
	}
	e, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return usageError{err.Error()}
	}
	if cause := e.Unwrap().Error(); strings.HasPrefix(cause, "must ") { // pflag's own
		return usagef("--%s is %q: it %s", e.GetFlag().Name, e.GetValue(), cause)
	}
	return usagef("--%s %v", e.GetFlag().Name, e.Unwrap())
}

// unknownCommand says which command was probably meant.
func unknownCommand(name string) error {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	if near := suggest.Nearest(name, names); near != "" {
		return usagef("unknown command %q; did you mean %s?", name, near)
	}
	return usagef("unknown command %q; memprobe --help lists them", name)
}
