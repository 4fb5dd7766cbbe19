package train

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"memprobe/internal/suggest"
	"memprobe/train/optim"
)

// Field describes one field of Config.
type Field struct {
	Key  string
	Help string
	Type string // string, int, uint, float or bool
	List string // what separates the values of a string that holds several; "" if it is one
	span string // the range tag
	omit bool   // Map leaves out the zero value
}

// Fields returns the fields of Config in their order.
func Fields() []Field {
	t := reflect.TypeFor[Config]()
	kinds := map[reflect.Kind]string{reflect.String: "string", reflect.Int: "int", reflect.Uint64: "uint", reflect.Float64: "float", reflect.Bool: "bool"}
	values := map[string]string{"loss": lossHelp(), "optimizer": strings.Join(optim.Names(), ", "), "schedule": optim.SchedulesHelp()}
	out := make([]Field, t.NumField())
	for i := range out {
		f := t.Field(i)
		key, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		out[i] = Field{key, f.Tag.Get("help") + values[key], kinds[f.Type.Kind()], f.Tag.Get("list"), f.Tag.Get("range"), option == "omitempty"}
	}
	return out
}

// Keys returns the keys of Config in their order.
func Keys() []string {
	var keys []string
	for _, f := range Fields() {
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

// field returns the description of a key and the place of its value.
func (c *Config) field(key string) (Field, reflect.Value, error) {
	i := slices.Index(Keys(), key)
	if i < 0 {
		return Field{}, reflect.Value{}, fmt.Errorf("%s", UnknownKey(key))
	}
	return Fields()[i], reflect.ValueOf(c).Elem().Field(i), nil
}

// Get returns the value of a key, or nil if there is no such key.
func (c *Config) Get(key string) any {
	_, v, err := c.field(key)
	if err != nil {
		return nil
	}
	return v.Interface()
}

// Set gives a key a value: a string, as on a command line, or a number or boolean,
// as a document has them. The error is a ConfigError that says what is allowed;
// the configuration then stays as it was.
func (c *Config) Set(key string, value any) error {
	next := *c
	f, v, err := next.field(key)
	if err == nil {
		err = assign(v, value)
	}
	if err == nil {
		err = next.check(f)
	}
	if err != nil {
		return &ConfigError{key, err}
	}
	*c = next
	return nil
}

// assign converts value, which may be of another type that prints alike, to v's.
func assign(v reflect.Value, value any) error {
	switch reflect.ValueOf(value).Kind() {
	case reflect.Invalid, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct, reflect.Pointer:
		return fmt.Errorf("%v, want a single value", value)
	}
	text := fmt.Sprint(value)
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q, want true or false", text)
		}
		v.SetBool(b)
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 0)
		if err != nil {
			return fmt.Errorf("%q, want a whole number", text)
		}
		v.SetInt(n)
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q, want a whole number of 0 or more", text)
		}
		v.SetUint(n)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%q, want a number", text)
		}
		v.SetFloat(x)
	}
	return nil
}

// inRange holds the value of a field to its range tag.
func (f Field) inRange(c *Config) error {
	if f.span == "" {
		return nil
	}
	x, most := 0.0, math.MaxFloat64
	switch v := c.Get(f.Key).(type) {
	case int:
		x, most = float64(v), math.MaxInt32
	case float64:
		x = v
	}
	low, high, _ := strings.Cut(f.span, ",")
	least, _ := strconv.ParseFloat(low, 64)
	if high != "" {
		most, _ = strconv.ParseFloat(high, 64)
	}
	switch {
	case x >= least && x <= most:
		return nil
	case high == "":
		return fmt.Errorf("%v, want %s or more", x, low)
	}
	return fmt.Errorf("%v, want %s to %s", x, low, high)
}

// Map returns the values by key, as run.json holds them.
func (c *Config) Map() map[string]any {
	m := map[string]any{}
	for _, f := range Fields() {
		if v := c.Get(f.Key); !f.omit || !reflect.ValueOf(v).IsZero() {
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
