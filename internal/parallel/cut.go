package parallel

// How work is cut. The sizes of the chunks follow from the shape of the work and,
// where a result does not depend on them, from the number of threads.
const (
	FewChunks  = 16      // least chunks of what is worth sharing
	ChunkFlops = 1 << 19 // least work of a chunk, about 5 µs
)

// Want is how many chunks the threads of p want, to end at about the same time, of
// work that has the same result however it is cut. One thread wants no cut. Without a
// pool work is cut as for a few threads: by such plans methods are compared. Partial
// sums, whose number shows in the bits of their total, are FewChunks at most for any
// number of threads.
func (p *Pool) Want() int {
	if p != nil && p.threads == 1 {
		return 1
	}
	return max(FewChunks, 4*p.Threads())
}

// Evenly divides n into at most the given number of parts: their size and how many
// of them there are.
func Evenly(n, parts int) (size, count int) {
	if n == 0 {
		return 0, 0
	}
	size = Chunks(n, parts)
	return size, Chunks(n, size)
}
