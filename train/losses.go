package train

import (
	"math"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/npy"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// lossLog is losses.npy, or nil: a row an epoch, in it the loss of each training image
// at its last visit in that epoch, as trained: augmented, mixed, in training mode,
// before the step. An image that the epoch left out has NaN.
type lossLog struct {
	file   *npy.Log
	loss   string
	pool   *parallel.Pool
	epoch  *tensor.Tensor // [N], the row in progress; part of the run's state
	values []float64      // of the batch
	exps   [][]float32    // of one row, by worker
}

func newLossLog(wanted bool, loss string, images int, pool *parallel.Pool) *lossLog {
	if !wanted {
		return nil
	}
	l := &lossLog{loss: loss, pool: pool, epoch: tensor.New(tensor.Float32, images), exps: make([][]float32, pool.Threads())}
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
		l.values[:n][i] = rowLoss(l.loss, x, t, l.exps[worker])
	})
	for i, row := range b.rows {
		image, _, _ := b.draw(row)
		l.epoch.F32()[image] = float32(l.values[i])
	}
}

// rowLoss is the loss of logits x against a target, of one sample:
//
//	ce   -Σ target·ln softmax(x)
//	mse  the mean of (x-target)²
//
// scratch is as long as x.
func rowLoss(loss string, x, target, scratch []float32) float64 {
	if loss == MSE {
		vec.Sub(scratch, x, target)
		return vec.SumSq(scratch) / float64(len(x))
	}
	top := vec.MaxOf(x)
	picked, total := 0.0, 0.0 // Σ target·(x-top), Σ target
	for k, t := range target {
		if t != 0 {
			picked += float64(t) * (float64(x[k]) - float64(top))
			total += float64(t)
		}
	}
	return total*math.Log(vec.Of[float32]().ExpSum(scratch, x, top)) - picked
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
