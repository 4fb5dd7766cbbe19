package result

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"unsafe"

	"memprobe/internal/memory"
)

// RunSchema names the format of run.json.
const RunSchema = "memprobe.run/1"

// Run is a training run: its resolved configuration and what it ran on.
type Run struct {
	Schema   string `json:"schema"`
	Checksum string `json:"checksum,omitempty"` // of the file, see package seal; only there
	Tool     Tool   `json:"tool"`
	// Config is the resolved configuration by the flags' names (without the
	// dashes): strings, numbers, booleans, or lists of them.
	Config   map[string]any `json:"config"`
	Model    Model          `json:"model"`
	Data     Data           `json:"data"`
	Finished bool           `json:"finished"`
	// Extended is how the run became longer than it was begun, in order; Config is that
	// of the longest.
	Extended []Extension `json:"extended,omitempty"`
}

// Extension is epochs that were added to a run.
type Extension struct {
	From    int      `json:"from"`              // epochs before
	To      int      `json:"to"`                // epochs after
	SHA256  string   `json:"sha256,omitempty"`  // of the final model before; "" where there was none yet
	Changes []string `json:"changes,omitempty"` // what else changed, in words
	Tool    Tool     `json:"tool"`
}

// Epoch is a row of metrics.csv. What was not measured in that epoch is NaN,
// an empty cell.
type Epoch struct {
	Epoch           int
	Loss            float64 // mean over the epoch's steps
	FitAugmented    float64 // on augmented batches, training mode, assigned labels
	FitClean        float64 // clean training set, evaluation mode, assigned labels
	TrueClean       float64 // clean training set, evaluation mode, true labels
	Test            float64 // test set, evaluation mode, true labels
	LR              float64 // at the epoch's last step
	Seconds         float64
	ImagesPerSecond float64
}

var epochColumns = [...]string{"epoch", "loss", "fit_augmented", "fit_clean", "true_clean", "test", "lr", "seconds",
	"images_per_second"}

func (e *Epoch) fields() [8]*float64 {
	return [...]*float64{&e.Loss, &e.FitAugmented, &e.FitClean, &e.TrueClean, &e.Test, &e.LR, &e.Seconds,
		&e.ImagesPerSecond}
}

// EpochHeader returns the names of the columns of metrics.csv.
func EpochHeader() []string { return append([]string(nil), epochColumns[:]...) }

// Row returns the cells of e in the order of EpochHeader.
func (e Epoch) Row() []string {
	row := []string{strconv.Itoa(e.Epoch)}
	for _, f := range e.fields() {
		if math.IsNaN(*f) || math.IsInf(*f, 0) {
			row = append(row, "")
			continue
		}
		row = append(row, strconv.FormatFloat(*f, 'g', -1, 64))
	}
	return row
}

// WriteEpochs writes a header and a row an epoch.
func WriteEpochs(w io.Writer, epochs []Epoch) error {
	c := csv.NewWriter(w)
	rows := [][]string{EpochHeader()}
	for _, e := range epochs {
		rows = append(rows, e.Row())
	}
	return c.WriteAll(rows)
}

// ReadEpochs reads metrics.csv by the names in its header, so that columns may
// be added, missing or in another order; a missing value is NaN. A last line
// that was cut off in the middle of a write is left out.
func ReadEpochs(r io.Reader) ([]Epoch, error) {
	b, err := memory.ReadAll("its content", r, nil)
	if err != nil {
		return nil, err
	}
	// A reader of CSV holds a line three times, and a slice that grows its elements twice.
	rows := int64(bytes.Count(b, []byte("\n")))
	if err := memory.Need("its rows", 3*int64(len(b))+2*rows*int64(unsafe.Sizeof(Epoch{}))); err != nil {
		return nil, err
	}
	c := csv.NewReader(bytes.NewReader(b))
	c.FieldsPerRecord = -1
	header, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("no header: %w", err)
	}
	at := map[string]int{}
	for i, name := range header {
		at[name] = i
	}
	if _, ok := at[epochColumns[0]]; !ok {
		return nil, fmt.Errorf("no column %q in %v", epochColumns[0], header)
	}
	var epochs []Epoch
	for line := 2; ; line++ {
		row, err := c.Read()
		if err == io.EOF {
			return epochs, nil
		}
		if err == nil && len(row) != len(header) {
			if _, err := c.Read(); err == io.EOF {
				return epochs, nil // the last row, cut off
			}
			return nil, fmt.Errorf("line %d has %d fields, want %d", line, len(row), len(header))
		}
		if err != nil {
			return nil, err
		}
		e, err := parseEpoch(row, at)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		epochs = append(epochs, e)
	}
}

func parseEpoch(row []string, at map[string]int) (Epoch, error) {
	var e Epoch
	n, err := strconv.Atoi(row[at[epochColumns[0]]])
	if err != nil || n < 0 {
		return e, fmt.Errorf("column %q: %q is not an epoch", epochColumns[0], row[at[epochColumns[0]]])
	}
	e.Epoch = n
	for i, f := range e.fields() {
		name := epochColumns[i+1]
		*f = math.NaN()
		col, ok := at[name]
		if !ok || row[col] == "" {
			continue
		}
		if *f, err = strconv.ParseFloat(row[col], 64); err != nil {
			return e, fmt.Errorf("column %q: %q is not a number", name, row[col])
		}
	}
	return e, nil
}
