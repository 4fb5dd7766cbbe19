package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/pflag"

	"memprobe/internal/kernel/cpu"
)

// release is memprobe's version where the build records none.
const release = "0.1.0"

var versionCommand = command{
	name: "version", about: "version, Go, CPU features in use", example: "memprobe version --json",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		asJSON := f.Bool("json", false, "print JSON")
		return func(_ context.Context, args []string, std streams) error {
			if len(args) > 0 {
				return usagef("version takes no arguments, got %q", args[0])
			}
			v := map[string]string{"version": version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" +
				runtime.GOARCH, "kernels": cpu.ISA()}
			if *asJSON {
				return json.NewEncoder(std.out).Encode(v)
			}
			_, err := fmt.Fprintf(std.out, "memprobe %s, %s %s, kernels: %s\n", v["version"], v["go"], v["platform"],
				v["kernels"])
			return err
		}
	},
}

func version() string {
	if v := stamp(); v != "" {
		return v
	}
	return release
}

// stamp is the version that the build records; "" if it records none.
func stamp() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "(devel)" {
		return ""
	}
	return info.Main.Version
}
