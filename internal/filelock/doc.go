// Package filelock keeps two processes from working on the same thing.
//
// A lock is the operating system's, on a file; it ends with the process that
// holds it, however that ends, so a lock is never stale. Where the system has no
// such locks (neither Unix nor Windows), TryLock always succeeds.
package filelock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Lock is a lock that is held.
type Lock struct{ f *os.File }

// TryLock takes the lock on the file at path, which it creates with its folder if
// need be. It returns nil without an error if another holder has it, in this
// process or another. A file that may only be read is locked all the same.
func TryLock(path string) (*Lock, error) { return try(path, false) }

// TryShare is TryLock for a lock that others may hold at the same time if they share
// it too.
func TryShare(path string) (*Lock, error) { return try(path, true) }

func try(path string, shared bool) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if ReadOnly(err) {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, err
	}
	held, err := tryLock(f, shared)
	if held || err != nil {
		f.Close()
		return nil, err
	}
	return &Lock{f}, nil
}

// ReadOnly reports whether an error is that something may not be written; it may be
// possible to read it.
func ReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// Hold locks an open file or folder until it is closed. It reports held if another
// holder has it.
func Hold(f *os.File) (held bool, err error) { return tryLock(f, false) }

// Wait takes the lock as soon as it is free, or returns ctx's error.
func Wait(ctx context.Context, path string) (*Lock, error) {
	for {
		l, err := TryLock(path)
		if l != nil || err != nil {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Unlock gives the lock back. The file stays, since another process may wait for it.
func (l *Lock) Unlock() error { return l.f.Close() }
