// Package store keeps the features of layers on disk, so that a network runs on an
// image once.
//
// A store is a folder. It has a folder for each entry, the features of one network on
// one sequence of images, named after the hash of all that decides them (Key), and in it
// a file for each layer:
//
//	header  a line of JSON, sealed by internal/seal, and zeros up to a multiple of 64
//	sums    32 bytes for each chunk of rows: zeros, or the SHA-256 of the header's
//	        checksum, the chunk's number (8 bytes, little-endian) and its bytes
//	        and zeros up to a multiple of 4096
//	rows    [rows, dim], float32 or float16 in the order of the machine's bytes
//
// A file has its full size from the beginning, with holes for what is not there, so any
// chunk can be written at any time by any process. A chunk counts only where its bytes
// fit its sum, which is written after it: whatever ends a process or a machine, what was
// whole before is whole afterwards, and the rest is computed again. A file counts only
// where its header hashes to its path. The locks that
// processes take on chunks keep them from doing the same work twice; were they to fail,
// the same bytes would be written twice.
//
// While an entry is in use a shared lock on its file "used" is held. The time of that
// file says when it was used last; entries that were not used for longest are removed,
// whole, where others need their place. Folders with other names than hashes are none of
// the store's.
package store
