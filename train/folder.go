package train

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"memprobe/internal/atomicfile"
	"memprobe/internal/fault"
	"memprobe/internal/infile"
	"memprobe/onnx"
	"memprobe/probe/result"
)

// folder is the path of a run directory.
type folder string

const (
	checkpointDir = "checkpoints"
	sumsFile      = "SHA256SUMS" // of the checkpoints

	// LossesFile is the name of the losses of a run's training images by epoch.
	LossesFile = "losses.npy"
)

func (f folder) run() string     { return filepath.Join(string(f), "run.json") }
func (f folder) model() string   { return filepath.Join(string(f), "model.onnx") }
func (f folder) labels() string  { return filepath.Join(string(f), "labels.npy") }
func (f folder) metrics() string { return filepath.Join(string(f), "metrics.csv") }
func (f folder) steps() string   { return filepath.Join(string(f), "steps.csv") }
func (f folder) losses() string  { return filepath.Join(string(f), LossesFile) }
func (f folder) state() string   { return filepath.Join(string(f), checkpointDir, "state.safetensors") }

func (f folder) sums() string { return filepath.Join(string(f), checkpointDir, "SHA256SUMS") }

func (f folder) checkpoint(epoch int) string {
	return filepath.Join(string(f), checkpointDir, fmt.Sprintf("epoch-%06d.onnx", epoch))
}

// CheckpointFile is the file in a run's folder that holds the model after an epoch.
func CheckpointFile(dir string, epoch int) string { return folder(dir).checkpoint(epoch) }

// Checkpoints returns the epochs after which a run kept its model, in order, as its list
// of checksums has them. Other files that a user may have added to it are none.
func Checkpoints(dir string) ([]int, error) {
	sums, err := readSums(folder(dir).sums())
	var epochs []int
	for name := range sums {
		var n int
		if _, err := fmt.Sscanf(name, "epoch-%d.onnx", &n); err == nil && filepath.Base(CheckpointFile(dir, n)) == name {
			epochs = append(epochs, n)
		}
	}
	slices.Sort(epochs)
	return epochs, err
}

// FirstCheckpoint is the file in a run's folder that holds the model before its
// first step.
func FirstCheckpoint(dir string) string { return folder(dir).checkpoint(0) }

// saveCheckpoint writes a model with its line in SHA256SUMS, which sha256sum reads
// too.
func (f folder) saveCheckpoint(epoch int, m *onnx.Model) error {
	path := f.checkpoint(epoch)
	sums, err := readSums(f.sums())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if sums[filepath.Base(path)], err = saveModel(m, path); err != nil {
		return err
	}
	return atomicfile.Write(f.sums(), func(w io.Writer) error {
		for _, name := range slices.Sorted(maps.Keys(sums)) {
			if _, err := fmt.Fprintf(w, "%s  %s\n", sums[name], name); err != nil {
				return err
			}
		}
		return nil
	})
}

// readSums returns the checksums of a folder's files by their names; none where there
// is no such file, which is an error.
func readSums(path string) (map[string]string, error) {
	sums := map[string]string{}
	b, err := infile.Read(path)
	if err != nil {
		return sums, fault.Wrap(path, err)
	}
	for line := range strings.Lines(string(b)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || len(sum) != 2*sha256.Size {
			return sums, fault.Errorf(path, "line %q, want a SHA-256 and a name", line)
		}
		sums[name] = sum
	}
	return sums, nil
}

// LoadCheckpoint loads a checkpoint of a run. One that is not as it was written is a
// fault.
func LoadCheckpoint(path string) (*onnx.Model, error) {
	sums, err := readSums(filepath.Join(filepath.Dir(path), sumsFile))
	if err != nil {
		return nil, err
	}
	return loadModel(path, sums[filepath.Base(path)])
}

// LoadModel loads the model of a run, which is its latest checkpoint if it is not
// finished, and returns its path. One that is not as it was written is a fault.
func LoadModel(dir string, run *result.Run) (path string, m *onnx.Model, err error) {
	if run.Finished {
		path = folder(dir).model()
		m, err = loadModel(path, run.Model.SHA256)
		return path, m, err
	}
	epochs, err := Checkpoints(dir)
	if err != nil || len(epochs) == 0 {
		return "", nil, fault.Errorf(dir, "the run is not finished, and no %s/%s lists a checkpoint", checkpointDir, sumsFile)
	}
	path = CheckpointFile(dir, epochs[len(epochs)-1])
	m, err = LoadCheckpoint(path)
	return path, m, err
}

func loadModel(path, sum string) (*onnx.Model, error) {
	b, err := infile.Read(path)
	if err != nil {
		return nil, fault.Wrap(path, err)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(b)); got != sum {
		return nil, fault.Errorf(path, "is damaged: its SHA-256 is %s, the run's record has %q", got, sum)
	}
	return onnx.Load(path)
}

// ProbeDir is where a run's probes belong in its folder.
func ProbeDir(dir string) string { return filepath.Join(dir, "probe") }

// ProbeFile is where the probe of an epoch belongs in a run's folder.
func ProbeFile(dir string, epoch int) string {
	return filepath.Join(ProbeDir(dir), fmt.Sprintf("epoch-%06d.json", epoch))
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
		if err := atomicfile.Write(path,
			func(w io.Writer) error { _, err := io.WriteString(w, stepHeader); return err }); err != nil {
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
