//go:build unix

package dirlock

import (
	"errors"
	"testing"
)

func TestAcquire(t *testing.T) {
	dir := t.TempDir()
	release, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(dir); err == nil {
		t.Error("a held folder was taken")
	} else if _, busy := errors.AsType[*BusyError](err); !busy {
		t.Errorf("error %v, want a BusyError", err)
	}
	release()
	again, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	again()
}
