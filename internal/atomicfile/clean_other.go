//go:build !unix

package atomicfile

import "os"

// clean does nothing where an open file cannot be renamed: there would be a moment
// in which a live process does not hold its file.
func clean(string) {}

func hold(*os.File) bool { return true }

// Rename gives a temporary file its name, in the place of what has it, and closes it.
func Rename(f *os.File, path string) error {
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
