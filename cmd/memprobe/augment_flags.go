package main

import (
	"strings"

	"memprobe/train/augment"
)

// augmentHelp is what --augment says of itself.
func augmentHelp() string {
	return strings.Join(augment.Presets(), ", ") + ", rand:S with a strength S from 0 to 1, or a pipeline as it is printed"
}
