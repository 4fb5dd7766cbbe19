package winograd

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// changeCycles are those of a tile, by form and change.
func changeCycles(f ref.Form) [7]float64 {
	switch {
	case f.Stride == 2:
		return [7]float64{7.8, 3.9, 7.0, 6.1, 3.8, 6.7, 5.0}
	case f.M == 2:
		return [7]float64{4.9, 3.2, 4.2, 3.7, 3.3}
	}
	return [7]float64{11.4, 6.8, 9.4, 9.8, 6.1}
}

// The estimates are those of blocks of which V and the products, of some panels, have so many
// floats. Others would choose other methods, of other bits.
const (
	estimateFloats = 96 << 10
	estimatePanels = 4
)

func (w *Conv) Cycles() float64 {
	s := &w.spec
	of, square, step := changeCycles(w.form), float64(w.side*w.side), float64(w.source.step*w.source.step)
	tiles := float64(s.N * w.rows * w.cols)
	channels := w.source.panels() * tile.NR
	read := tiles * float64(channels) * (of[w.source.change.of] + step*method.TurnCycles)
	write := tiles * float64(w.panels*tile.NR) * (of[w.output.of] + square*method.SpreadCycles)
	t := w.tiling
	if !w.late {
		t = w.inBlocks(estimateFloats / (w.elements() * (channels + min(estimatePanels, w.panels)*tile.NR)))
	}
	panels := float64(t.blocks()*parallel.Chunks(t.tiles(), tile.MR)) * tiles / float64(t.blocks()*t.tiles())
	products := panels * float64(w.elements()*w.panels) * (float64(s.C)*method.TileCycles + method.StartCycles)
	weights := float64(s.C*w.panels*tile.NR)*of[ref.ChangeWeight] + float64(w.PackedLen())
	stream := method.StreamCycles(w.PackedLen(), t.blocks())
	switch {
	case s.Constant:
		weights = 0
	case w.late:
		stream = method.StreamCycles(taps*s.C*s.M, 1)
	}
	return read + products + write + stream + weights
}

func (w *GradW) Cycles() float64 {
	s := &w.spec
	of, square, step := changeCycles(w.form), float64(w.form.M*w.form.M), float64(w.form.Step()*w.form.Step())
	tiles := float64(s.N * w.tiling.rows * w.tiling.cols)
	rows, cols := float64(w.grad.panels()*tile.NR), float64(w.input.panels()*tile.NR)
	changes := tiles * (cols*(of[ref.ChangeInput]+step*method.TurnCycles) +
		rows*(of[ref.ChangeOutputGrad]+square*method.TurnCycles))
	passes := float64(w.steps * parallel.Chunks(min(w.stepTiles, s.N*w.tiling.rows*w.tiling.cols), passDepth))
	products := float64(w.elements()) * rows / tile.MR * cols / tile.NR *
		(tiles*method.TileCycles + passes*method.StartCycles)
	sums := float64(max(w.partials, 1) * w.nrows * w.ncols * w.sumLen())
	return changes + products + sums + float64(s.M)*cols*(of[ref.ChangeWeightGrad]+9*method.SpreadCycles)
}
