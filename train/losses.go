package train

import (
	"math"

	"memprobe/internal/npy"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// lossLog is losses.npy, or nil: a row an epoch, in it the loss of each training image
// at its last visit in that epoch, as trained: augmented, mixed, in training mode,
// before the step. An image that the epoch left out has NaN.
type lossLog struct {
	file   *npy.Log
	loss   func(x, target, scratch []float32) float64
	pool   *parallel.Pool
	epoch  *tensor.Tensor // [N], the row in progress; part of the run's state
	values []float64      // of the batch
	exps   [][]float32    // of one row, by worker
}

func newLossLog(wanted bool, name string, images int, pool *parallel.Pool) *lossLog {
	if !wanted {
		return nil
	}
	l := &lossLog{loss: lossOf(name).row, pool: pool, epoch: tensor.New(tensor.Float32, images),
		exps: make([][]float32, pool.Threads())}
	l.clear()
	return l
}

func (l *lossLog) clear() {
	for i := range l.epoch.F32() {
		l.epoch.F32()[i] = float32(math.NaN())
	}
}

// open opens the file of a run that has finished so many epochs.
func (l *lossLog) open(path string, epochs int) (err error) {
	if l != nil {
		l.file, err = npy.OpenLog(path, epochs, l.epoch.Len())
	}
	return err
}

// add notes the losses of a batch.
func (l *lossLog) add(b *batcher, logits, target *tensor.Tensor) {
	if l == nil {
		return
	}
	n, classes := logits.Shape[0], logits.Shape[1]
	if cap(l.values) < n {
		l.values = make([]float64, n)
	}
	l.pool.For(n, func(worker, i int) {
		x, t := logits.F32()[i*classes:(i+1)*classes], target.F32()[i*classes:(i+1)*classes]
		if len(l.exps[worker]) != classes {
			l.exps[worker] = make([]float32, classes)
		}
		l.values[:n][i] = l.loss(x, t, l.exps[worker])
	})
	for i, row := range b.rows {
		image, _, _ := b.draw(row)
		l.epoch.F32()[image] = float32(l.values[i])
	}
}

// finish ends the epoch in progress.
func (l *lossLog) finish() error {
	if l == nil {
		return nil
	}
	err := l.file.Append(l.epoch.F32())
	l.clear()
	return err
}

// sync brings all rows to the disk.
func (l *lossLog) sync() error {
	if l == nil {
		return nil
	}
	return l.file.Sync()
}

func (l *lossLog) close() {
	if l != nil {
		l.file.Close()
	}
}
