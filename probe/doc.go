// Package probe measures what the layers of a network know.
//
// [Run] streams images through a model, pools the activations of the chosen
// layers as they appear, and asks of each layer how well the classes can be read
// from it: by the votes of nearest neighbours (package knn), with the true labels
// and with the labels that the model was trained on, beside the baselines that
// every such number is read against: chance, raw pixels, and the same network
// before its first step. The answer is a [result.Probe].
//
// The metrics of the neighbouring literature are functions of [Features] and
// labels, usable on their own: [Invariance], [Depth], [FitLinear], [CKA],
// [RankMe], [TwoNN], [NC1], [MASC], [MemorizationScore]. Each states its formula.
//
// Images are float32 [C,H,W] with pixels in [0,1]; features are rows of float32;
// labels are integers from 0; accuracies are fractions. Results are bit-identical
// for any number of threads and any division into passes over the data. Random
// choices (images that a metric looks at, untrained weights, bootstrap) are
// functions of the seed.
package probe
