package memory

import "sync"

// holds is what is held by those who give it back.
var holds = struct {
	*sync.Cond
	bytes int64
}{Cond: sync.NewCond(new(sync.Mutex))}

// Hold is Need for memory that is given back soon, by release, such as that of one of
// many pictures that are decoded side by side. Holders are counted together: one that
// does not fit beside the others waits for them, and one that does not fit alone is an
// Error.
func Hold(what string, bytes int64) (release func(), err error) {
	holds.L.Lock()
	defer holds.L.Unlock()
	for {
		err := Need(what, bytes+holds.bytes)
		switch {
		case err == nil:
			holds.bytes += bytes
			return func() {
				holds.L.Lock()
				defer holds.L.Unlock()
				holds.bytes -= bytes
				holds.Broadcast()
			}, nil
		case holds.bytes == 0:
			return nil, err
		}
		holds.Wait()
	}
}
