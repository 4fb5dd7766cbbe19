package main

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary stand for the program, memprobe in PATH.
// unlessChosen are the tests that run where -run names none; "": all.
var unlessChosen string

func TestMain(m *testing.M) {
	if err := flag.Set("test.run", unlessChosen); err != nil { // the command line is read later
		panic(err)
	}
	testscript.Main(m, map[string]func(){"memprobe": main})
}

// The scripts run the program as a user does. Beside testscript's own commands
// there is "refused CODE ARGS…": the command line ends with that exit code and one
// line on stderr, prints nothing else and leaves no file.
func TestScripts(t *testing.T) {
	models, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("MODELS", models)
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, ".cache"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"refused": refused},
	})
}

func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refused CODE ARGS…")
	}
	before, err := os.ReadDir(ts.MkAbs("."))
	ts.Check(err)
	code, failed := 0, ts.Exec("memprobe", args[1:]...)
	if failed != nil {
		code, err = strconv.Atoi(strings.TrimPrefix(failed.Error(), "exit status "))
		ts.Check(err)
	}
	out, msg := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if strconv.Itoa(code) != args[0] || out != "" || strings.Count(msg, "\n") != 1 {
		ts.Fatalf("memprobe %q: exit %d, want %s and one line: %q %q", args[1:], code, args[0], out, msg)
	}
	after, err := os.ReadDir(ts.MkAbs("."))
	ts.Check(err)
	if len(after) != len(before) {
		ts.Fatalf("memprobe %q leaves files behind: %v", args[1:], after)
	}
}
