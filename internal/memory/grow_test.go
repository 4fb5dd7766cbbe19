package memory

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadAll(t *testing.T) {
	defer SetLimit(0)
	text := strings.Repeat("memory ", 300)
	got, err := ReadAll("a text", iotest.OneByteReader(strings.NewReader(text)), make([]byte, 100))
	if err != nil || string(got) != text {
		t.Errorf("%d bytes, %v, want %d", len(got), err, len(text))
	}
	room := make([]byte, 4<<10)
	if got, err := ReadAll("a text", strings.NewReader(text), room); err != nil || string(got) != text || &got[0] != &room[0] {
		t.Errorf("%d bytes in other memory, %v", len(got), err)
	}
	broken := errors.New("the disk is on fire")
	if _, err := ReadAll("a text", iotest.ErrReader(broken), nil); !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's", err)
	}
	SetLimit(128 << 20)
	if _, err := ReadAll("zeros", zeros{}, nil); err == nil || !strings.Contains(err.Error(), "zeros would take") {
		t.Errorf("what never ends: error %v", err)
	}
}

// zeros are without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

var _ io.Reader = zeros{}

func TestGrow(t *testing.T) {
	defer SetLimit(0)
	s := append(make([]int64, 0, 2), 5)
	same, err := Grow("numbers", s, 1)
	if err != nil || cap(same) != 2 {
		t.Errorf("capacity %d, %v, want that of before", cap(same), err)
	}
	more, err := Grow("numbers", s, 9)
	if err != nil || len(more) != 1 || more[0] != 5 || cap(more) < 10 {
		t.Errorf("%v of capacity %d, %v", more, cap(more), err)
	}
	SetLimit(128 << 20)
	if _, err := Grow("numbers", s, 1<<30); err == nil || !strings.Contains(err.Error(), "numbers would take 8.0 GiB") {
		t.Errorf("2³³ bytes in 128 MiB: error %v", err)
	}
}

func TestErrorIsOneLine(t *testing.T) {
	e := &Error{What: "the plan of \"a\nb\"", Need: 3 << 30, Left: 1 << 20, Advice: "a batch of 8 would fit"}
	got := e.Error()
	if want := "would take 3.0 GiB of memory, and 1.0 MiB are left; a batch of 8 would fit"; strings.Contains(got, "\n") ||
		!strings.HasSuffix(got, want) {
		t.Errorf("%q", got)
	}
}

func TestProduct(t *testing.T) {
	for _, c := range []struct {
		sizes []int
		want  int64
	}{{nil, 1}, {[]int{3, 4, 5}, 60}, {[]int{0, math.MaxInt64, 2}, 0}, {[]int{1 << 31, 1 << 32}, -1},
		{[]int{1 << 31, 1 << 31}, 1 << 62}} {
		if got := Product(c.sizes...); got != c.want {
			t.Errorf("%v: %d, want %d", c.sizes, got, c.want)
		}
	}
	if got := new(Size).Type(); got != "SIZE" {
		t.Errorf("help calls it %q", got)
	}
}
