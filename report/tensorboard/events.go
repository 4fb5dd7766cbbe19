package tensorboard

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The fields that are written, by message.
const (
	eventWallTime, eventStep, eventVersion, eventSummary, eventSession = 1, 2, 3, 5, 7

	sessionStatus, sessionStart = 1, 1 // the field, and its value where a log begins

	summaryValue                                       = 1
	valueTag, valueSimple, valueImage                  = 1, 2, 4
	imageHeight, imageWidth, imageColours, imageString = 1, 2, 3, 4
)

const version = "brain.Event:2"

// Scalar is a number with the name under which it is drawn; slashes make groups.
type Scalar struct {
	Tag   string
	Value float64
}

// Log is an event file that is being written. Each record is in the file when the method
// that writes it returns.
type Log struct{ file *os.File }

// Create begins an event file in dir, made if need be, in place of those that Create made
// there before: what they hold has to be written again. TensorBoard drops what it has read
// of them.
func Create(dir string, at time.Time) (*Log, error) {
	old, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*.memprobe"))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, fmt.Sprintf("events.out.tfevents.%010d.memprobe", at.Unix()))
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	l := &Log{f}
	for _, name := range old {
		if name != path && err == nil {
			err = os.Remove(name)
		}
	}
	if err == nil {
		err = l.event(at, 0, text(nil, eventVersion, version))
	}
	if err == nil {
		err = l.event(at, 0, message(nil, eventSession, number(nil, sessionStatus, sessionStart)))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

// Scalars writes numbers of a step. Those that are not finite are left out.
func (l *Log) Scalars(at time.Time, step int, values ...Scalar) error {
	var summary []byte
	for _, v := range values {
		if v.Value-v.Value != 0 {
			continue
		}
		b := text(nil, valueTag, v.Tag)
		b = protowire.AppendFixed32(protowire.AppendTag(b, valueSimple, protowire.Fixed32Type),
			math.Float32bits(float32(v.Value)))
		summary = message(summary, summaryValue, b)
	}
	if summary == nil {
		return nil
	}
	return l.event(at, step, message(nil, eventSummary, summary))
}

// Image writes a picture of a step, encoded as PNG, of that size in pixels.
func (l *Log) Image(at time.Time, step int, tag string, png []byte, width, height int) error {
	const rgba = 4
	b := number(number(number(nil, imageHeight, height), imageWidth, width), imageColours, rgba)
	b = message(b, imageString, png)
	b = message(text(nil, valueTag, tag), valueImage, b)
	return l.event(at, step, message(nil, eventSummary, message(nil, summaryValue, b)))
}

// Close ends the file.
func (l *Log) Close() error { return l.file.Close() }

// event writes an Event of which what is the content.
func (l *Log) event(at time.Time, step int, what []byte) error {
	b := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(float64(at.UnixMicro())/1e6))
	_, err := l.file.Write(record(append(number(b, eventStep, step), what...)))
	return err
}

func text(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func message(b []byte, field protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), content)
}

func number(b []byte, field protowire.Number, v int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

// record puts data into a record.
func record(data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	return binary.LittleEndian.AppendUint32(append(b, data...), masked(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}
