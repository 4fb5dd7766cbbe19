package dataset

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Preprocess is how images come to a size: what evaluation transforms do to an image of
// PIL, with the same bytes. The zero value scales the shorter side to fit; the presets
// scale it to more, and leave less of the image's rim. All crop at the centre.
//
//	none               the shorter side to N, triangle filter
//	torchvision[:S]    the shorter side to S pixels, ⌊N·256/224⌋ if not said, triangle filter
//	timm[:P]           the shorter side to ⌊N/P⌋ pixels, P = 0.875 if not said, cubic filter
//
// The presets make squares, and pixels are normalised as ImageNet's are, if nothing else is
// said.
type Preprocess struct {
	spec  string
	cubic bool
	side  int     // S; 0: ⌊N·256/224⌋
	part  float64 // P; 0: no preset of timm
}

// NoPreprocess is the name of the zero Preprocess.
const NoPreprocess = "none"

// presetSize is N where neither the model nor the user says it.
const presetSize = 224

// ParsePreprocess reads a preset; "" is none.
func ParsePreprocess(spec string) (Preprocess, error) {
	name, value, given := strings.Cut(spec, ":")
	p := Preprocess{spec: spec}
	var err error
	switch {
	case (spec == "" || spec == NoPreprocess) && !given:
		return Preprocess{}, nil
	case name == "torchvision" && !given:
	case name == "torchvision":
		p.side, err = strconv.Atoi(value)
		if err == nil && (p.side < 1 || p.side > 1<<16) {
			err = strconv.ErrRange
		}
	case name == "timm":
		p.cubic, p.part = true, 0.875
		if given {
			p.part, err = strconv.ParseFloat(value, 64)
			if err == nil && !(p.part > 0.01 && p.part <= 1) {
				err = strconv.ErrRange
			}
		}
	default:
		err = strconv.ErrSyntax
	}
	if err != nil {
		return Preprocess{}, fmt.Errorf("%q, want none, torchvision, torchvision:SIDE, timm or timm:PART", spec)
	}
	return p, nil
}

func (p Preprocess) String() string {
	if p.spec == "" {
		return NoPreprocess
	}
	return p.spec
}

// Normalization is the pixels' where none is said or recorded.
func (p Preprocess) Normalization() string {
	if p.spec == "" {
		return NoNormalization
	}
	return "imagenet"
}

// shorter is what the shorter side of an image is scaled to for squares of size.
func (p Preprocess) shorter(size int) int {
	switch {
	case p.part > 0:
		return int(math.Floor(float64(size) / p.part))
	case p.side > 0:
		return p.side
	case p.spec != "":
		return size * 256 / 224
	}
	return size
}

// check holds a preset to the size that images are to have.
func (p Preprocess) check(h, w int) error {
	if p.spec == "" {
		return nil
	}
	if h != w {
		return fmt.Errorf("preprocessing %v of images to %dx%d, want a square", p, h, w)
	}
	if s := p.shorter(h); s < h {
		return fmt.Errorf("preprocessing %v scales the shorter side to %d, less than the %d that are wanted",
			p, s, h)
	}
	return nil
}

// words say what is done to images that become of a size.
func (p Preprocess) words(to extent) string {
	if p.spec == "" {
		return "antialiased bilinear, shorter side, centre crop"
	}
	method := "bilinear"
	if p.cubic {
		method = "bicubic"
	}
	return fmt.Sprintf("%v: antialiased %s, shorter side to %d, centre crop", p, method, p.shorter(to.h))
}

// triangle is the filter of bilinear resizing: 0 from 1 on.
func triangle(t float64) float64 { return max(0, 1-math.Abs(t)) }

// cubic is Keys' filter (1981) with a = −1/2: 0 from 2 on.
func cubic(t float64) float64 {
	const a = -0.5
	switch t = math.Abs(t); {
	case t < 1:
		return ((a+2)*t-(a+3))*t*t + 1
	case t < 2:
		return (((t-5)*t+8)*t - 4) * a
	}
	return 0
}
