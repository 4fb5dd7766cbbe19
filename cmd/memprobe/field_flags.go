package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/probe"
	"memprobe/train"
)

// settable is a record that flags set by key: *train.Config or *probe.Options.
type settable interface {
	Set(key string, value any) error
}

// fieldFlag is a flag that sets a field of a record.
type fieldFlag struct {
	record settable
	field  train.Field
	given  []string
}

func (v *fieldFlag) String() string {
	if v.record == nil {
		return ""
	}
	return v.field.Text(v.record)
}

func (v *fieldFlag) Set(s string) error {
	if v.field.List != "" {
		v.given = append(v.given, s)
		s = strings.Join(v.given, v.field.List)
	}
	err := v.record.Set(v.field.Key, s)
	if cause := errors.Unwrap(err); cause != nil {
		return cause // pflag names the flag itself
	}
	return err
}

func (v *fieldFlag) Type() string { return v.field.Type }

// fieldFlags declares a flag for each of the fields.
func fieldFlags(f *pflag.FlagSet, record settable, fields []train.Field) {
	for _, field := range fields {
		flag := f.VarPF(&fieldFlag{record: record, field: field}, field.Key, "", field.Help)
		if field.Type == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
}

// probeFlags declares the flags of the options of a probe: all, or those of the keys.
func probeFlags(f *pflag.FlagSet, o *probe.Options, keys ...string) {
	fieldFlags(f, o, slices.DeleteFunc(probe.OptionFields(), func(field probe.Option) bool {
		return len(keys) > 0 && !slices.Contains(keys, field.Key)
	}))
}
