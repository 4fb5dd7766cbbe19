//go:build !amd64 || purego

package vec

func fastest() Table[float32] { return plain[float32]() }
