//go:build !linux

package memory

// advise does nothing: there is no such advice.
func advise([]byte) {}
