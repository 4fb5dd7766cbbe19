package train

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"memprobe/internal/atomicfile"
	"memprobe/internal/fault"
	"memprobe/probe/result"
)

// folder is the path of a run directory.
type folder string

const checkpointDir = "checkpoints"

func (f folder) run() string     { return filepath.Join(string(f), "run.json") }
func (f folder) model() string   { return filepath.Join(string(f), "model.onnx") }
func (f folder) labels() string  { return filepath.Join(string(f), "labels.npy") }
func (f folder) metrics() string { return filepath.Join(string(f), "metrics.csv") }
func (f folder) steps() string   { return filepath.Join(string(f), "steps.csv") }
func (f folder) state() string   { return filepath.Join(string(f), checkpointDir, "state.safetensors") }

func (f folder) checkpoint(epoch int) string {
	return filepath.Join(string(f), checkpointDir, fmt.Sprintf("epoch-%06d.onnx", epoch))
}

// FirstCheckpoint is the file in a run's folder that holds the model before its
// first step.
func FirstCheckpoint(dir string) string { return folder(dir).checkpoint(0) }

// ProbeFile is where the probe of an epoch belongs in a run's folder.
func ProbeFile(dir string, epoch int) string {
	return filepath.Join(dir, "probe", fmt.Sprintf("epoch-%06d.json", epoch))
}

func (f folder) writeMetrics(rows []result.Epoch) error {
	return atomicfile.Write(f.metrics(), func(w io.Writer) error { return result.WriteEpochs(w, rows) })
}

// stepLog is steps.csv, a line a step, or nil. Lines reach the file when sync is
// called; what a kill leaves beyond them is cut off when the run goes on.
type stepLog struct {
	file *os.File
	w    *bufio.Writer
}

const stepHeader = "step,loss,lr\n"

// openStepLog opens the log of a run that has taken the given number of steps.
func openStepLog(path string, wanted bool, steps int) (*stepLog, error) {
	if !wanted {
		return nil, nil
	}
	if steps == 0 {
		if err := atomicfile.Write(path, func(w io.Writer) error { _, err := io.WriteString(w, stepHeader); return err }); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	end, err := lineEnd(f, steps+1)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, fault.Wrap(path, err)
	}
	return &stepLog{f, bufio.NewWriter(f)}, nil
}

// lineEnd is the offset behind the nth line.
func lineEnd(r io.Reader, n int) (int64, error) {
	b := bufio.NewReader(r)
	end := int64(0)
	for i := range n {
		line, err := b.ReadSlice('\n')
		if err != nil {
			return 0, fmt.Errorf("has %d lines, want the %d of the steps that were taken and a header", i, n)
		}
		end += int64(len(line))
	}
	return end, nil
}

func (l *stepLog) add(step int, loss, lr float64) error {
	if l == nil {
		return nil
	}
	b := strconv.AppendInt(l.w.AvailableBuffer(), int64(step), 10)
	b = strconv.AppendFloat(append(b, ','), loss, 'g', -1, 64)
	b = strconv.AppendFloat(append(b, ','), lr, 'g', -1, 64)
	_, err := l.w.Write(append(b, '\n'))
	return err
}

// sync brings all lines to the disk.
func (l *stepLog) sync() error {
	if l == nil {
		return nil
	}
	if err := l.w.Flush(); err != nil {
		return err
	}
	return l.file.Sync()
}

func (l *stepLog) close() {
	if l != nil {
		l.w.Flush()
		l.file.Close()
	}
}
