// Package fault has the error of a model or a data file that is wrong: corrupt,
// unsupported, or not fitting what it is used with. The command line tells it
// from other failures with errors.As.
package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"memprobe/internal/show"
)

// Error is a fault in what the user gave. It prints as
//
//	FILE: node "conv1" (Conv): pads has 3 values, want 4
//
// without the parts that are empty, on one line: what names in a file
// may hold is escaped (see show.Line).
type Error struct {
	File string // path of the file, or the format's name for data in memory
	Node string // name of the graph's node
	Op   string // operator of the node
	Err  error  // what was found and what was wanted
}

// Errorf returns an Error about a file.
func Errorf(file, format string, args ...any) error {
	return &Error{File: file, Err: fmt.Errorf(format, args...)}
}

// Wrap returns an Error about a file for one that the file system, or another
// package, gave; the path is not named twice.
func Wrap(file string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.File == file {
		return err
	}
	var p *fs.PathError
	if errors.As(err, &p) && p.Path == file {
		err = p.Err
	}
	return &Error{File: file, Err: Plain(err)}
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ": ")
	}
	switch {
	case e.Node != "" && e.Op != "":
		fmt.Fprintf(&b, "node \"%s\" (%s): ", show.Name(e.Node), show.Name(e.Op))
	case e.Node != "" || e.Op != "":
		fmt.Fprintf(&b, "node \"%s\": ", show.Name(e.Node+e.Op))
	}
	b.WriteString(e.Err.Error())
	return show.Line(b.String())
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
