package atomicfile

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestTempDir(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, remove, err := TempDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is left: %v", err)
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	if _, _, err := TempDir(); err == nil {
		t.Error("a folder in none")
	}
}

// A process that ends itself takes its temporary files along, but not those of others.
func TestAbandon(t *testing.T) {
	if dir := os.Getenv("ATOMICFILE_TEST_ABANDON"); dir != "" {
		if _, err := Temp(dir); err != nil {
			t.Fatal(err)
		}
		if _, _, err := TempDir(); err != nil {
			t.Fatal(err)
		}
		Abandon()
		return
	}
	dir := t.TempDir()
	f, err := Temp(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer Remove(f)
	other := exec.Command(os.Args[0], "-test.run=^TestAbandon$")
	other.Env = append(os.Environ(), "ATOMICFILE_TEST_ABANDON="+dir, "TMPDIR="+dir)
	if out, err := other.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != filepath.Base(f.Name()) {
		t.Errorf("%v are left, %v, want this process's alone", left, err)
	}
}
