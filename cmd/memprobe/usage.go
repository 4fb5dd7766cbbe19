package main

import (
	"errors"
	"fmt"
	"strconv"
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

// kinds are what values of pflag's types are, in words.
var kinds = map[string]string{"int": "a whole number", "uint64": "a whole number of 0 or more", "float64": "a number",
	"bool": "true or false"}

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
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return usagef("unknown flag -%s; --help lists them", e.GetSpecifiedName())
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usagef("--%s has no value", e.GetSpecifiedName())
	}
	if e, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return usagef("%q is no flag; --help lists them", e.GetSpecifiedFlag())
	}
	e, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return usageError{err.Error()}
	}
	if cause := e.Unwrap().Error(); strings.HasPrefix(cause, "must ") { // pflag's own
		return usagef("--%s is %q: it %s", e.GetFlag().Name, e.GetValue(), cause)
	}
	if _, ok := errors.AsType[*strconv.NumError](e.Unwrap()); ok {
		return usagef("--%s %q, want %s", e.GetFlag().Name, e.GetValue(), kinds[e.GetFlag().Value.Type()])
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

// escaped is a message in which a name from the command line that has a line break is shown
// as one line: the other breaks are between problems. Paths are cleaned and joined on the
// way into a message, so that it has their names, not what was typed.
func escaped(message string, args []string) string {
	for _, arg := range args {
		for name := range strings.FieldsFuncSeq(arg, func(r rune) bool { return strings.ContainsRune("/=:,", r) }) {
			if strings.ContainsAny(name, "\r\n") {
				message = strings.ReplaceAll(message, name, show.Line(name))
			}
		}
	}
	return message
}
