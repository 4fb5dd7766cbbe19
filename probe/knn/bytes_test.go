package knn

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/nearest"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
)

// Each byte is told from its neighbours, and nothing else is taken for one.
func TestAreBytes(t *testing.T) {
	var all []float32
	for u := range 256 {
		v := float32(u) / 255
		all = append(all, v)
		if got := byteOf(v); int(got) != u {
			t.Errorf("byte %d is taken for %d", u, got)
		}
		for _, other := range []float32{math.Nextafter32(v, -1), math.Nextafter32(v, 2)} {
			if areBytes([]float32{other}) {
				t.Errorf("%v, beside %d/255, is taken for a byte", other, u)
			}
		}
	}
	if !areBytes(all) {
		t.Error("bytes are taken for others")
	}
	for _, v := range []float64{-1, 2, 0.5, 1e30, -1e30, math.NaN(), math.Inf(1), math.Inf(-1)} {
		if areBytes([]float32{0, float32(v)}) {
			t.Errorf("%v is taken for a byte", v)
		}
	}
}

// Queries that are no bytes find their neighbours in a bank of bytes too, whole or in parts.
func TestBytesAndOthers(t *testing.T) {
	const n, m, d, k = 300, 20, 13, 7
	pool := parallel.New(2)
	defer pool.Close()
	s := rng.New(15, rng.Bench)
	bank, bytes, others := make([]float32, n*d), make([]float32, m*d), make([]float32, m*d)
	data["bytes"](&s, bank, n, d)
	data["bytes"](&s, bytes, m, d)
	data["normal"](&s, others, m, d)
	one := slices.Clone(bytes) // but for an element
	one[len(one)-1] = 0.3
	own := brute(bank, bank, d, k, Cosine, true)
	for _, most := range []int64{math.MaxInt64, bytesOf(blockRows, d)} {
		x, err := build(t.Context(), pool, computed{matrix{bank, d}}, n, d, Cosine, most)
		if err != nil {
			t.Fatal(err)
		}
		if x.bytes != nearest.FastI8() {
			t.Fatalf("searched by bytes: %v", x.bytes)
		}
		for _, queries := range [][]float32{bytes, others, bytes, one} {
			want := brute(bank, queries, d, k, Cosine, false)
			of, left, err := x.Both(t.Context(), queries, m, k, k)
			if err != nil {
				t.Fatal(err)
			}
			same(t, of, want)
			same(t, left, own)
			if of, err = x.Search(t.Context(), queries, m, k); err != nil {
				t.Fatal(err)
			}
			same(t, of, want)
		}
	}
}

// The largest sums of a row of the most elements stay within int32.
func TestLongestBytes(t *testing.T) {
	const n, k = 3, 2
	for _, d := range []int{maxBytes, maxBytes + 1} {
		bank := make([]float32, n*d)
		for i := range bank {
			bank[i] = []float32{1, 0, 1}[i/d]
		}
		bank[len(bank)-1] = 0
		x, err := New(t.Context(), nil, bank, n, d, Cosine)
		if err != nil {
			t.Fatal(err)
		}
		if x.bytes != (nearest.FastI8() && d <= maxBytes) {
			t.Errorf("%d elements are searched by bytes: %v", d, x.bytes)
		}
		got, err := x.Search(t.Context(), bank, n, k)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, brute(bank, bank, d, k, Cosine, false))
	}
}

// held are rows that lie in memory as bytes, and can be read as floats.
type held struct {
	computed
	bytes []uint8
}

func (h held) Bytes(i int) []uint8 { return h.bytes[i*h.d : (i+1)*h.d] }

// Rows that lie in memory as bytes have the neighbours of those that are read as floats.
func TestRowsOfBytes(t *testing.T) {
	const n, d, e, k = 300, 13, 3, 7
	s := rng.New(19, rng.Bench)
	j := joinedData(&s, n, d, e)
	floats := j.Images.(computed)
	bytes := held{computed: floats}
	for _, v := range floats.data {
		bytes.bytes = append(bytes.bytes, byteOf(v))
	}
	x, err := NewOf(t.Context(), nil, bytes, n, d, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	of, left, err := x.Both(t.Context(), floats.data, n, k, k)
	if err != nil {
		t.Fatal(err)
	}
	same(t, of, brute(floats.data, floats.data, d, k, Cosine, false))
	same(t, left, brute(floats.data, floats.data, d, k, Cosine, true))
	for _, queries := range []Rows{floats, bytes} {
		again, own, err := x.BothOf(t.Context(), queries, n, k, k)
		if err != nil {
			t.Fatal(err)
		}
		same(t, again, of)
		same(t, own, left)
		if again, err = x.SearchOf(t.Context(), queries, n-1, k); err != nil || again.Queries != n-1 {
			t.Fatalf("%v, %v", again, err)
		}
	}
	other := j
	other.Images = bytes
	got := SearchJoined(t.Context(), nil, nil, other, other, k)
	if want := SearchJoined(t.Context(), nil, nil, j, j, k); (got == nil) != (want == nil) {
		t.Fatalf("found by bytes: %v, by floats: %v", got != nil, want != nil)
	} else if got != nil {
		same(t, got, want)
	}
}
