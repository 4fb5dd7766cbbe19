package report

import (
	"math"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/recorder"
)

// writings is a canvas that notes where texts begin and end.
type writings struct {
	recorder.Canvas
	at   []matrix // as Push keeps them
	ends map[string]vg.Rectangle
}

// matrix maps (x, y) to (a x + b y + tx, c x + d y + ty).
type matrix struct{ a, b, c, d, tx, ty float64 }

func (t *writings) now() *matrix {
	if len(t.at) == 0 {
		t.at = []matrix{{a: 1, d: 1}}
	}
	return &t.at[len(t.at)-1]
}

func (t *writings) Push() { t.at = append(t.at, *t.now()) }
func (t *writings) Pop()  { t.at = t.at[:len(t.at)-1] }

func (t *writings) Translate(p vg.Point) {
	m, x, y := t.now(), float64(p.X), float64(p.Y)
	m.tx, m.ty = m.tx+m.a*x+m.b*y, m.ty+m.c*x+m.d*y
}

func (t *writings) Scale(x, y float64) {
	m := t.now()
	m.a, m.c, m.b, m.d = m.a*x, m.c*x, m.b*y, m.d*y
}

func (t *writings) Rotate(by float64) {
	m := t.now()
	sin, cos := math.Sincos(by)
	m.a, m.b, m.c, m.d = m.a*cos+m.b*sin, m.b*cos-m.a*sin, m.c*cos+m.d*sin, m.d*cos-m.c*sin
}

func (t *writings) FillString(f font.Face, p vg.Point, s string) {
	if t.ends == nil {
		t.ends = map[string]vg.Rectangle{}
	}
	m := t.now()
	place := func(x, y vg.Length) vg.Point {
		return vg.Point{X: vg.Length(m.a*float64(x) + m.b*float64(y) + m.tx),
			Y: vg.Length(m.c*float64(x) + m.d*float64(y) + m.ty)}
	}
	from, to := place(p.X, p.Y), place(p.X+f.Width(s), p.Y)
	t.ends[s] = vg.Rectangle{Min: vg.Point{X: min(from.X, to.X), Y: min(from.Y, to.Y)},
		Max: vg.Point{X: max(from.X, to.X), Y: max(from.Y, to.Y)}}
}
