package ops

import (
	"testing"

	"memprobe/internal/tensor"
)

// Two sequences that go on from one do not see each other's tensors, and it stays as it
// was.
func TestSequencesShareNoEnd(t *testing.T) {
	n := &Node{Name: "n", Op: "SequenceInsert"}
	insert := func(s Data, v float32) *Sequence {
		out, err := sequenceInsert(n, []Data{s, tensor.From([]float32{v}, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return out[0].(*Sequence)
	}
	s := &Sequence{}
	for i := range 5 {
		s = insert(s, float32(i))
	}
	a, b := insert(s, 10), insert(s, 20)
	if len(s.Items) != 5 || a.Items[5].F32()[0] != 10 || b.Items[5].F32()[0] != 20 || b.Items[4].F32()[0] != 4 {
		t.Errorf("sequences %v, %v and %v", s.Items, a.Items, b.Items)
	}
}

// A loop that collects many tensors takes time by their number, not by its square.
func TestLongSequence(t *testing.T) {
	grown := 0
	s, one := &Sequence{}, tensor.From([]float32{1}, 1)
	for range 1 << 16 {
		before := cap(s.Items)
		if s = s.with(one); cap(s.Items) != before {
			grown++
		}
	}
	if len(s.Items) != 1<<16 || grown > 40 {
		t.Errorf("%d tensors, copied %d times", len(s.Items), grown)
	}
}
