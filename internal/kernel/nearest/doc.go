// Package nearest is the inner loop of exact nearest neighbours: products of vectors
// of int16 in blocks of 8 by 32, the search of a block for what beats a
// threshold, the exact distance of the few that do, and the rounding of vectors to int16.
//
// The vectors are packed in strips, pairs of elements innermost, as the multiply-add
// of pairs of int16 reads them:
//
//	strip   [pair of k][vector][2]
package nearest
