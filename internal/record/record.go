// Package record reads and sets the fields of a flat struct by key, so that a flag, a
// plan and a result agree on what there is. All that is known of a field stands in its
// tags:
//
//	json     its key, the name of its flag without dashes; fields without one have no key
//	help     what the flag says of itself
//	default  the value that zero stands for, as on a command line
//	range    the least and, after a comma, the greatest number; "(0,1)" leaves 0 and 1 out
//	list     what separates the values of a string that holds several
//	place    where a result of this project has the value, a path of keys with dots between
//
// Fields are strings, ints, uint64s, float64s, bools, slices of strings or ints, or types
// that unmarshal text.
package record

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// Field describes one field of a record.
type Field struct {
	Key     string
	Help    string
	Type    string // string, int, uint, float, bool, strings or ints
	List    string // what separates the values of one that holds several; "" if it is one
	Default string // "" for the zero value
	Place   string // in a result; "" if it is in none
	Omit    bool   // documents leave out the zero value
	Range   string // the tag; "" for any value
	at      int    // the field's place in the struct
}

// Fields returns the fields with a key of the struct R, in their order.
func Fields[R any]() []Field {
	var list []Field
	for _, f := range all(reflect.TypeFor[R]()) {
		if f.Key != "" {
			list = append(list, f)
		}
	}
	return list
}

// known are the fields of structs that were looked at, by their type.
var known sync.Map

// all returns the fields of a struct, those without a key too. They are not to be changed.
func all(t reflect.Type) []Field {
	if list, ok := known.Load(t); ok {
		return list.([]Field)
	}
	list := make([]Field, t.NumField())
	for i := range list {
		f := t.Field(i)
		key, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		list[i] = Field{key, f.Tag.Get("help"), kind(f.Type), f.Tag.Get("list"), f.Tag.Get("default"), f.Tag.Get("place"),
			option == "omitempty", f.Tag.Get("range"), i}
		if f.Type.Kind() == reflect.Slice {
			list[i].List = ","
		}
	}
	known.Store(t, list)
	return list
}

// kind is Field.Type of a type; "" for one that no text can set.
func kind(t reflect.Type) string {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "string"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Int:
		return "int"
	case reflect.Uint64:
		return "uint"
	case reflect.Float64:
		return "float"
	case reflect.Bool:
		return "bool"
	case reflect.Slice:
		if of := kind(t.Elem()); of == "string" || of == "int" {
			return of + "s"
		}
	}
	return ""
}

// Get returns the value of the field in the record that r points to.
func (f Field) Get(r any) any { return f.in(r).Interface() }

func (f Field) in(r any) reflect.Value { return reflect.ValueOf(r).Elem().Field(f.at) }

// Text is the value as a command line has it.
func (f Field) Text(r any) string {
	v := f.in(r)
	if v.Kind() != reflect.Slice {
		return fmt.Sprint(v.Interface())
	}
	words := make([]string, v.Len())
	for i := range words {
		words[i] = fmt.Sprint(v.Index(i).Interface())
	}
	return strings.Join(words, f.List)
}

// Set gives the field of the record that r points to a value: a string, as on a command
// line, or a number or boolean, as a document has them. The error says what was found and
// what is wanted; the record then stays as it was.
func (f Field) Set(r any, value any) error {
	next := reflect.New(f.in(r).Type()).Elem()
	if err := assign(next, value); err != nil {
		return err
	}
	if f.Default != "" && next.Kind() == reflect.Slice && next.Len() == 0 {
		return errors.New("is empty, want a value")
	}
	if err := f.inRange(next); err != nil {
		return err
	}
	f.in(r).Set(next)
	return nil
}

// Check holds the value of the field to its range.
func (f Field) Check(r any) error { return f.inRange(f.in(r)) }

// SetDefaults gives all fields of the record that r points to which are zero, or slices
// of no element, their defaults.
func SetDefaults[R any](r *R) {
	for _, f := range all(reflect.TypeFor[R]()) {
		v := f.in(r)
		if f.Default == "" || !v.IsZero() && (v.Kind() != reflect.Slice || v.Len() > 0) {
			continue
		}
		if err := assign(v, f.Default); err != nil {
			panic(fmt.Sprintf("record: the default of field %d is %v", f.at, err))
		}
	}
}

// Place copies the values of the record that r points to, to the fields of the struct that
// result points to whose JSON keys, after prefix, are their places. Where the result has a
// string, it gets the value's text.
func Place[R, S any](result *S, prefix string, r *R) {
	to := map[string]reflect.Value{}
	for i, f := range all(reflect.TypeFor[S]()) {
		to[prefix+f.Key] = reflect.ValueOf(result).Elem().Field(i)
	}
	for _, f := range Fields[R]() {
		v, ok := to[f.Place]
		switch {
		case !ok:
		case v.Kind() == reflect.String:
			v.SetString(f.Text(r))
		default:
			v.Set(f.in(r).Convert(v.Type()))
		}
	}
}

// assign converts value, which may be of another type that prints alike, to v's.
func assign(v reflect.Value, value any) error {
	switch reflect.ValueOf(value).Kind() {
	case reflect.Invalid, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct, reflect.Pointer:
		return fmt.Errorf("%v, want a single value", value)
	}
	text := fmt.Sprint(value)
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
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
	case reflect.Slice:
		return assignAll(v, text)
	}
	return nil
}

// assignAll gives v the values that commas separate.
func assignAll(v reflect.Value, text string) error {
	if text == "" {
		v.SetLen(0)
		return nil
	}
	words := strings.Split(text, ",")
	values := reflect.MakeSlice(v.Type(), len(words), len(words))
	for i, word := range words {
		if err := assign(values.Index(i), word); err != nil {
			return err
		}
	}
	v.Set(values)
	return nil
}

// inRange holds a value, or each of several, to the range tag.
func (f Field) inRange(v reflect.Value) error {
	if f.Range == "" {
		return nil
	}
	x, most := 0.0, math.MaxFloat64
	switch v.Kind() {
	case reflect.Int:
		x, most = float64(v.Int()), math.MaxInt32
	case reflect.Float64:
		x = v.Float()
	case reflect.Slice:
		for i := range v.Len() {
			if err := f.inRange(v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}
	span, open := strings.CutPrefix(f.Range, "(")
	low, high, _ := strings.Cut(strings.TrimSuffix(span, ")"), ",")
	least, _ := strconv.ParseFloat(low, 64)
	if high != "" {
		most, _ = strconv.ParseFloat(high, 64)
	}
	found := v.Interface()
	switch {
	case open && high == "" && !(x > least && x <= most):
		return fmt.Errorf("%v, want a number above %s", found, low)
	case open && high != "" && !(x > least && x < most):
		return fmt.Errorf("%v, want a number between %s and %s", found, low, high)
	case open || x >= least && x <= most:
		return nil
	case high == "" && x > most && v.Kind() == reflect.Int:
		return fmt.Errorf("%v, want at most %d", found, math.MaxInt32)
	case high == "":
		return fmt.Errorf("%v, want %s or more", found, low)
	}
	return fmt.Errorf("%v, want %s to %s", found, low, high)
}
