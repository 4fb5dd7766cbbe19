package main

import (
	"errors"

	"memprobe/train/dataset"
)

// dataFault tells a data set that is absent or does not fit from a failure.
func dataFault(err error) bool {
	_, missing := errors.AsType[*dataset.MissingError](err)
	_, spec := errors.AsType[*dataset.SpecError](err)
	return missing || spec
}
