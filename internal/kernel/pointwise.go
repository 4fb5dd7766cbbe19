package kernel

import "memprobe/internal/parallel"

// pointwise convolves with a kernel of one tap and one group: for each image the
// product of the weights and the planes, which are read where they lie. Strides
// are gathered first. Planes so small that they would fill panels badly are
// brought side by side, all images in one product, and its results to their
// places afterwards.
type pointwise struct {
	spec    ConvSpec
	pool    *parallel.Pool
	gemm    *Gemm
	in, out int // channels
	plane   int // floats of a channel of the result
	merges  bool

	gatherBody, spreadBody, placeBody func(worker, chunk int)
	y, x, residual                    []float32
	gathered, results                 []float32
}

// isPointwise reports whether pointwise can compute s.
func isPointwise(s ConvSpec) bool {
	return s.KH == 1 && s.KW == 1 && s.Group == 1 && s.PadTop|s.PadLeft|s.PadBottom|s.PadRight == 0 && s.N > 0
}

// newPointwise makes the forward pass of s.
func newPointwise(p *parallel.Pool, s ConvSpec) *pointwise {
	return makePointwise(p, s, GemmSpec{M: s.M, K: s.C}, s.OutH()*s.OutW())
}

// newPointwiseGradX makes the data gradient of s, of strides of 1.
func newPointwiseGradX(p *parallel.Pool, s ConvSpec) *pointwise {
	return makePointwise(p, s, GemmSpec{M: s.C, K: s.M, TransA: true}, s.H*s.W)
}

func makePointwise(p *parallel.Pool, s ConvSpec, g GemmSpec, plane int) *pointwise {
	c := &pointwise{spec: s, pool: p, in: g.K, out: g.M, plane: plane}
	panels := parallel.Chunks(plane, nr)
	c.merges = s.N > 1 && 4*parallel.Chunks(s.N*plane, nr) <= 3*s.N*panels
	g.N, g.BiasRow = plane, s.Bias
	if c.merges {
		g.N = s.N * plane
	} else {
		g.Batch, g.StrideB, g.StrideC = s.N, c.in*plane, c.out*plane
		g.Accumulate = s.Residual
	}
	if !c.merges || !s.Residual {
		g.Act, g.Lo, g.Hi = s.Act, s.Lo, s.Hi
	}
	c.gemm = NewGemm(p, g)
	c.gatherBody, c.spreadBody, c.placeBody = c.gather, c.spread, c.place
	return c
}

func (c *pointwise) gathers() bool { return c.merges || c.spec.StrideH > 1 || c.spec.StrideW > 1 }

func (c *pointwise) name() string {
	if c.merges {
		return "gemm-merged"
	}
	return "gemm"
}

func (c *pointwise) packedLen() int { return c.gemm.packedA() }

func (c *pointwise) pack(packed, w []float32) { c.gemm.packA(packed, w) }

func (c *pointwise) scratch() int { return c.gatheredLen() + c.resultsLen() + c.gemm.Scratch() }

func (c *pointwise) gatheredLen() int {
	if c.gathers() {
		return c.spec.N * c.in * c.plane
	}
	return 0
}

func (c *pointwise) resultsLen() int {
	if c.merges {
		return c.spec.N * c.out * c.plane
	}
	return 0
}

func (c *pointwise) run(y, x, packed, bias, residual, scratch []float32) {
	n, m := c.gatheredLen(), c.gatheredLen()+c.resultsLen()
	c.y, c.x, c.residual, c.gathered, c.results = y, x, residual, scratch[:n], scratch[n:m]
	if c.gathers() {
		c.pool.For(parallel.Chunks(c.in, c.channels()), c.gatherBody)
		x = c.gathered
	}
	if c.merges {
		y = c.results
	} else if c.spec.Residual {
		c.pool.For(parallel.Chunks(c.spec.N*c.out, c.channels()), c.spreadBody)
	}
	c.gemm.RunPackedA(y, packed, x, bias, scratch[m:])
	if c.merges {
		c.pool.For(parallel.Chunks(c.out, c.channels()), c.placeBody)
	}
	c.y, c.x, c.residual, c.gathered, c.results = nil, nil, nil, nil, nil
}

// channels is how many channels, of all images, a chunk of copying takes.
func (c *pointwise) channels() int {
	const floats = 4096
	return max(1, floats/(c.spec.N*c.plane))
}

// gather brings the elements that the strides take side by side: [C,N,plane]
// where images merge, else [N,C,plane].
func (c *pointwise) gather(_, chunk int) {
	s := &c.spec
	c0, c1 := parallel.Range(chunk, c.channels(), c.in)
	per := len(c.x) / (s.N * c.in)
	for ch := c0; ch < c1; ch++ {
		for n := range s.N {
			to := n*c.in + ch
			if c.merges {
				to = ch*s.N + n
			}
			dst, src := c.gathered[to*c.plane:][:c.plane], c.x[(n*c.in+ch)*per:][:per]
			if per == c.plane {
				copyShort(dst, src)
			} else {
				copyRows(&dst[0], &src[0], s.OutH(), s.OutW(), s.OutW(), s.StrideH*s.W, s.StrideW)
			}
		}
	}
}

// copyShort copies planes, of which those of 4 elements are the most frequent.
func copyShort(dst, src []float32) {
	if len(dst) == 4 && len(src) == 4 {
		*(*[4]float32)(dst) = *(*[4]float32)(src)
		return
	}
	copy(dst, src)
}

// spread copies the residual to where the product is added to it.
func (c *pointwise) spread(_, chunk int) {
	lo, hi := parallel.Range(chunk, c.channels(), c.spec.N*c.out)
	copy(c.y[lo*c.plane:hi*c.plane], c.residual[lo*c.plane:])
}

// place copies results [M,N,plane] to y [N,M,plane] and adds the residual.
func (c *pointwise) place(_, chunk int) {
	s := &c.spec
	lo, hi, clamps := s.Act.Bounds(s.Lo, s.Hi)
	m0, m1 := parallel.Range(chunk, c.channels(), c.out)
	for m := m0; m < m1; m++ {
		for n := range s.N {
			at := (n*c.out + m) * c.plane
			dst, src := c.y[at:][:c.plane], c.results[(m*s.N+n)*c.plane:][:c.plane]
			if !s.Residual {
				copyShort(dst, src)
				continue
			}
			for i, r := range c.residual[at:][:c.plane] {
				v := src[i] + r
				if clamps && v < lo {
					v = lo
				}
				if clamps && v > hi {
					v = hi
				}
				dst[i] = v
			}
		}
	}
}
