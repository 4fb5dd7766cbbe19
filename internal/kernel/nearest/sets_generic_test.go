//go:build !amd64 || purego

package nearest

func everywhere(f func()) { f() }
