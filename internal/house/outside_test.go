package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A module of its own builds against the public packages and computes with them. It asks
// no network: what go.mod requires is in the module cache, or this test fails. After a
// change of the requirements, its go.mod and go.sum are made anew by
//
//	cd testdata/outside && cp ../../go.sum . && go mod tidy
func TestOutsideModule(t *testing.T) {
	run := exec.Command("go", "run", ".")
	run.Dir = filepath.Join("..", "..", "testdata", "outside")
	run.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off", "GOWORK=off", "CGO_ENABLED=0")
	out, err := run.CombinedOutput()
	if want := "hidden [5 3], class 0\n"; err != nil || string(out) != want {
		t.Errorf("go run in %s: %v\n%s\nwant %q", run.Dir, err, out, want)
	}
}
