package ops

import (
	"slices"
	"strconv"
	"strings"

	"memprobe/internal/tensor"
)

// CheckAttrs compares n's attributes with those that ONNX, or ONNX Runtime, gives its operator
// at its opset: one that is not among them, is of another type or is missing where there must
// be one is an error, since a rule would not read it and take its default. As in ONNX, names
// that begin with two underscores are anybody's; those that begin with "memprobe." are a
// loader's or the compiler's.
func (n *Node) CheckAttrs() error {
	if n.Def.Domain == Internal {
		return nil
	}
	own := n.Def.attributesAt(n.Opset)
	for _, name := range sortedNames(n.Attrs) {
		letters, ok := own[name]
		switch {
		case strings.HasPrefix(name, "__") || strings.HasPrefix(name, "memprobe."):
		case !ok && len(own) == 0:
			return n.Errorf("attribute %q is not one of the operator's at opset %d, which has none", name, n.Opset)
		case !ok:
			return n.Errorf("attribute %q is not one of the operator's at opset %d, which has %s",
				name, n.Opset, strings.Join(sortedNames(own), ", "))
		case !fitsLetter(n.Attrs[name], letters[0]):
			return n.Errorf("attribute %s is %T, want %s", name, n.Attrs[name], attributeTypes[letters[0]])
		}
	}
	for _, name := range sortedNames(own) {
		if strings.HasSuffix(own[name], "!") && own[name][0] != 'g' && !n.Has(name) {
			return n.Errorf("attribute %s is missing", name)
		}
	}
	return nil
}

// HasAttr reports whether d's operator has an attribute of that name at an opset.
func (d *Def) HasAttr(opset int, name string) bool { return d.attributesAt(opset)[name] != "" }

// attributesAt returns the letters of an operator's attributes at an opset, by name.
func (d *Def) attributesAt(opset int) map[string]string {
	first, later, _ := strings.Cut(d.Attributes, ";")
	words := strings.Fields(first)
	for _, version := range strings.Split(later, ";") {
		numbered := strings.Fields(version)
		if len(numbered) == 0 {
			break
		}
		if since, err := strconv.Atoi(numbered[0]); err != nil || since > opset {
			break
		}
		words = numbered[1:]
	}
	own := map[string]string{}
	for _, w := range words {
		name, letters, _ := strings.Cut(w, ":")
		own[name] = letters
	}
	return own
}

// attributeTypes are the types that the letters of Def.Attributes stand for.
var attributeTypes = map[byte]string{
	'i': "an integer", 'f': "a float", 's': "a string", 't': "a tensor", 'p': "a type", 'g': "a graph",
	'I': "integers", 'F': "floats", 'S': "strings", 'x': "a sparse tensor",
}

// fitsLetter reports whether an attribute has the type of a letter. A lone integer is a
// list of one; of graphs and types the loader sees to it.
func fitsLetter(value any, letter byte) bool {
	switch value.(type) {
	case int64:
		return letter == 'i' || letter == 'I'
	case float32:
		return letter == 'f'
	case string:
		return letter == 's'
	case *tensor.Tensor:
		return letter == 't'
	case []int64:
		return letter == 'I'
	case []float32:
		return letter == 'F'
	case []string:
		return letter == 'S'
	}
	return true
}

func sortedNames[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
