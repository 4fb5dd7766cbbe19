package sweep

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// document is the text of a plan, taken apart.
type document struct {
	file    string
	aliases map[*ast.AliasNode]ast.Node // what each stands for
	visits  int                         // keys seen so far, those that aliases repeat counted again
}

// maxVisits bounds what aliases of aliases can make a small plan cost.
const maxVisits = 1 << 20

// pair is a key of a mapping with its value.
type pair struct {
	key   string
	line  int
	value ast.Node
}

// parse reads the one document of a text of UTF-8, or of what its byte-order mark says.
func (d *document) parse(text []byte) (ast.Node, error) {
	text, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), text)
	if err != nil {
		return nil, &PlanError{File: d.file, Err: err}
	}
	if err := bounded(text); err != nil {
		return nil, &PlanError{File: d.file, Err: err}
	}
	parsed, err := parser.ParseBytes(text, 0)
	if e, ok := errors.AsType[yaml.Error](err); ok {
		return nil, &PlanError{d.file, e.GetToken().Position.Line, "", errors.New(inWords(e.GetMessage()))}
	}
	if err != nil {
		return nil, &PlanError{File: d.file, Err: err}
	}
	if len(parsed.Docs) != 1 || parsed.Docs[0].Body == nil {
		return nil, &PlanError{File: d.file, Err: errors.New("is empty or several documents, want one plan")}
	}
	d.aliases = map[*ast.AliasNode]ast.Node{}
	return parsed.Docs[0].Body, d.resolve(parsed.Docs[0].Body, map[string]ast.Node{})
}

// inWords is what the parser's message comes to.
func inWords(message string) string {
	switch {
	case strings.ContainsRune(message, 0x09):
		return "is no YAML: a tab indents, want spaces"
	case strings.Contains(message, "flow mapping") || strings.Contains(message, "flow sequence") ||
		strings.Contains(message, "end token"):
		return "is no YAML: a bracket or a brace is not closed"
	case strings.Contains(message, "end character"):
		return "is no YAML: a quote is not closed"
	case strings.Contains(message, "already defined"):
		_, key, _ := strings.Cut(message, `"`)
		key, _, _ = strings.Cut(key, `"`)
		return fmt.Sprintf("the key %q is there twice", key)
	}
	return "is no YAML here"
}

// What a plan may be: the parser takes a level of the stack for each level of the
// text, and much memory for each character.
const (
	maxPlan    = 1 << 20
	maxNesting = 50
)

// bounded refuses a plan that is too long or nested too deep. Brackets count
// wherever they stand, and so do the dashes of lists in one line.
func bounded(text []byte) error {
	if len(text) > maxPlan {
		return fmt.Errorf("has %d bytes, want at most %d", len(text), maxPlan)
	}
	open := 0
	for line := range bytes.Lines(text) {
		dashes := 0
		for i, c := range line {
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open--
			case '-', '?', ':':
				if i+1 < len(line) && (line[i+1] == ' ' || line[i+1] == '\t') {
					dashes++
				}
			}
			if max(open, dashes) > maxNesting {
				return fmt.Errorf("is nested more than %d levels deep", maxNesting)
			}
		}
	}
	return nil
}

// resolve finds what the aliases in n stand for: the anchor of that name that was ended
// last, so that nothing holds itself.
func (d *document) resolve(n ast.Node, anchors map[string]ast.Node) error {
	var inner []ast.Node
	switch n := n.(type) {
	case *ast.AnchorNode:
		err := d.resolve(n.Value, anchors)
		anchors[n.Name.GetToken().Value] = n.Value
		return err
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		d.aliases[n] = anchors[name]
		if anchors[name] == nil {
			return d.errorf(lineOf(n), "", "alias *%s, but no anchor &%s comes before it", name, name)
		}
	case *ast.TagNode:
		inner = append(inner, n.Value)
	case *ast.SequenceNode:
		inner = n.Values
	case ast.MapNode:
		for it := n.MapRange(); it.Next(); {
			inner = append(inner, it.Key(), it.Value())
		}
	}
	for _, v := range inner {
		if err := d.resolve(v, anchors); err != nil {
			return err
		}
	}
	return nil
}

// plain returns what an anchor or an alias stands for, and other nodes as they are.
func (d *document) plain(n ast.Node) ast.Node {
	for {
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.AliasNode:
			n = d.aliases[v]
		default:
			return n
		}
	}
}

func (d *document) errorf(line int, key, format string, args ...any) error {
	return &PlanError{d.file, line, key, fmt.Errorf(format, args...)}
}

// mapping calls visit for every key of a mapping, and for those that it merges in and
// has not itself; the parser lets none repeat.
func (d *document) mapping(n ast.Node, what string, visit func(key string, line int, v ast.Node) error) error {
	pairs, err := d.pairs(n, what)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, p := range pairs {
		if seen[p.key] {
			continue
		}
		seen[p.key] = true
		if err := visit(p.key, p.line, d.plain(p.value)); err != nil {
			return err
		}
	}
	return nil
}

// pairs lists the keys of a mapping, then those of the mappings that it merges in.
func (d *document) pairs(n ast.Node, what string) ([]pair, error) {
	m, ok := d.plain(n).(ast.MapNode)
	if !ok {
		return nil, d.errorf(lineOf(n), "", "%s is %s, want keys with values", what, kind(d.plain(n)))
	}
	var own, merged []pair
	for it := m.MapRange(); it.Next(); {
		if d.visits++; d.visits > maxVisits {
			return nil, d.errorf(lineOf(n), "", "aliases repeat more than %d keys", maxVisits)
		}
		if !it.Key().IsMergeKey() {
			own = append(own, pair{d.plain(it.Key()).GetToken().Value, lineOf(it.Key()), it.Value()})
			continue
		}
		sources := []ast.Node{it.Value()}
		if list, ok := d.plain(it.Value()).(*ast.SequenceNode); ok {
			sources = list.Values
		}
		for _, source := range sources {
			more, err := d.pairs(source, "what << merges")
			if err != nil {
				return nil, err
			}
			merged = append(merged, more...)
		}
	}
	return slices.Concat(own, merged), nil
}

// scalar reads a single value. Numbers are decimal unless they say otherwise by 0x, 0o or 0b.
func (d *document) scalar(key string, n ast.Node) (entry, error) {
	n = d.plain(n)
	s, ok := n.(ast.ScalarNode)
	if !ok || n.Type() == ast.NullType {
		return entry{}, d.errorf(lineOf(n), key, "is %s, want a single value", kind(n))
	}
	value := s.GetValue()
	if n, ok := n.(*ast.IntegerNode); ok && n.Token.Type == token.OctetIntegerType &&
		!strings.Contains(n.Token.Value, "o") {
		decimal, err := strconv.ParseInt(strings.ReplaceAll(n.Token.Value, "_", ""), 10, 64)
		if err != nil {
			return entry{}, d.errorf(lineOf(n), key, "%s, want a number of fewer digits", n.Token.Value)
		}
		value = decimal
	}
	return entry{key, value, lineOf(n)}, nil
}

// word reads a single value as it is written.
func (d *document) word(key string, n ast.Node) (string, error) {
	e, err := d.scalar(key, n)
	if _, text := e.value.(string); err == nil && !text {
		return d.plain(n).GetToken().Value, nil
	}
	return fmt.Sprint(e.value), err
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil {
		return t.Position.Line
	}
	return 0
}

// kind says what a node is.
func kind(n ast.Node) string {
	switch v := n.(type) {
	case ast.MapNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "empty"
	case ast.ScalarNode:
		return fmt.Sprintf("the value %v", v.GetValue())
	}
	return strings.ToLower(n.Type().String())
}
