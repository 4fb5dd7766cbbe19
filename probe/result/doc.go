// Package result holds what a probe found, and the JSON and CSV that carry it
// between commands: probe.json ("memprobe.probe/1"), run.json
// ("memprobe.run/1") and the rows of metrics.csv.
//
// Accuracies are fractions in [0,1]. A quantity that was not measured is absent
// (a nil *Number); one that was measured but is undefined is null in JSON and
// NaN in Go. Every number's settings stand beside it in the same document.
// The package depends on nothing but the standard library and the writer of
// whole files, so that reports need neither graphs nor weights.
package result
