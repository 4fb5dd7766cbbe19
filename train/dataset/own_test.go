package dataset

import (
	"slices"
	"strings"
	"testing"
)

func TestNew(t *testing.T) {
	pixels := [][]uint8{{0, 51, 102, 153}, {204, 255, 0, 0}, {1, 2, 3, 4}}
	images := Images{pixels, []int{0, 1, 1}}
	set, err := New("own", []string{"a", "b"}, 1, 2, 2, images, Images{pixels[:1], []int{1}})
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 4)
	set.Train.Float32(x, 1)
	if set.Name != "own" || set.Train.N() != 3 || set.Test.Label(0) != 1 || x[0] != 0.8 || x[1] != 1 {
		t.Errorf("got %+v, image 1 %v", set, x)
	}
	if !slices.Equal(set.Train.Places(), []int{0, 1, 2}) || set.Train.Stored() != 3 {
		t.Errorf("places %v of %d", set.Train.Places(), set.Train.Stored())
	}
	other, err := New("own", []string{"a", "b"}, 1, 2, 2, Images{pixels, []int{0, 1, 0}}, Images{pixels[:1], []int{1}})
	if err != nil || other.Fingerprint() == set.Fingerprint() {
		t.Errorf("another label has the same fingerprint (%v)", err)
	}
	for want, images := range map[string]Images{
		"2 labels for 3 images":          {pixels, []int{0, 1}},
		"record 1: 3 bytes, want 1·2·2":  {[][]uint8{pixels[0], pixels[1][1:]}, []int{0, 1}},
		"record 2: label 2, want 0 to 1": {pixels, []int{0, 1, 2}},
		"own: no training image":         {},
	} {
		_, err := New("own", []string{"a", "b"}, 1, 2, 2, images, Images{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "own") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := New("own", nil, 1, 0, 2, images, Images{}); err == nil {
		t.Error("an image without rows was accepted")
	}
}
