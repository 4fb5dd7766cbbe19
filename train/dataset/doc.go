// Package dataset opens image classification sets by a one-line SPEC: CIFAR,
// MNIST and its kin, TinyImageNet, folders of images, npz and parquet files, and
// a small set that is embedded and always there.
//
// Images stay as they are stored, uint8 (or float32, from an npz of floats), one
// slice an image, planar: C×H×W, channels R, G, B, rows from the top. They are
// decoded and resized once, when the set is opened. What exceeds
// [Options.MaxMemory] lies in mapped files instead of the heap; nothing else
// about it differs. A Set is safe for concurrent reading.
//
// Every choice is a pure function of what it depends on: the class-balanced
// subset of the content and a seed, the order of an epoch of (seed, epoch).
//
// Errors are of two types: [*SpecError] where the SPEC is wrong, and
// [*fault.Error] where the data are, which names the file and the record.
package dataset
