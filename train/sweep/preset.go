package sweep

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"memprobe/internal/suggest"
)

//go:embed presets/*.yaml
var presets embed.FS

// The scales of a preset.
const (
	Small  = "small"  // minutes to an hour on two cores
	Medium = "medium" // an hour or more on two cores
	Paper  = "paper"  // the published protocol, for a cluster
)

// Scales are the scales that every preset has.
func Scales() []string { return []string{Small, Medium, Paper} }

// Presets are the names of the experiments of Anagnostidis et al. 2023 that are
// there as plans.
func Presets() []string {
	files, err := presets.ReadDir("presets")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	var names []string
	for _, f := range files {
		name, _, _ := strings.Cut(f.Name(), ".")
		names = append(names, name)
	}
	return slices.Compact(names)
}

// Preset is the plan of that name and scale, with the settings of Parse.
func Preset(name, scale string, settings ...Setting) (*Plan, error) {
	if err := suggest.OneOf(name, Presets()); err != nil {
		return nil, fmt.Errorf("preset %w", err)
	}
	if err := suggest.OneOf(scale, Scales()); err != nil {
		return nil, fmt.Errorf("scale %w", err)
	}
	file := name + "." + scale + ".yaml"
	text, err := presets.ReadFile("presets/" + file)
	if err != nil {
		return nil, err
	}
	return Parse(file, name, text, settings...)
}
