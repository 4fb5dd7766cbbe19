package jpeg

import "memprobe/internal/kernel/picture"

// paint makes the pixels of the planes.
func (d *decoder) paint(dst []byte) {
	rows := make([]*upsampler, len(d.components))
	for i := range rows {
		rows[i] = d.upsampler(&d.components[i])
	}
	if len(rows) == 1 {
		for y := range d.h {
			copy(dst[y*d.w:][:d.w], rows[0].row(y))
		}
		return
	}
	n, converted := d.h*d.w, d.converted()
	for y := range d.h {
		r, g, b := dst[y*d.w:][:d.w], dst[n+y*d.w:][:d.w], dst[2*n+y*d.w:][:d.w]
		first, second, third := rows[0].row(y), rows[1].row(y), rows[2].row(y)
		if converted {
			picture.Colours(r, g, b, first, second, third)
		} else {
			copy(r, first)
			copy(g, second)
			copy(b, third)
		}
		if len(rows) == 4 {
			darken(r, g, b, rows[3].row(y), converted)
		}
	}
}

// converted tells whether the first three components are Y, Cb and Cr.
func (d *decoder) converted() bool {
	c := d.components
	switch {
	case len(c) == 4:
		return d.adobe && d.adobeTransform != 0
	case d.jfif:
		return true
	case d.adobe:
		return d.adobeTransform != 0
	}
	return c[0].id != 'R' || c[1].id != 'G' || c[2].id != 'B'
}

// darken makes colours of rows of inks, as PIL does: a colour is white·(1 − ink), to the
// nearest, with white = 1 − black. Inks and black are stored inverted; but what Y, Cb
// and Cr are converted to is the inverse of the inks as they are stored.
func darken(r, g, b, white []byte, converted bool) {
	flip := byte(255)
	if converted {
		flip = 0
	}
	for i, w := range white[:len(r)] {
		for _, p := range [3]*byte{&r[i], &g[i], &b[i]} {
			t := int(*p^flip)*int(w) + 128
			*p = byte(int(w) - (t>>8+t)>>8)
		}
	}
}
