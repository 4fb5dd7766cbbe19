package memory

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Free is the number of bytes that the process can take without swapping, and
// whether it is known: the least of what the machine has available and what its
// control groups allow, of version 1 or 2. It is known on Linux alone.
func Free() (bytes int64, known bool) {
	bytes, known = fields("/proc/meminfo", ":", "MemAvailable")
	bytes <<= 10
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return bytes, known
	}
	for _, g := range groups(string(own)) {
		limit, ok := number(filepath.Join(g.dir, g.limit))
		used, okUsed := number(filepath.Join(g.dir, g.used))
		if !ok || !okUsed {
			continue
		}
		cached, _ := fields(filepath.Join(g.dir, "memory.stat"), "", g.cache...)
		if free := room(limit, used, cached); !known || free < bytes {
			bytes, known = free, true
		}
	}
	return bytes, known
}

// room is what a control group leaves. No limit is the largest number there is, and what is
// cached, counted apart and later, may be more than what is used.
func room(limit, used, cached int64) int64 { return max(0, limit-max(0, used-cached)) }

// group is the folder of a control group and the names of its files and fields.
type group struct {
	dir, limit, used string
	cache            []string // fields of memory.stat that the kernel gives up when asked
}

// groups are the folders of the process's control groups, as /proc/self/cgroup
// names them, and of all those above, each of which may have a limit.
func groups(own string) []group {
	var out []group
	for line := range strings.Lines(own) {
		id, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, ok := strings.Cut(rest, ":")
		root, g := "/sys/fs/cgroup", group{limit: "memory.max", used: "memory.current",
			cache: []string{"inactive_file", "active_file"}}
		switch {
		case !ok:
			continue
		case slices.Contains(strings.Split(controllers, ","), "memory"):
			root = "/sys/fs/cgroup/memory"
			g = group{limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes",
				cache: []string{"total_inactive_file", "total_active_file"}}
		case id != "0" || controllers != "":
			continue
		}
		for path = filepath.Join("/", path); ; path = filepath.Dir(path) {
			g.dir = filepath.Join(root, path)
			if out = append(out, g); path == "/" {
				break
			}
		}
	}
	return out
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
