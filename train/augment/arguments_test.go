package augment

import (
	"fmt"
	"slices"
	"strings"
)

// operationOf is the operation that a name begins with, the longest.
func operationOf(name string) (best string, ok bool) {
	for op := range reference {
		if strings.HasPrefix(name, op) && len(op) > len(best) {
			best, ok = op, true
		}
	}
	return best, ok
}

// arguments are the parameters of one operation; used are those that were asked for.
type arguments struct {
	values map[string]any
	used   map[string]bool
}

func (a arguments) has(name string) bool {
	a.used[name] = true
	return a.values[name] != nil
}

func (a arguments) allUsed() error {
	for name := range a.values {
		if !a.used[name] {
			return fmt.Errorf("parameter %q is not known", name)
		}
	}
	return nil
}

// numbers is a parameter that is a number or a list of them; n are wanted, a
// lone one may stand for all.
func (a arguments) numbers(name string, n int) ([]float64, error) {
	a.used[name] = true
	v, err := numbers(a.values[name])
	if err == nil && len(v) == 1 {
		v = slices.Repeat(v, n)
	}
	if err != nil || len(v) != n {
		return nil, fmt.Errorf("parameter %q is %v, want %d numbers", name, a.values[name], n)
	}
	return v, nil
}

func (a arguments) number(name string) (float64, error) {
	v, err := a.numbers(name, 1)
	if err != nil {
		return 0, err
	}
	return v[0], nil
}

// table is a parameter of n rows, one an image, of m numbers; a lone row may
// stand for all.
func (a arguments) table(name string, n, m int) ([][]float64, error) {
	a.used[name] = true
	list, _ := a.values[name].([]any)
	rows := make([][]float64, n)
	for i := range rows {
		var row any = list
		if len(list) == n && (n != m || len(list) > 0 && isList(list[0])) {
			row = list[i]
		}
		var err error
		if rows[i], err = numbers(row); err != nil || len(rows[i]) != m {
			return nil, fmt.Errorf("parameter %q is %v, want %d rows of %d numbers", name, a.values[name], n, m)
		}
	}
	return rows, nil
}

func isList(v any) bool { _, ok := v.([]any); return ok }

func numbers(v any) ([]float64, error) {
	switch v := v.(type) {
	case float64:
		return []float64{v}, nil
	case []any:
		var out []float64
		for _, e := range v {
			f, ok := e.(float64)
			if !ok {
				return nil, fmt.Errorf("%v is not a number", e)
			}
			out = append(out, f)
		}
		return out, nil
	}
	return nil, fmt.Errorf("%v is not a number", v)
}

// optional is a number, or a value where it is not given.
func (a arguments) optional(name string, otherwise float64) (float64, error) {
	if !a.has(name) {
		return otherwise, nil
	}
	return a.number(name)
}

// only refuses a parameter that is given with another value.
func (a arguments) only(name string, allowed any) error {
	if a.has(name) && a.values[name] != allowed {
		return fmt.Errorf("parameter %q is %v, can be %v", name, a.values[name], allowed)
	}
	return nil
}
