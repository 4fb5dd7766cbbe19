package main

func optimisers() {
	direction := func(a args) vec { return fma(a.x[0], a.s[1], mul(a.x[1], a.s[2])) }
	sweep{dst: []string{"w"}, src: []string{"w", "g"}, scalars: []string{"lr", "decay", "scale"}, unroll: 2,
		f: func(a args) []vec { return result(fnma(direction(a), a.s[0], a.x[0])) },
	}.generate("SGDPlain", "(w, g []float32, lr, decay, scale float32)")
	for _, name := range []string{"SGDMomentum", "SGDNesterov"} {
		sweep{dst: []string{"w", "buf"}, src: []string{"w", "g", "buf"},
			scalars: []string{"lr", "decay", "scale", "momentum"}, unroll: 2,
			f: func(a args) []vec {
				d := direction(a)
				buf := fma(a.x[2], a.s[3], d)
				if name == "SGDNesterov" {
					d = fma(buf, a.s[3], d)
				} else {
					d = buf
				}
				return []vec{fnma(d, a.s[0], a.x[0]), buf}
			},
		}.generate(name, "(w, g, buf []float32, lr, decay, scale, momentum float32)")
	}
	adam()
}

// adam takes its constants, those of ref.AdamCoef, one by one.
func adam() {
	scalars := []string{"scale", "coupled", "keep", "beta1", "rest1", "beta2", "rest2", "root", "eps", "rate"}
	list := ""
	for i, s := range scalars {
		if i > 0 {
			list += ", "
		}
		list += s
	}
	sweep{dst: []string{"w", "m", "v"}, src: []string{"w", "g", "m", "v"}, scalars: scalars, unroll: 1,
		f: func(a args) []vec {
			w, s := a.x[0], a.s
			d := fma(w, s[1], mul(a.x[1], s[0]))
			m := fma(a.x[2], s[3], mul(d, s[4]))
			v := fma(a.x[3], s[5], mul(mul(d, d), s[6]))
			step := div(m, fma(sqrt(v), s[7], s[8]))
			return []vec{fnma(step, s[9], mul(w, s[2])), m, v}
		},
	}.generate("AdamStep", "(w, g, m, v []float32, "+list+" float32)")
}
