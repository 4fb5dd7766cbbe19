package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	put := func(s string, fail error) error {
		return Write(path, func(w io.Writer) error {
			if _, err := io.WriteString(w, s); err != nil {
				return err
			}
			return fail
		})
	}
	if err := put("one", nil); err != nil {
		t.Fatal(err)
	}
	if err := put("two, half written", errors.New("disk on fire")); err == nil {
		t.Fatal("a failing fill was not reported")
	}
	if b, _ := os.ReadFile(path); string(b) != "one" {
		t.Fatalf("after a failure the file holds %q, want the old contents", b)
	}
	if err := put("three", nil); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "three" {
		t.Fatalf("file holds %q", b)
	}
	if es, _ := os.ReadDir(dir); len(es) != 1 {
		t.Fatalf("%d files left behind, want 1", len(es))
	}
	if err := Write(filepath.Join(dir, "none", "a"), func(io.Writer) error { return nil }); err == nil {
		t.Fatal("writing into a missing folder succeeded")
	}
}

// Errors name the file that was to be written; what is no file is left alone, and is seen
// before anything is computed.
func TestErrorsNameTheTarget(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		dir:                           "write " + dir + ": is a folder, want a file",
		filepath.Join(dir, "no", "a"): "open " + filepath.Join(dir, "no", "a") + ": ",
		os.DevNull:                    "write " + os.DevNull + ": is not a regular file",
	} {
		err := Write(path, func(io.Writer) error { return nil })
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	path := filepath.Join(dir, "a")
	err := Write(path, func(io.Writer) error { // another process puts a folder in the way
		return os.MkdirAll(filepath.Join(path, "b"), 0o755)
	})
	if err == nil || !strings.HasPrefix(err.Error(), "write "+path+": ") || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("%v, want one about %s", err, path)
	}
	err = Write(filepath.Join(dir, "c"), func(io.Writer) error {
		return &fs.PathError{Op: "write", Path: filepath.Join(dir, ".memprobe-1.tmp"), Err: errors.New("disk on fire")}
	})
	if err == nil || err.Error() != "write "+filepath.Join(dir, "c")+": disk on fire" {
		t.Errorf("%v, want one about c", err)
	}
}
