package filelock

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestTryLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "lock")
	a, err := TryLock(path)
	if err != nil || a == nil {
		t.Fatalf("free lock: %v, %v", a, err)
	}
	if b, err := TryLock(path); b != nil || err != nil {
		t.Fatalf("held lock: %v, %v; want neither", b, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if b, err := Wait(ctx, path); b != nil || !errors.Is(err, context.Canceled) {
		t.Fatalf("waiting in vain: %v, %v", b, err)
	}
	time.AfterFunc(20*time.Millisecond, func() { a.Unlock() })
	if b, err := Wait(t.Context(), path); b == nil || err != nil {
		t.Fatalf("lock given back: %v, %v", b, err)
	}
}

func TestTryShare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	a, errA := TryShare(path)
	b, errB := TryShare(path)
	if a == nil || b == nil || errA != nil || errB != nil {
		t.Fatalf("sharing: %v, %v; %v, %v", a, errA, b, errB)
	}
	if c, err := TryLock(path); c != nil || err != nil {
		t.Fatalf("alone beside two: %v, %v; want neither", c, err)
	}
	a.Unlock()
	b.Unlock()
	c, err := TryLock(path)
	if c == nil || err != nil {
		t.Fatalf("alone: %v, %v", c, err)
	}
	if d, err := TryShare(path); d != nil || err != nil {
		t.Fatalf("sharing with one alone: %v, %v; want neither", d, err)
	}
	c.Unlock()
}
