package sweep

import (
	"testing"

	"memprobe/train"
)

// Pinned: the folders of finished cells bear these names, and a sweep that goes on
// looks for them.
func TestNamesAreKept(t *testing.T) {
	c := train.Default()
	if got, want := name(c), "8e876927ad4e"; got != want {
		t.Errorf("the default configuration's name is %s, want %s", got, want)
	}
	c.ImageSize = 48
	if got := name(c); got == name(train.Default()) {
		t.Errorf("two configurations have the name %s", got)
	}
}
