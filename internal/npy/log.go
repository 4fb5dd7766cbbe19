package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"memprobe/internal/atomicfile"
	"memprobe/internal/fault"
	"memprobe/internal/tensor"
)

// Log is a .npy file of float32 [rows,columns] that grows row by row. At any moment
// the file holds a whole array: a row counts once the head says so.
type Log struct {
	path    string
	file    *os.File
	rows    int
	columns int
	buf     []byte
}

// OpenLog opens a log that has the given number of rows: with none it makes a new
// file, else rows beyond them are cut off. Fewer rows, or of another length, are a
// fault.
func OpenLog(path string, rows, columns int) (*Log, error) {
	l := &Log{path: path, rows: rows, columns: columns}
	if rows == 0 {
		if err := atomicfile.Write(path, func(w io.Writer) error { _, err := w.Write(l.head()); return err }); err != nil {
			return nil, err
		}
	}
	var err error
	if l.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if err := l.cut(); err != nil {
		l.file.Close()
		return nil, fault.Wrap(path, err)
	}
	return l, nil
}

// head is as long for any number of rows.
func (l *Log) head() []byte { return header(tensor.Float32, []int{l.rows, l.columns}) }

// end is where row number n begins.
func (l *Log) end(n int) int64 { return int64(len(l.head())) + 4*int64(n)*int64(l.columns) }

// cut holds the file to the rows that it is to have.
func (l *Log) cut() error {
	h, err := ReadHead(l.file)
	if err != nil {
		return err
	}
	if h.Type() != "float32" || len(h.Shape) != 2 || h.Shape[0] < l.rows || h.Shape[1] != l.columns {
		return fmt.Errorf("holds %s %v, want float32 of %d rows or more and %d columns", h.Type(), h.Shape, l.rows, l.columns)
	}
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < l.end(l.rows) {
		return fmt.Errorf("has %d bytes, want the %d of %d rows", info.Size(), l.end(l.rows), l.rows)
	}
	if _, err := l.file.WriteAt(l.head(), 0); err != nil {
		return err
	}
	return l.file.Truncate(l.end(l.rows))
}

// Append adds a row.
func (l *Log) Append(row []float32) error {
	if len(row) != l.columns {
		return fmt.Errorf("%s: a row of %d numbers, want %d", l.path, len(row), l.columns)
	}
	var err error
	if l.buf, err = binary.Append(l.buf[:0], binary.LittleEndian, row); err != nil {
		return err
	}
	if _, err := l.file.WriteAt(l.buf, l.end(l.rows)); err != nil {
		return err
	}
	l.rows++
	_, err = l.file.WriteAt(l.head(), 0)
	return err
}

// Sync brings all rows to the disk.
func (l *Log) Sync() error { return l.file.Sync() }

// Close ends the log.
func (l *Log) Close() error { return l.file.Close() }
