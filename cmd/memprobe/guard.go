package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"
)

// guarded calls do. A panic in it, a fault of memprobe's own, becomes an error of
// one line that names the place; what was being written is dropped on the way.
func guarded(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %s (%s); this is a fault of memprobe", strings.Join(strings.Fields(fmt.Sprint(r)), " "), panicked())
		}
	}()
	return do()
}

// panicked is the innermost place in memprobe's own code of the panic that is
// being recovered.
func panicked() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)]) // beyond panicked, the deferred function and gopanic
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "memprobe/") || strings.HasPrefix(f.Function, "main.") || !more {
			return fmt.Sprintf("%s, line %d", f.Function, f.Line)
		}
	}
}

// checkedWriter remembers that a result could not be written, so that a command
// need not ask after every line of a table.
type checkedWriter struct {
	w   io.Writer
	err error
}

func (c *checkedWriter) Write(b []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.w.Write(b)
	c.err = err
	return n, err
}
