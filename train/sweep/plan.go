package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"memprobe/train"
)

// Plan is a set of runs: every variant at every point of the grid.
//
//	about: what the plan shows, in a line
//	base:                       # of every cell, over the defaults
//	  arch: resnet18
//	variants:                   # each changes the base; left out: one that changes nothing
//	  - name: augmented
//	    augment: crop-flip
//	grid:                       # lists; the cells are their product
//	  seed: [0, 1, 2]
type Plan struct {
	Name  string
	About string
	Cells []Cell // the variants in their order, each over the grid, its last key fastest
}

// Cell is one run of a plan.
type Cell struct {
	Name    string   // of its folder: the first 12 hex digits of SHA-256 of the configuration as JSON
	Variant string   // the variant's name; "" without variants
	Point   []string // "key=value" for each key of the grid
	Config  train.Config
}

// Label tells the cell from the others of its plan.
func (c *Cell) Label() string {
	parts := c.Point
	if c.Variant != "" {
		parts = append([]string{c.Variant}, parts...)
	}
	if len(parts) == 0 {
		return c.Name
	}
	return strings.Join(parts, " ")
}

// PlanError is a fault of a plan.
type PlanError struct {
	File string
	Line int    // from 1; 0 if it is the plan's as a whole
	Key  string // "" if it is of no key
	Err  error  // what was found and what is allowed
}

func (e *PlanError) Error() string {
	at := e.File
	if e.Line > 0 {
		at = fmt.Sprintf("%s:%d", at, e.Line)
	}
	if e.Key != "" {
		at += ": " + e.Key
	}
	return at + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *PlanError) Unwrap() error { return e.Err }

// Setting is a value that replaces what a plan says, as a flag gives it.
type Setting struct {
	Key   string
	Value any
}

// maxCells keeps a mistyped grid from filling a disk.
const maxCells = 10000

// reader reads one plan.
type reader struct {
	document
	plan     Plan
	base     []entry
	variants [][]entry
	names    []string
	grid     []axis
}

// entry is a key with the value that it is given, and where.
type entry struct {
	key   string
	value any
	line  int
}

// axis is a key of the grid with its values.
type axis struct {
	key    string
	values []entry
}

// Parse reads a plan from YAML. The settings hold for every cell and win over the
// base and the variants; a key of the grid cannot be set so. The error is a
// PlanError that names file, line and key, and what is allowed, or one of a
// setting, which is a train.ConfigError.
func Parse(file, name string, text []byte, settings ...Setting) (*Plan, error) {
	r := &reader{document: document{file: file}, plan: Plan{Name: name}}
	body, err := r.parse(text)
	if err != nil {
		return nil, err
	}
	if err := r.top(body); err != nil {
		return nil, err
	}
	if err := r.cells(settings); err != nil {
		return nil, err
	}
	return &r.plan, nil
}

// top reads the keys of the plan itself.
func (r *reader) top(n ast.Node) error {
	return r.mapping(n, "the plan", func(key string, line int, v ast.Node) error {
		switch key {
		case "about":
			var err error
			r.plan.About, err = r.word(key, v)
			return err
		case "base":
			var err error
			r.base, err = r.entries(v, key)
			return err
		case "variants":
			return r.readVariants(v)
		case "grid":
			return r.readGrid(v)
		}
		return r.errorf(line, key, "unknown, want about, base, variants or grid")
	})
}

// entries reads keys of a configuration, checking each value alone.
func (r *reader) entries(n ast.Node, what string) ([]entry, error) {
	var out []entry
	err := r.mapping(n, what, func(key string, line int, v ast.Node) error {
		e, err := r.setting(key, line, v)
		out = append(out, e)
		return err
	})
	return out, err
}

// setting reads the value of a key and checks it.
func (r *reader) setting(key string, line int, v ast.Node) (entry, error) {
	if !slices.Contains(train.Keys(), key) {
		return entry{}, r.errorf(line, key, "%s", train.UnknownKey(key))
	}
	e, err := r.scalar(key, v)
	if err != nil {
		return e, err
	}
	c := train.Default()
	return e, r.set(&c, e)
}

// set gives a configuration a value; the error names its line.
func (r *reader) set(c *train.Config, e entry) error {
	err := c.Set(e.key, e.value)
	if ce, ok := errors.AsType[*train.ConfigError](err); ok {
		return &PlanError{r.file, e.line, e.key, ce.Err}
	}
	return err
}

func (r *reader) readVariants(n ast.Node) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return r.errorf(lineOf(n), "variants", "is %s, want a list", kind(n))
	}
	for _, v := range list.Values {
		name, variant := "", []entry{}
		err := r.mapping(v, "a variant", func(key string, line int, v ast.Node) error {
			if key == "name" {
				var err error
				name, err = r.word(key, v)
				return err
			}
			e, err := r.setting(key, line, v)
			variant = append(variant, e)
			return err
		})
		if err != nil {
			return err
		}
		if name == "" || slices.Contains(r.names, name) {
			return r.errorf(lineOf(v), "variants", "a variant is named %q, want a name of its own", name)
		}
		r.names, r.variants = append(r.names, name), append(r.variants, variant)
	}
	return nil
}

func (r *reader) readGrid(n ast.Node) error {
	return r.mapping(n, "grid", func(key string, line int, v ast.Node) error {
		list, ok := v.(*ast.SequenceNode)
		switch {
		case !ok:
			return r.errorf(line, key, "is %s, want a list of values", kind(v))
		case len(list.Values) == 0:
			return r.errorf(line, key, "is an empty list, want at least one value")
		}
		if len(list.Values) > maxCells {
			return r.errorf(line, key, "has %d values, and a grid at most %d cells", len(list.Values), maxCells)
		}
		a := axis{key: key}
		for _, item := range list.Values {
			e, err := r.setting(key, line, item)
			if err != nil {
				return err
			}
			a.values = append(a.values, e)
		}
		r.grid = append(r.grid, a)
		return nil
	})
}

// cells makes the product of variants and grid.
func (r *reader) cells(settings []Setting) error {
	for _, s := range settings {
		if slices.ContainsFunc(r.grid, func(a axis) bool { return a.key == s.Key }) {
			return &train.ConfigError{Key: s.Key,
				Err: fmt.Errorf("%v, but the plan %s varies it: leave it out", s.Value, r.plan.Name)}
		}
	}
	if len(r.variants) == 0 {
		r.names, r.variants = []string{""}, [][]entry{nil}
	}
	total := len(r.variants)
	for _, a := range r.grid {
		if total *= len(a.values); total > maxCells {
			return r.errorf(a.values[0].line, "grid", "makes more than %d cells", maxCells)
		}
	}
	for i, v := range r.variants {
		for at := range total / len(r.variants) {
			c, err := r.cell(slices.Concat(r.base, v), settings, at)
			if err != nil {
				return err
			}
			c.Variant = r.names[i]
			if j := slices.IndexFunc(r.plan.Cells, func(o Cell) bool { return o.Name == c.Name }); j >= 0 {
				return &PlanError{File: r.file,
					Err: fmt.Errorf("cells %q and %q are the same run", r.plan.Cells[j].Label(), c.Label())}
			}
			r.plan.Cells = append(r.plan.Cells, c)
		}
	}
	return nil
}

// cell resolves the configuration of a variant at a point of the grid.
func (r *reader) cell(entries []entry, settings []Setting, at int) (Cell, error) {
	cell := Cell{Config: train.Default()}
	for _, e := range entries {
		if err := r.set(&cell.Config, e); err != nil {
			return cell, err
		}
	}
	for _, s := range settings {
		if err := cell.Config.Set(s.Key, s.Value); err != nil {
			return cell, err
		}
	}
	for i := len(r.grid) - 1; i >= 0; i-- {
		a := r.grid[i]
		e := a.values[at%len(a.values)]
		at /= len(a.values)
		if err := r.set(&cell.Config, e); err != nil {
			return cell, err
		}
		cell.Point = slices.Insert(cell.Point, 0, fmt.Sprintf("%s=%v", e.key, e.value))
	}
	cell.Name = name(cell.Config)
	if err := cell.Config.Check(); err != nil {
		return cell, &PlanError{File: r.file, Err: fmt.Errorf("cell %q: %w", cell.Label(), err)}
	}
	return cell, nil
}

// name is the hash of a configuration.
func name(c train.Config) string {
	b, err := json.Marshal(c.Map()) // keys in order
	if err != nil {
		panic(err) // a Config holds strings, finite numbers and booleans
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}
