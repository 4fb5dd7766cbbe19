package main

import (
	"io"

	"memprobe/internal/fault"
)

// guarded calls do. A panic in it, a fault of memprobe's own, becomes an error of
// one line that names the place; what was being written is dropped on the way.
func guarded(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.Caught(r)
		}
	}()
	fault.CatchUnread()
	return do()
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
