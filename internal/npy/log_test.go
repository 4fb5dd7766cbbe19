package npy

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio"
)

// logged reads a log with another reader.
func logged(t *testing.T, path string) (shape []int, values []float32) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := npyio.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if r.Header.Descr.Shape[0] > 0 {
		if err := r.Read(&values); err != nil {
			t.Fatal(err)
		}
	}
	return r.Header.Descr.Shape, values
}

func TestLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.npy")
	l, err := OpenLog(path, 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	if shape, _ := logged(t, path); !slices.Equal(shape, []int{0, 3}) {
		t.Errorf("a new log has shape %v", shape)
	}
	for i := range 12 {
		if err := l.Append([]float32{float32(i), float32(math.Inf(1)), -1}); err != nil {
			t.Fatal(err)
		}
		shape, values := logged(t, path)
		if !slices.Equal(shape, []int{i + 1, 3}) || len(values) != 3*(i+1) || values[3*i] != float32(i) {
			t.Fatalf("after row %d: shape %v, values %v", i, shape, values)
		}
	}
	if err := l.Append([]float32{1}); err == nil {
		t.Error("a row of one number was taken")
	}
	l.Close()
	if l, err = OpenLog(path, 2, 3); err != nil {
		t.Fatal(err)
	}
	if err := l.Append([]float32{7, 8, 9}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if shape, values := logged(t, path); !slices.Equal(shape, []int{3, 3}) ||
		!slices.Equal(values[6:], []float32{7, 8, 9}) || values[3] != 1 {
		t.Errorf("a log that goes on behind row 2 has shape %v, values %v", shape, values)
	}
}

func TestLogFaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.npy")
	l, err := OpenLog(path, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	l.Append([]float32{1, 2})
	l.Close()
	for _, c := range []struct {
		rows, columns int
		want          string
	}{{2, 2, "holds float32 [1 2], want float32 of 2 rows"}, {1, 3, "3 columns"}} {
		if _, err := OpenLog(path, c.rows, c.columns); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d rows of %d: error %v, want %q", c.rows, c.columns, err, c.want)
		}
	}
	if err := os.Truncate(path, 130); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLog(path, 1, 2); err == nil || !strings.Contains(err.Error(), "has 130 bytes, want the 136") {
		t.Errorf("a log that was cut off: %v", err)
	}
}
