package fault

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"memprobe/internal/mapped"
	"memprobe/internal/show"
)

// Internal is a panic that was caught: a fault of memprobe's own, whatever it was given, or,
// where File is given, of a mapped file that was cut off or that its disk did not give.
type Internal struct {
	File  string // that could not be read
	What  string // the panic's value, on one line
	Where string // the innermost function of memprobe, and the line
	Doing string // such as a node and its operator; may be empty
}

func (e *Internal) Error() string {
	if e.File != "" {
		return show.Line(e.File + ": could not be read while it was in use: it was cut off, or its disk failed")
	}
	at := ""
	if e.Doing != "" {
		at = " at " + e.Doing
	}
	return fmt.Sprintf("internal error%s: %s (%s); this is a fault of memprobe, please report it", at, e.What, e.Where)
}

// CatchUnread makes a page of a mapped file that cannot be read a panic of the goroutine
// that calls it; it would end the process. Caught then names the file.
func CatchUnread() { debug.SetPanicOnFault(true) }

// Caught describes the panic of value r. It is called by the deferred function that
// recovers it. A value that Caught made, of a panic that is handed on, stays.
func Caught(r any) *Internal {
	if e, ok := r.(*Internal); ok {
		return e
	}
	file := ""
	if unread, ok := r.(interface{ Addr() uintptr }); ok {
		file = mapped.At(unread.Addr())
	}
	return &Internal{File: file, What: strings.Join(strings.Fields(fmt.Sprint(r)), " "), Where: panicked()}
}

// panicked is the innermost place in memprobe's own code of the panic that is being
// recovered.
func panicked() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for inside := false; ; {
		f, more := frames.Next()
		own := strings.HasPrefix(f.Function, "memprobe/") || strings.HasPrefix(f.Function, "main.")
		if inside && own || !more {
			return fmt.Sprintf("%s, line %d", f.Function, f.Line)
		}
		inside = inside || f.Function == "runtime.gopanic"
	}
}
