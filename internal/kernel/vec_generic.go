//go:build !amd64 || purego

package kernel

func fastest() table[float32] { return plain[float32]() }
