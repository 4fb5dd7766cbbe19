package dataset

import (
	"math"

	"memprobe/internal/rng"
)

// figure is a class of the set of shapes: inside tells whether a point of the unit
// disc, x to the right and y down, belongs to it.
type figure struct {
	name   string
	inside func(x, y float64) bool
}

// figures are the classes of the set of shapes. No two are the same under any
// rotation or scale, so that every nuisance leaves the class as it is.
func figures() []figure {
	return []figure{
		{"disc", func(x, y float64) bool { return x*x+y*y <= 0.64 }},
		{"square", func(x, y float64) bool { return math.Max(math.Abs(x), math.Abs(y)) <= 0.7 }},
		{"triangle", func(x, y float64) bool { return y <= 0.5 && y >= 1.732*math.Abs(x)-1 }},
		{"plus", func(x, y float64) bool {
			x, y = math.Abs(x), math.Abs(y)
			return math.Min(x, y) <= 0.28 && math.Max(x, y) <= 0.9
		}},
		{"ring", func(x, y float64) bool { r := x*x + y*y; return 0.25 <= r && r <= 0.81 }},
		{"star", star},
		{"crescent", func(x, y float64) bool { return x*x+y*y <= 0.81 && (x-0.42)*(x-0.42)+y*y >= 0.45 }},
		{"heart", func(x, y float64) bool {
			x, y = 1.3*x, -1.3*y+0.1
			r := x*x + y*y - 1
			return r*r*r <= x*x*y*y*y
		}},
		{"half-disc", func(x, y float64) bool { return y >= -0.3 && x*x+(y+0.3)*(y+0.3) <= 0.81 }},
		{"arrow", func(x, y float64) bool {
			if y < 0 {
				return y >= -0.95 && math.Abs(x) <= 0.75*(y+0.95)/0.95
			}
			return y <= 0.95 && math.Abs(x) <= 0.2
		}},
	}
}

// star has five points on the unit circle; its edges join each to the next but one.
func star(x, y float64) bool {
	const inner = 0.381966 // radius of the notches: the golden ratio's −2nd power
	turn := 2 * math.Pi / 5
	angle := math.Abs(math.Remainder(math.Atan2(x, -y), turn)) // from the nearest point, at most 36°
	// The edge from the point (1, 0°) to the notch (inner, 36°), in polar form.
	nx, ny := inner*math.Sin(turn/2), 1-inner*math.Cos(turn/2)
	return math.Hypot(x, y)*(math.Cos(angle)*nx+math.Sin(angle)*ny) <= nx
}

// subpixels is how many points along each side of a pixel tell how much of it the
// shape covers.
const subpixels = 4

// draw paints one image [3,size,size]: pixel = background·(1−a) + colour·a + noise, a
// being the part of the pixel that the shape covers. Every draw is made whatever the
// strengths, so that changing one nuisance leaves all others as they are.
func (c *shapesConfig) draw(dst []uint8, inside func(x, y float64) bool, s *rng.Stream) {
	side := float64(c.size)
	radius := 0.42 * side * math.Exp2(-c.scale*s.Float64())
	room := c.place * (side/2 - radius)
	cx, cy := side/2+room*s.Uniform(-1, 1), side/2+room*s.Uniform(-1, 1)
	sin, cos := math.Sincos(c.rotation * s.Uniform(-math.Pi, math.Pi))
	paint := hue(s.Float64())
	for i := range paint {
		paint[i] = 1 - c.colour*(1-paint[i])
	}
	ground := newWaves(s)
	for y := range c.size {
		for x := range c.size {
			covered := 0
			for k := range subpixels * subpixels {
				px := float64(x) + (float64(k%subpixels)+0.5)/subpixels - cx
				py := float64(y) + (float64(k/subpixels)+0.5)/subpixels - cy
				if inside((cos*px+sin*py)/radius, (cos*py-sin*px)/radius) {
					covered++
				}
			}
			a := float64(covered) / (subpixels * subpixels)
			for ch := range 3 {
				v := c.background*ground.at(ch, float64(x)/side, float64(y)/side)*(1-a) + paint[ch]*a
				v += 0.15 * c.noise * s.Normal()
				dst[(ch*c.size+y)*c.size+x] = uint8(math.Round(255 * math.Min(1, math.Max(0, v))))
			}
		}
	}
}

// hue is a colour of full saturation and value; h in [0,1) goes once around the
// circle red, yellow, green, cyan, blue, magenta.
func hue(h float64) [3]float64 {
	var rgb [3]float64
	for i := range rgb {
		away := math.Abs(math.Remainder(h-float64(i)/3, 1)) // from the primary, in turns
		rgb[i] = math.Min(1, math.Max(0, 2-6*away))
	}
	return rgb
}

// waves is a background: two colours that a plane wave mixes, at most half as bright
// as a shape may be.
type waves struct {
	from, to       [3]float64
	fx, fy, offset float64
}

func newWaves(s *rng.Stream) waves {
	w := waves{from: hue(s.Float64()), to: hue(s.Float64())}
	direction, periods := s.Uniform(0, 2*math.Pi), s.Uniform(0.5, 3)
	w.fy, w.fx = math.Sincos(direction)
	w.fx, w.fy = 2*math.Pi*periods*w.fx, 2*math.Pi*periods*w.fy
	w.offset = s.Uniform(0, 2*math.Pi)
	return w
}

// at is the brightness of channel ch at a place in [0,1]².
func (w *waves) at(ch int, x, y float64) float64 {
	t := 0.5 + 0.5*math.Sin(w.fx*x+w.fy*y+w.offset)
	return 0.5 * (w.from[ch]*(1-t) + w.to[ch]*t)
}
