package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// unpickle reads a Python pickle of plain values and NumPy arrays: dictionaries,
// lists, tuples, numbers, text, bytes. It knows the opcodes that such pickles of
// protocols 2 to 5 are made of and the few globals by which NumPy names its
// arrays (numpyCall), and refuses any other. It is an interpreter without
// anything to call, so nothing in a file can be executed; lengths are held to
// the bytes that are there, so nothing is allocated by claim.
//
// Values are nil, bool, int64, string (text), []byte, pyTuple, *pyList, pyDict,
// pyGlobal, *pyDtype and *pyArray.
func unpickle(data []byte) (any, error) {
	m := &unpickler{data: data, memo: map[uint32]any{}}
	for {
		at := m.at
		op, err := m.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' {
			return m.pop()
		}
		if err := m.step(op[0]); err != nil {
			return nil, fmt.Errorf("pickle, byte %d, opcode %q: %w", at, op[0], err)
		}
	}
}

type (
	pyTuple  []any
	pyList   struct{ items []any }
	pyDict   map[string]any // by text or bytes
	pyGlobal string         // "module.name"
	pyMark   struct{}
)

type unpickler struct {
	data  []byte
	at    int
	stack []any
	memo  map[uint32]any
}

var errTruncated = errors.New("truncated")

// take returns the next n bytes, without a copy.
func (m *unpickler) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.data)-m.at) {
		return nil, errTruncated
	}
	b := m.data[m.at : m.at+int(n) : m.at+int(n)]
	m.at += int(n)
	return b, nil
}

// number reads a little-endian unsigned integer of n bytes.
func (m *unpickler) number(n uint64) (uint64, error) {
	b, err := m.take(n)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:]), nil
}

// counted reads bytes that follow their number, itself of n bytes.
func (m *unpickler) counted(n uint64) ([]byte, error) {
	size, err := m.number(n)
	if err != nil {
		return nil, err
	}
	return m.take(size)
}

func (m *unpickler) push(v any) error {
	m.stack = append(m.stack, v)
	return nil
}

func (m *unpickler) pop() (any, error) {
	if len(m.stack) == 0 {
		return nil, errors.New("the stack is empty")
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

// popN pops n values, the first pushed first.
func (m *unpickler) popN(n int) ([]any, error) {
	if len(m.stack) < n {
		return nil, errors.New("the stack is empty")
	}
	v := append([]any(nil), m.stack[len(m.stack)-n:]...)
	m.stack = m.stack[:len(m.stack)-n]
	return v, nil
}

// popMark pops what was pushed since the last mark, and the mark.
func (m *unpickler) popMark() ([]any, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(pyMark); ok {
			v, err := m.popN(len(m.stack) - 1 - i)
			m.stack = m.stack[:i]
			return v, err
		}
	}
	return nil, errors.New("no mark")
}

func (m *unpickler) step(op byte) error {
	switch op {
	case '\x80': // PROTO
		v, err := m.number(1)
		if err == nil && v > 5 {
			err = fmt.Errorf("protocol %d, want at most 5", v)
		}
		return err
	case '\x95': // FRAME: a hint for readers of streams
		_, err := m.take(8)
		return err
	case '(':
		return m.push(pyMark{})
	case 'N':
		return m.push(nil)
	case '\x88', '\x89':
		return m.push(op == '\x88')
	case 'J', 'K', 'M', '\x8a':
		return m.integer(op)
	case 'U', 'T', 'C', 'B', '\x8e', '\x96', 'X', '\x8c', '\x8d':
		return m.chars(op)
	case '}', ']', ')', 'l', 't', '\x85', '\x86', '\x87':
		return m.build(op)
	case 'a', 'e', 's', 'u':
		return m.fill(op)
	case 'q', 'r', '\x94', 'h', 'j':
		return m.remember(op)
	case 'c', '\x93', 'R', 'b':
		return m.object(op)
	}
	return errors.New("not one of those that plain values and NumPy arrays are made of")
}

// integer reads BININT, BININT1, BININT2 and LONG1.
func (m *unpickler) integer(op byte) error {
	width := map[byte]uint64{'J': 4, 'K': 1, 'M': 2}[op]
	if op == '\x8a' {
		var err error
		if width, err = m.number(1); err != nil {
			return err
		}
		if width > 8 {
			return fmt.Errorf("integer of %d bytes, want at most 8", width)
		}
	}
	v, err := m.number(width)
	if err != nil {
		return err
	}
	n := int64(v)
	if (op == 'J' || op == '\x8a') && width > 0 { // these have a sign
		shift := 64 - 8*width
		n = n << shift >> shift
	}
	return m.push(n)
}

// chars reads text and bytes; a str of Python 2 is bytes.
func (m *unpickler) chars(op byte) error {
	var width uint64 = 4
	switch op {
	case 'U', 'C', '\x8c':
		width = 1
	case '\x8e', '\x96', '\x8d':
		width = 8
	}
	b, err := m.counted(width)
	if err != nil {
		return err
	}
	if op == 'X' || op == '\x8c' || op == '\x8d' {
		return m.push(string(b))
	}
	return m.push(b)
}

// build makes containers.
func (m *unpickler) build(op byte) error {
	switch op {
	case '}':
		return m.push(pyDict{})
	case ']':
		return m.push(&pyList{})
	case ')':
		return m.push(pyTuple{})
	case '\x85', '\x86', '\x87':
		v, err := m.popN(int(op-'\x85') + 1)
		if err != nil {
			return err
		}
		return m.push(pyTuple(v))
	}
	v, err := m.popMark()
	if err != nil {
		return err
	}
	if op == 'l' {
		return m.push(&pyList{v})
	}
	return m.push(pyTuple(v))
}

// fill puts items into the container that lies below them.
func (m *unpickler) fill(op byte) (err error) {
	var items []any
	switch op {
	case 'a':
		items, err = m.popN(1)
	case 's':
		items, err = m.popN(2)
	default:
		items, err = m.popMark()
	}
	if err != nil {
		return err
	}
	if len(m.stack) == 0 {
		return errors.New("the stack is empty")
	}
	switch to := m.stack[len(m.stack)-1].(type) {
	case *pyList:
		if op == 'a' || op == 'e' {
			to.items = append(to.items, items...)
			return nil
		}
	case pyDict:
		if (op == 's' || op == 'u') && len(items)%2 == 0 {
			return to.set(items)
		}
	}
	return errors.New("no container for the items")
}

func (d pyDict) set(items []any) error {
	for i := 0; i < len(items); i += 2 {
		switch k := items[i].(type) {
		case string:
			d[k] = items[i+1]
		case []byte:
			d[string(k)] = items[i+1]
		default:
			return fmt.Errorf("key of type %T, want text", k)
		}
	}
	return nil
}

// remember stores the top of the stack in the memo or gets it back.
func (m *unpickler) remember(op byte) error {
	key := uint64(len(m.memo))
	if op != '\x94' {
		width := uint64(1)
		if op == 'r' || op == 'j' {
			width = 4
		}
		var err error
		if key, err = m.number(width); err != nil {
			return err
		}
	}
	if op == 'h' || op == 'j' {
		v, ok := m.memo[uint32(key)]
		if !ok {
			return fmt.Errorf("nothing remembered as %d", key)
		}
		return m.push(v)
	}
	if len(m.stack) == 0 {
		return errors.New("the stack is empty")
	}
	m.memo[uint32(key)] = m.stack[len(m.stack)-1]
	return nil
}

// object names globals and makes NumPy's objects.
func (m *unpickler) object(op byte) error {
	if op == 'c' {
		module, err := m.line()
		if err != nil {
			return err
		}
		name, err := m.line()
		if err != nil {
			return err
		}
		return m.global(module, name)
	}
	v, err := m.popN(2)
	if err != nil {
		return err
	}
	switch op {
	case '\x93':
		module, ok1 := v[0].(string)
		name, ok2 := v[1].(string)
		if !ok1 || !ok2 {
			return errors.New("the name of a global is no text")
		}
		return m.global(module, name)
	case 'R':
		f, ok1 := v[0].(pyGlobal)
		args, ok2 := v[1].(pyTuple)
		if !ok1 || !ok2 {
			return errors.New("a call of what is no global")
		}
		made, err := numpyCall(f, args)
		if err != nil {
			return err
		}
		return m.push(made)
	}
	if err := numpyState(v[0], v[1]); err != nil {
		return err
	}
	return m.push(v[0])
}

func (m *unpickler) line() (string, error) {
	n := bytes.IndexByte(m.data[m.at:], '\n')
	if n < 0 {
		return "", errTruncated
	}
	line := string(m.data[m.at : m.at+n])
	m.at += n + 1
	return line, nil
}

// global refuses every name that a pickled array does not need.
func (m *unpickler) global(module, name string) error {
	g := pyGlobal(module + "." + name)
	if !numpyGlobal(g) {
		return fmt.Errorf("refused: it asks for %.80q, and only NumPy arrays and plain values are read", string(g))
	}
	return m.push(g)
}

// asInt is a value that must fit an int of 32 bits.
func asInt(v any) (int, bool) {
	n, ok := v.(int64)
	return int(n), ok && math.MinInt32 <= n && n <= math.MaxInt32
}
