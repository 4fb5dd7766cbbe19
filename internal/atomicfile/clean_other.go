//go:build !unix

package atomicfile

import "os"

// clean does nothing where an open file cannot be renamed: there would be a moment
// in which a live process does not hold its file.
func clean(string) {}

func hold(*os.File) bool { return true }

func rename(f *os.File, path string) error {
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
