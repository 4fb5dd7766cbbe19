// Package memory says how much memory the process may still take, so that what
// does not fit is an error and not the kernel's kill.
package memory

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Free is the number of bytes that the process can still take without swapping,
// and whether it is known: the least of what the machine has available and what
// its control group allows. It is known on Linux alone.
func Free() (bytes int64, known bool) {
	bytes, known = fields("/proc/meminfo", ":", "MemAvailable")
	bytes <<= 10
	for _, dir := range groups() {
		limit, ok := number(filepath.Join(dir, "memory.max"))
		used, okUsed := number(filepath.Join(dir, "memory.current"))
		if !ok || !okUsed {
			continue
		}
		cached, _ := fields(filepath.Join(dir, "memory.stat"), "", "inactive_file", "active_file")
		if free := max(0, limit-used+cached); !known || free < bytes {
			bytes, known = free, true
		}
	}
	return bytes, known
}

// groups are the folders of the process's control group (version 2) and of all
// those above it, each of which may have a limit.
func groups() []string {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	_, path, ok := strings.Cut(string(own), "0::/")
	if !ok {
		return nil
	}
	const root = "/sys/fs/cgroup"
	dir := filepath.Join(root, strings.TrimSpace(strings.SplitN(path, "\n", 2)[0]))
	dirs := []string{dir}
	for ; dir != root && len(dir) > len(root); dirs = append(dirs, dir) {
		dir = filepath.Dir(dir)
	}
	return dirs
}

// number reads a file of one number; "max" is none.
func number(path string) (int64, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}

// fields sums the numbers after the given names in a file of lines "name number".
func fields(path, after string, names ...string) (sum int64, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		words := strings.Fields(s.Text())
		for _, name := range names {
			if len(words) > 1 && words[0] == name+after {
				n, err := strconv.ParseInt(words[1], 10, 64)
				sum, ok = sum+n, ok || err == nil
			}
		}
	}
	return sum, ok
}

// String writes a number of bytes for people.
func String(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}
