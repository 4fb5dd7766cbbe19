package fault

import (
	"fmt"
	"runtime"
	"strings"
)

// Internal is a panic that was caught: a fault of memprobe's own, whatever it was given.
type Internal struct {
	What  string // the panic's value, on one line
	Where string // the innermost function of memprobe, and the line
	Doing string // such as a node and its operator; may be empty
}

func (e *Internal) Error() string {
	at := ""
	if e.Doing != "" {
		at = " at " + e.Doing
	}
	return fmt.Sprintf("internal error%s: %s (%s); this is a fault of memprobe, please report it", at, e.What, e.Where)
}

// Caught describes the panic of value r. It is called by the deferred function that
// recovers it. A value that Caught made, of a panic that is handed on, stays.
func Caught(r any) *Internal {
	if e, ok := r.(*Internal); ok {
		return e
	}
	return &Internal{What: strings.Join(strings.Fields(fmt.Sprint(r)), " "), Where: panicked()}
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
