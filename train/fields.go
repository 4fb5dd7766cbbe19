package train

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"memprobe/internal/record"
	"memprobe/internal/suggest"
	"memprobe/train/optim"
)

// Field describes one field of Config.
type Field = record.Field

// Fields returns the fields of Config in their order.
func Fields() []Field {
	values := map[string]string{"loss": lossHelp(), "optimizer": strings.Join(optim.Names(), ", "),
		"schedule": optim.SchedulesHelp()}
	fields := record.Fields[Config]()
	for i := range fields {
		fields[i].Help += values[fields[i].Key]
	}
	return fields
}

// Keys returns the keys of Config in their order.
func Keys() []string {
	var keys []string
	for _, f := range record.Fields[Config]() {
		keys = append(keys, f.Key)
	}
	return keys
}

// UnknownKey says of a key that there is none, and which was probably meant.
func UnknownKey(key string) string {
	if name := suggest.Nearest(key, Keys()); name != "" {
		return "unknown; did you mean " + name + "?"
	}
	return "unknown, want one of " + strings.Join(Keys(), ", ")
}

// Get returns the value of a key, or nil if there is no such key.
func (c *Config) Get(key string) any {
	for _, f := range record.Fields[Config]() {
		if f.Key == key {
			return f.Get(c)
		}
	}
	return nil
}

// Set gives a key a value: a string, as on a command line, or a number or boolean,
// as a document has them. The error is a ConfigError that says what is allowed;
// the configuration then stays as it was.
func (c *Config) Set(key string, value any) error {
	i := slices.Index(Keys(), key)
	if i < 0 {
		return &ConfigError{key, errors.New(UnknownKey(key))}
	}
	next, f := *c, record.Fields[Config]()[i]
	err := f.Set(&next, value)
	if err == nil {
		err = next.check(f)
	}
	if err != nil {
		return &ConfigError{key, err}
	}
	*c = next
	return nil
}

// Map returns the values by key, as run.json holds them.
func (c *Config) Map() map[string]any {
	m := map[string]any{}
	for _, f := range record.Fields[Config]() {
		if v := f.Get(c); !f.Omit || !reflect.ValueOf(v).IsZero() {
			m[f.Key] = v
		}
	}
	return m
}

// FromMap is Default with the values that a run.json or a plan gives.
func FromMap(m map[string]any) (Config, error) {
	c := Default()
	for _, key := range Keys() {
		if v, ok := m[key]; ok {
			if err := c.Set(key, v); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}
