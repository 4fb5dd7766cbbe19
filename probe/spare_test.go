package probe

import (
	"context"
	"encoding/json"
	"runtime"
	"testing"

	"memprobe/probe/result"
)

// Draws that take each other's memory measure what draws do that have memory of their own,
// as metrics of a user's make them have.
func TestSpareMemoryLeavesNoTrace(t *testing.T) {
	own := Metric{Metric: result.Metric{Name: "none"},
		Measure: func(context.Context, *LayerData) (result.Values, error) { return nil, nil }}
	var got [2]string
	for i, o := range []Options{{}, {Own: []Metric{own}}} {
		o.K, o.Draws, o.Batch = []int{3}, 3, 16
		p := run(t, residual(t), testData(), o)
		layers, err := json.Marshal(p.Layers)
		if err != nil {
			t.Fatal(err)
		}
		got[i] = string(layers)
	}
	if got[0] != got[1] {
		t.Errorf("layers %s, want %s", got[0], got[1])
	}
}

func TestSpare(t *testing.T) {
	s := new(spare)
	a, b := s.take(3), s.take(3)
	s.give(a)
	s.give(b)
	if len(s.take(4)) != 4 {
		t.Error("memory of another length")
	}
	if c, d := s.take(3), s.take(3); &c[0] != &a[0] || &d[0] != &b[0] {
		t.Error("what was given is not taken")
	}
	if c := s.take(3); &c[0] == &a[0] || &c[0] == &b[0] {
		t.Error("memory is taken twice")
	}
	c := make([]float32, 9)
	s.give(c)
	s.give(a)
	if d, e := s.borrow(2), s.borrow(2); &d[0] != &a[0] || len(d) != 3 || &e[0] != &c[0] {
		t.Error("borrowed is not the least piece that suffices, whole")
	}
	d := s.borrow(2)
	if len(d) != 2 {
		t.Error("nothing spare: no memory")
	}
	s.give(d)
	s.give(a)
	if e := s.borrow(2); &e[0] != &d[0] {
		t.Error("what was borrowed is not lent again")
	}
	s.give(d)
	if s.settle(); len(s.pieces) != 1 || &s.pieces[0][0] != &a[0] {
		t.Error("what was made to be borrowed is kept")
	}
}

// The neighbours of a layer are found once, as many as the first and the last ask for, and
// the fewer are the first of the more.
func TestNeighbourhood(t *testing.T) {
	r, err := newRunner(residual(t), testData(), Options{K: []int{3}}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	f := layerFeatures{images: readPixels(nil, r.images, span(0, 120), 36),
		test: readPixels(nil, r.data.Test, span(0, 45), 36)}
	ctx := context.Background()
	many, err := r.neighbourhood(ctx, f, 0, 120, 30)
	if err != nil {
		t.Fatal(err)
	}
	few, err := r.neighbourhood(ctx, f, 0, 120, 3)
	if err != nil {
		t.Fatal(err)
	}
	first, err := many.ofQueries(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := many.ofQueries(ctx); err != nil || again != first || first.K != 30 || first.Queries != 45 {
		t.Errorf("%d neighbours of %d queries, found again, %v", first.K, first.Queries, err)
	}
	want, err := few.ofQueries(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Queries {
		a, _ := first.Row(i)
		b, _ := want.Row(i)
		same(t, "neighbours", a[:3], b)
	}
	own, err := many.leftOut(ctx)
	if err != nil || own.Queries != 120 || own.K != 30 {
		t.Errorf("left out: %+v, %v", own, err)
	}
	both, err := r.neighbourhood(ctx, f, 0, 120, 30)
	if err != nil {
		t.Fatal(err)
	}
	both.both = true
	if of, err := both.ofQueries(ctx); err != nil || both.own == nil {
		t.Errorf("not found in one pass: %v", err)
	} else {
		same(t, "neighbours", of.Index, first.Index)
		same(t, "left out", both.own.Index, own.Index)
	}
	// The images' own neighbours are as many as votes of theirs ask for, whatever the queries' are.
	r.LeaveOneOut = true
	found, err := r.find(ctx, f)
	if err != nil || found.queries.K != 30 || found.own.K != 3 {
		t.Fatalf("%d neighbours of queries and %d of images, want 30 and 3, %v", found.queries.K, found.own.K, err)
	}
	for i := range found.own.Queries {
		a, _ := own.Row(i)
		b, _ := found.own.Row(i)
		same(t, "left out", a[:3], b)
	}
	without, err := r.neighbourhood(ctx, layerFeatures{images: f.images}, 0, 4, 30)
	if err != nil {
		t.Fatal(err)
	}
	if own, err := without.ofQueries(ctx); err != nil || own.Queries != 4 || own.K != 3 {
		t.Errorf("without queries: %+v, %v", own, err)
	}
}

// A plan's memory is free once the features of a network are there: the next one's plan, and
// the search for neighbours, do not lie beside it.
func TestPlansAreGivenBack(t *testing.T) {
	m := residual(t)
	r, err := newRunner(m, testData(), Options{K: []int{3}, Batch: 1 << 14}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.open(m); err != nil {
		t.Fatal(err)
	}
	group := r.groups[0]
	s, err := r.stream(r.trainedSubject(m), group, 1)
	if err != nil {
		t.Fatal(err)
	}
	arena := s.session.Memory().Arena
	s = nil
	held := func() int {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	runtime.GC()
	before := held()
	f, err := r.features(t.Context(), r.trainedSubject(m), group, nil)
	if err != nil {
		t.Fatal(err)
	}
	if more := held() - before; arena < 4<<20 || more > arena/2 {
		t.Errorf("features hold %d bytes, their plan had an arena of %d", more, arena)
	}
	runtime.KeepAlive(f)
}
