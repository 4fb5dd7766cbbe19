// Package shared finds reference data that lies outside the repository: answers
// of PyTorch, torchvision and scikit-learn, ONNX's own test cases, real images.
package shared

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Path returns the path of a file or folder of the reference data, which lies in
// $MEMPROBE_SHARED or, where that is not set, in the folder "shared" beside the
// repository. If it is absent the test is skipped, or fails where
// $MEMPROBE_REQUIRE_SHARED is set.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("MEMPROBE_SHARED")
	if root == "" {
		_, file, _, _ := runtime.Caller(0)
		root = filepath.Join(filepath.Dir(file), "..", "..", "..", "shared")
	}
	p := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		if os.Getenv("MEMPROBE_REQUIRE_SHARED") != "" {
			t.Fatalf("reference data missing: %v", err)
		}
		t.Skipf("SKIPPED: reference data %s is absent; set MEMPROBE_SHARED to its folder", p)
	}
	return p
}
