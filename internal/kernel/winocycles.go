package kernel

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// changeCycles are those of a tile of F(m×m, 3×3), by change.
func changeCycles(m int) [5]float64 {
	if m == 2 {
		return [...]float64{4.9, 3.2, 4.2, 3.7, 3.3}
	}
	return [...]float64{11.4, 6.8, 9.4, 9.8, 6.1}
}

func (w *winograd) cycles() float64 {
	s := &w.spec
	of, square := changeCycles(w.m), float64(w.m*w.m)
	tiles := float64(s.N * w.rows * w.cols)
	read := tiles * float64(w.ld) * (of[ref.ChangeInput] + square*turnCycles)
	write := tiles * float64(w.panels*nr) * (of[ref.ChangeOutput] + square*spreadCycles)
	panels := float64(w.blocks()*parallel.Chunks(w.tiles(), mr)) * tiles / float64(w.blocks()*w.tiles())
	products := panels * float64(w.elements()*w.panels) * (float64(s.C)*tileCycles + startCycles)
	weights := float64(s.C*w.panels*nr)*of[ref.ChangeWeight] + float64(w.packedLen())
	if s.Constant {
		weights = 0
	}
	return read + products + write + streamCycles(w.packedLen(), w.blocks()) + weights
}

func (w *winogradW) cycles() float64 {
	s := &w.spec
	of, square := changeCycles(w.m), float64(w.m*w.m)
	tiles := float64(s.N * w.tiling.rows * w.tiling.cols)
	rows, cols := float64(w.grad.panels()*nr), float64(w.input.panels()*nr)
	changes := tiles * (cols*(of[ref.ChangeInput]+square*turnCycles) + rows*(of[ref.ChangeOutputGrad]+square*turnCycles))
	passes := float64(w.steps * parallel.Chunks(min(w.stepTiles, s.N*w.tiling.rows*w.tiling.cols), winoDepth))
	products := float64(w.elements()) * rows / mr * cols / nr * (tiles*tileCycles + passes*startCycles)
	sums := float64(max(w.shares, 1) * w.nrows * w.ncols * w.sumLen())
	return changes + products + sums + float64(s.M)*cols*(of[ref.ChangeWeightGrad]+9*spreadCycles)
}
