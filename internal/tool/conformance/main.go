// Command conformance runs folders of ONNX's backend tests and counts:
//
//	go run ./internal/tool/conformance [--json] DIR [NAME]
//
// It prints a line a failing case, of those whose name contains NAME, and last
// {"total":…,"pass":…,"fail":…,"excluded":…}. pass counts the cases that ran and
// gave the expected results; excluded those that fail for a reason which
// onnx/onnxtest/testdata/excluded.txt lists; fail the others. With --json each
// line is an object. It exits with 1 where a case fails.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/onnx/onnxtest"
)

func main() {
	flags := pflag.NewFlagSet("conformance", pflag.ContinueOnError)
	asJSON := flags.Bool("json", false, "print each failing case as an object")
	err := flags.Parse(os.Args[1:])
	if err != nil || flags.NArg() < 1 || flags.NArg() > 2 {
		fmt.Fprintln(os.Stderr, "usage: conformance [--json] DIR [NAME]")
		os.Exit(2)
	}
	total, err := run(os.Stdout, flags.Arg(0), flags.Arg(1), *asJSON)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(3)
	}
	if total.Fail > 0 {
		os.Exit(1)
	}
}

// totals is the last line.
type totals struct {
	Total    int `json:"total"`
	Pass     int `json:"pass"`
	Fail     int `json:"fail"`
	Excluded int `json:"excluded"`
}

// failure is a line with --json.
type failure struct {
	Case   string `json:"case"`
	Error  string `json:"error"`
	Reason string `json:"reason,omitempty"` // where it is excluded
}

func run(w io.Writer, dir, name string, asJSON bool) (totals, error) {
	var sum totals
	cases, err := onnxtest.NodeCases(dir)
	if err != nil {
		return sum, err
	}
	reasons, err := onnxtest.Exclusions()
	if err != nil {
		return sum, err
	}
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	for _, c := range cases {
		if !strings.Contains(c.String(), name) {
			continue
		}
		sum.Total++
		err := c.Run()
		if err == nil {
			sum.Pass++
			continue
		}
		f := failure{Case: c.String(), Error: strings.ReplaceAll(err.Error(), "\n", "; ")}
		for _, r := range reasons {
			if f.Reason == "" && r.Explains(f.Case+": "+f.Error) {
				f.Reason = r.Reason
			}
		}
		if f.Reason == "" {
			sum.Fail++
		} else {
			sum.Excluded++
		}
		if asJSON {
			err = lines.Encode(f)
		} else {
			_, err = fmt.Fprintln(w, f.text())
		}
		if err != nil {
			return sum, err
		}
	}
	return sum, lines.Encode(sum)
}

func (f failure) text() string {
	if f.Reason != "" {
		return fmt.Sprintf("excluded %s (%s): %s", f.Case, f.Reason, f.Error)
	}
	return fmt.Sprintf("fail %s: %s", f.Case, f.Error)
}
