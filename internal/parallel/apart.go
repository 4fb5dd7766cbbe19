package parallel

import "unsafe"

// lines is how many bytes lie between the memory of two workers: processors fetch cache lines
// of 64 bytes in pairs.
const lines = 128

// Apart returns n zeros for each worker of p, of which no two are on one cache line, where a worker
// that writes its own would take those of the others from their caches. Large pieces of
// memory lie apart anyhow; this is for small ones.
func Apart[T any](p *Pool, n int) [][]T {
	var one T
	gap := Chunks(lines, max(1, int(unsafe.Sizeof(one))))
	all := make([]T, gap+p.Threads()*(n+gap))
	own := make([][]T, p.Threads())
	for i := range own {
		at := gap + i*(n+gap)
		own[i] = all[at : at+n : at+n]
	}
	return own
}
