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
