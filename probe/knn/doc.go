// Package knn finds exact nearest neighbours and classifies by their votes.
//
// Features are float32 matrices, a row a vector: bank [n,d], queries [m,d].
// Distances are defined in float64 arithmetic on the float32 features:
//
//	euclidean  √Σ(q−b)²
//	cosine     1 − q·b/√(q·q · b·b), clamped to [0,2]
//
// A zero vector has no direction; its cosine distance to everything, another
// zero vector included, is 1. Neighbours are ordered by distance, then by index;
// votes are won by the greatest weight, then by the smallest class.
//
// # Exact search at the speed of integers
//
// The distance matrix is never stored, and hardly ever computed. Both metrics
// rank the bank by q·b + β(b) after the same steps: rows are normalised
// (cosine), the bank's mean is subtracted, and each row is scaled so that its
// norm is 32767 and rounded to int16. Blocks of dot products of these rows are
// exact in int32 by the Cauchy-Schwarz inequality, and bound the true score to
// within an error that the norms of the rounding residuals give, again by
// Cauchy-Schwarz. A query keeps the rows whose upper bound reaches its bar, which
// k lower bounds reach; on typical features a few more than k are left of 50,000.
// Only those are ranked, by the float64 distance. A sample of the bank sets the
// first bar, so that few rows are kept for a while. The bounds hold for the
// rounding of every step, so the answer is that of a brute-force search,
// whatever the data; unfavourable data (many near-duplicates) only leave more
// rows to rank.
//
// Rows that are whole 255ths, as images are, are searched by these bytes under cosine, on processors
// that multiply bytes faster: their products are exact, and so are the bounds but for roundings. Of
// images with features beside them, both of norm 1, the products of the bytes and those of the
// features, as int16 of the image's norm, add up to one sum. Where distances are not asked for, such bounds
// alone order most neighbours, and those rows are measured of which they do not say which is nearer.
//
// Where the rows of the bank are the queries, each of two rows may keep the other: their
// product is computed once. The mean and the scale are those of the whole bank, so
// bars hold from one part of a bank to the next where it is made ready in parts.
//
// Results are the same for any number of threads.
package knn
