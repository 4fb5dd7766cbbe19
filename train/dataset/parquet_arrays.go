package dataset

import (
	"fmt"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go"

	"memprobe/internal/fault"
	"memprobe/internal/memory"
)

// ragged is a column of numbers or of lists of them, whole.
type ragged struct {
	name    string
	list    bool
	integer bool
	full    int       // the definition level of a value that is there
	empty   int       // that of a list without values
	flat    []float32 // the values of all rows
	ends    []int     // where each row ends among them
}

func newRagged(l leaf, schema *parquet.Schema) ragged {
	c, _ := schema.Lookup(l.path...)
	kind := c.Node.Type().Kind()
	return ragged{name: l.path[0], list: l.list, integer: kind != parquet.Float &&
		kind != parquet.Double, full: int(c.MaxDefinitionLevel), empty: aboveList(schema, l.path)}
}

// aboveList is the definition level of what has the list of a column: −1 where it has none.
func aboveList(schema *parquet.Schema, path []string) int {
	level := 0
	var node parquet.Node = schema
	for _, name := range path {
		fields := node.Fields()
		i := slices.IndexFunc(fields, func(f parquet.Field) bool { return f.Name() == name })
		if i < 0 {
			return -1
		}
		if node = fields[i]; node.Repeated() {
			return level
		}
		if node.Optional() {
			level++
		}
	}
	return -1
}

// arrayColumns are the columns that samples are made of: those called as a model's inputs,
// if there is one; else, where there are no images, all lists of numbers, or the only list
// for an only input. nil: there are none.
func arrayColumns(leaves []leaf, inputs []Array, noImages bool) ([]int, error) {
	at := map[string]int{}
	var lists []int
	for i, l := range leaves {
		if l.number && (l.list || len(l.path) == 1) {
			at[l.path[0]] = i
		}
		if l.number && l.list {
			lists = append(lists, i)
		}
	}
	var named []int
	missing := ""
	for _, in := range inputs {
		if i, ok := at[in.Name]; ok {
			named = append(named, i)
		} else if missing == "" {
			missing = in.Name
		}
	}
	switch {
	case named != nil && missing == "":
		return named, nil
	case named == nil && noImages && (len(inputs) == 0 || len(inputs) == 1 && len(lists) == 1):
		return lists, nil
	case named != nil, noImages && len(inputs) > 0 && len(lists) > 0:
		return nil, fmt.Errorf("no column %s of numbers or lists of them for the model's input %q", missing, missing)
	}
	return nil, nil
}

// read appends the rows of a row group.
func (r *ragged) read(chunk parquet.ColumnChunk) error {
	return eachPage(chunk, func(page parquet.Page) (err error) {
		if r.flat, err = memory.Grow("the arrays", r.flat, int(page.NumValues())); err == nil {
			err = eachValue(page, r.add)
		}
		return err
	})
}

// add appends a value, to the last row where it is one of its list's further ones.
func (r *ragged) add(v parquet.Value) error {
	if v.RepetitionLevel() == 0 {
		r.ends = append(r.ends, len(r.flat))
	}
	row := len(r.ends) - 1
	if row < 0 {
		return fmt.Errorf("the first list does not begin")
	}
	if v.DefinitionLevel() < r.full {
		if v.DefinitionLevel() == r.empty {
			return nil
		}
		return fmt.Errorf("record %d has no value", row)
	}
	x, err := number(v)
	if err != nil {
		return fmt.Errorf("record %d %w", row, err)
	}
	r.flat = append(r.flat, x)
	r.ends[row] = len(r.flat)
	return nil
}

func number(v parquet.Value) (float32, error) {
	switch v.Kind() {
	case parquet.Boolean:
		if v.Boolean() {
			return 1, nil
		}
		return 0, nil
	case parquet.Int32:
		return exactly(int64(v.Int32()))
	case parquet.Int64:
		return exactly(v.Int64())
	case parquet.Float:
		x := v.Float()
		return x, checkFinite([]float32{x})
	}
	x := float32(v.Double())
	return x, checkFinite([]float32{x})
}

// joinArrays makes samples of the arrays of both splits: of lists, as long as the model
// takes them or as the longest is, with zeros behind the shorter ones.
func (l *loader) joinArrays(train, test *shards, c *content) error {
	first := train.files[0]
	if first.arrays == nil {
		return nil
	}
	all := slices.Clone(train.files)
	if test != nil {
		all = append(all, test.files...)
	}
	for k, a := range first.arrays {
		shortest, longest := math.MaxInt, 0
		for _, f := range all {
			if k >= len(f.arrays) || f.arrays[k].name != a.name || f.arrays[k].list != a.list ||
				f.arrays[k].integer != a.integer {
				return fault.Errorf(f.path, "its column %s is not as in %s", a.name, first.path)
			}
			lo, hi := f.arrays[k].lengths()
			shortest, longest = min(shortest, lo), max(longest, hi)
		}
		array := Array{Name: a.name, Integer: a.integer}
		if len(l.o.Inputs) == 1 {
			array.Name = l.o.Inputs[0].Name
		}
		if a.list {
			wide := longest
			if i := slices.IndexFunc(l.o.Inputs, func(in Array) bool { return in.Name == array.Name }); i >= 0 &&
				len(l.o.Inputs[i].Shape) == 1 {
				wide = max(wide, l.o.Inputs[i].Shape[0])
			}
			if array.Shape = []int{wide}; shortest < wide {
				l.note("%s: rows of %d to %d values, padded with 0 to %d", a.name, shortest, longest, wide)
			}
		}
		if err := l.fits(&array); err != nil {
			return fault.Errorf(first.path, "%s: %w", a.name, err)
		}
		c.train.arrays = append(c.train.arrays, array)
	}
	if err := c.train.ofArrays(); err != nil {
		return fault.Errorf(first.path, "%w", err)
	}
	if err := l.rowsOf(train, &c.train); err != nil || test == nil {
		return err
	}
	c.test.arrays = c.train.arrays
	if err := c.test.ofArrays(); err != nil {
		return err
	}
	return l.rowsOf(test, &c.test)
}

// lengths are the shortest and the longest row's.
func (r *ragged) lengths() (shortest, longest int) {
	shortest = math.MaxInt
	at := 0
	for _, end := range r.ends {
		shortest, longest = min(shortest, end-at), max(longest, end-at)
		at = end
	}
	return shortest, longest
}

// rowsOf makes rows of the columns of files, which are dropped.
func (l *loader) rowsOf(s *shards, out *source) error {
	mem := arena{loader: l}
	for _, f := range s.files {
		starts := make([]int, len(f.arrays))
		for i := range f.labels {
			if err := l.ctx.Err(); err != nil {
				return err
			}
			row, err := mem.floats(out.w)
			if err != nil {
				return err
			}
			out.floats = append(out.floats, row)
			for k := range f.arrays {
				a := &f.arrays[k]
				copy(row, a.flat[starts[k]:a.ends[i]])
				starts[k] = a.ends[i]
				row = row[out.arrays[k].size():]
			}
		}
		for k := range f.arrays {
			f.arrays[k].flat, f.arrays[k].ends = nil, nil
		}
	}
	return nil
}
