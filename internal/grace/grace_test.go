package grace

import (
	"testing"
	"time"
)

// The end waits for the period and for whoever holds the process.
func TestWaitForTheHolder(t *testing.T) {
	release := Hold()
	start, ended := time.Now(), make(chan time.Duration)
	go func() {
		Wait()
		ended <- time.Since(start)
	}()
	select {
	case took := <-ended:
		t.Fatalf("ended after %v, though the process was held", took)
	case <-time.After(Period + 200*time.Millisecond):
	}
	release()
	if took := <-ended; took < Period {
		t.Errorf("ended after %v, want at least %v", took, Period)
	}
}
