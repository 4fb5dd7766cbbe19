//go:build unix

package dataset

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"memprobe/internal/memory"
)

// What a mapped file of images lacks is room among the addresses: it does not fit.
func TestMappedImagesThatDoNotFit(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &before); err != nil {
		t.Fatal(err)
	}
	limited := unix.Rlimit{Cur: min(before.Max, 8<<30), Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_AS, &limited); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_AS, &before)
	l := newLoader(context.Background(), Options{})
	defer l.close()
	if _, err := l.scratch(1 << 40); !errors.As(err, new(*memory.Error)) {
		t.Errorf("error %v, want one of memory", err)
	}
}

// One image beyond the budget makes no file.
func TestOneImageBeyondTheBudget(t *testing.T) {
	l := newLoader(context.Background(), Options{MaxMemory: 1})
	defer l.close()
	a := arena{loader: l}
	if _, err := a.take(1 << 50); !errors.As(err, new(*memory.Error)) || l.used > 0 {
		t.Errorf("error %v with %d bytes in use, want one of memory and none", err, l.used)
	}
}
