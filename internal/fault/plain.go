package fault

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Plain says in plain words what an error of the standard library's readers is about.
// The error stays its cause; others are returned as they are.
func Plain(err error) error {
	if said := inWords(err); said != "" {
		return &plain{said, err}
	}
	return err
}

type plain struct {
	said string
	err  error
}

func (p *plain) Error() string { return p.said }
func (p *plain) Unwrap() error { return p.err }

// inWords is "" for an error that speaks for itself.
func inWords(err error) string {
	var misplaced *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &misplaced) && strings.HasPrefix(misplaced.Error(), "unexpected end"):
		return "ends in the middle of its JSON"
	case errors.As(err, &misplaced):
		return fmt.Sprintf("is no JSON: byte %d does not belong there", misplaced.Offset)
	case errors.As(err, &mistyped):
		what := "it"
		if mistyped.Field != "" {
			what = fmt.Sprintf("%q", mistyped.Field)
		}
		return fmt.Sprintf("%s is %s, want %s", what, found(mistyped.Value), wanted(mistyped.Type))
	}
	for _, known := range []struct {
		err  error
		said string
	}{
		{zip.ErrFormat, "is no zip archive"}, {zip.ErrAlgorithm, "is compressed in a way that is not known"},
		{zip.ErrChecksum, "is damaged: a checksum does not fit"},
		{gzip.ErrHeader, "is not compressed by gzip"}, {gzip.ErrChecksum, "is damaged: a checksum does not fit"},
		{io.ErrUnexpectedEOF, "ends too early"}, {io.EOF, "ends too early"}, {bytes.ErrTooLarge, "is too large"},
	} {
		if err == known.err { // deeper ones have been given words by whoever wrapped them
			return known.said
		}
	}
	return ""
}

// found names what JSON has: "number 1.5", "string", "array", ….
func found(value string) string {
	kind, literal, _ := strings.Cut(value, " ")
	switch kind {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	}
	return strings.TrimSpace("the " + kind + " " + literal)
}

// wanted names what a type takes.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct, reflect.Pointer:
		return "an object"
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}
