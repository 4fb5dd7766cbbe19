//go:build !amd64 || purego

package quant

func everywhere(f func()) { f() }
