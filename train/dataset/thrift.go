package dataset

import (
	"encoding/binary"
	"errors"
)

// The types of Thrift's compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI64    = 6 // I16 and I32 below it
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

var errThrift = errors.New("damaged Thrift structure")

// checkThrift wants data to begin with a whole struct in Thrift's compact
// protocol, in which no list, string or field claims more than is there, and
// returns its length. visit, if not nil, is told of its integers: of its own
// fields (outer 0) and of those of the structs in them (outer is their field).
//
// The parquet module allocates what lengths claim; nothing that has not passed
// here is given to it. Protocol: thrift-compact-protocol.md of Apache Thrift.
func checkThrift(data []byte, visit func(outer, field int, v int64)) (int, error) {
	w := thriftWalk{data: data, visit: visit}
	w.fields(0, 0)
	return w.at, w.err
}

type thriftWalk struct {
	data  []byte
	at    int
	err   error
	visit func(outer, field int, v int64)
}

// maxThriftDepth is far beyond that of parquet's structs.
const maxThriftDepth = 16

func (w *thriftWalk) fields(depth, outer int) {
	for field := 0; w.err == nil; {
		head := w.byte()
		if head == 0 {
			return
		}
		if delta := int(head >> 4); delta != 0 {
			field += delta
		} else {
			field = int(w.varint())
		}
		switch kind := head & 15; kind {
		case thriftTrue, thriftFalse:
		default:
			w.value(kind, depth, outer, field)
		}
	}
}

func (w *thriftWalk) value(kind byte, depth, outer, field int) {
	if depth > maxThriftDepth {
		w.err = errThrift
	}
	if w.err != nil {
		return
	}
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		w.byte()
	case thriftByte + 1, thriftByte + 2, thriftI64:
		if v := w.varint(); w.visit != nil && depth < 2 && w.err == nil {
			w.visit(outer, field, v)
		}
	case thriftDouble:
		w.skip(8)
	case thriftBinary:
		w.skip(w.uvarint())
	case thriftList, thriftSet:
		head := w.byte()
		n := uint64(head >> 4)
		if n == 15 {
			n = w.uvarint()
		}
		w.values(n, depth, head&15)
	case thriftMap:
		if n := w.uvarint(); n > 0 {
			kinds := w.byte()
			w.values(n, depth, kinds>>4, kinds&15)
		}
	case thriftStruct:
		w.fields(depth+1, field)
	default:
		w.err = errThrift
	}
}

// values are n elements of a list, or pairs of a map.
func (w *thriftWalk) values(n uint64, depth int, kinds ...byte) {
	if n > uint64(len(w.data)-w.at) { // an element has at least a byte
		w.err = errThrift
	}
	for ; n > 0 && w.err == nil; n-- {
		for _, k := range kinds {
			w.value(k, depth+2, 0, 0)
		}
	}
}

func (w *thriftWalk) byte() byte {
	if w.skip(1); w.err != nil {
		return 0
	}
	return w.data[w.at-1]
}

func (w *thriftWalk) skip(n uint64) {
	if n > uint64(len(w.data)-w.at) {
		w.err = errThrift
	}
	if w.err == nil {
		w.at += int(n)
	}
}

func (w *thriftWalk) uvarint() uint64 {
	v, n := binary.Uvarint(w.data[w.at:])
	if n <= 0 {
		w.err = errThrift
		return 0
	}
	w.at += n
	return v
}

func (w *thriftWalk) varint() int64 {
	v := w.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}
