package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// server serves data and breaks off after cut bytes, on the first break
// requests.
type server struct {
	data    []byte
	cut     int
	breaks  int
	resumes bool // understands Range
	ranges  []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	rest := s.data
	if from, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && s.resumes {
		at, _ := strconv.Atoi(strings.TrimSuffix(from, "-"))
		w.Header().Set("Content-Range", "bytes "+from+strconv.Itoa(len(s.data)-1)+"/"+strconv.Itoa(len(s.data)))
		rest = s.data[at:]
		w.WriteHeader(http.StatusPartialContent)
	}
	if s.breaks > 0 {
		s.breaks--
		w.Write(rest[:s.cut])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(rest)
}

func TestDownload(t *testing.T) {
	data := ramp(200_000)
	sum := sha256.Sum256(data)
	for _, c := range []struct {
		name   string
		server server
		part   []byte // already there
		ranges string // asked for
		fault  string
	}{
		{name: "whole", server: server{data: data}, ranges: ""},
		{name: "breaks twice", server: server{data: data, cut: 70_000, breaks: 2, resumes: true},
			ranges: " bytes=70000- bytes=140000-"},
		{name: "earlier part", server: server{data: data, resumes: true}, part: data[:5], ranges: "bytes=5-"},
		{name: "does not resume", server: server{data: data}, part: data[:5], ranges: "bytes=5-"},
		{name: "part too long", server: server{data: data, resumes: true}, part: append(bytes.Clone(data), 1), ranges: ""},
		{name: "damaged part", server: server{data: data, resumes: true}, part: []byte("other"), ranges: "bytes=5-",
			fault: "its SHA-256 is"},
		{name: "other content", server: server{data: ramp(200_000 - 1)}, fault: "ended after 199999 of 200000"},
		{name: "too long", server: server{data: ramp(200_001)}, fault: "more than the 200000 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			web := httptest.NewServer(&c.server)
			defer web.Close()
			d := Download{URL: web.URL, Path: "x", Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
			path := filepath.Join(t.TempDir(), "deep", "x")
			if c.part != nil {
				writeFile(t, path+".part", c.part)
			}
			last := int64(0)
			err := d.fetch(t.Context(), path,
				FetchOptions{Client: web.Client(), Progress: func(_ string, done, _ int64) { last = done }})
			if c.fault != "" {
				if err == nil || !strings.Contains(err.Error(), c.fault) {
					t.Errorf("error %v, want %q", err, c.fault)
				}
				if exists(path) {
					t.Error("a wrong file has the right name")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(readFile(t, path), data) || exists(path+".part") || last != d.Size {
				t.Error("the file is not what was served, or its part is left")
			}
			if got := strings.Join(c.server.ranges, " "); got != c.ranges {
				t.Errorf("asked for %q, want %q", got, c.ranges)
			}
			n := len(c.server.ranges)
			if err := d.fetch(t.Context(), path, FetchOptions{Client: web.Client()}); err != nil || len(c.server.ranges) != n {
				t.Errorf("a file that is there is asked for again, or not accepted: %v", err)
			}
		})
	}
}

// Without a network, the error says what to get and where it goes.
func TestFetchWithoutNetwork(t *testing.T) {
	root := t.TempDir()
	web := httptest.NewServer(http.NotFoundHandler())
	web.Close()
	client := &http.Client{Transport: redirect{web.Listener.Addr().String()}}
	_, err := Fetch(t.Context(), "mnist", FetchOptions{Root: root, Client: client})
	for _, w := range []string{"https://", "refused", filepath.Join(root, "mnist", "train-images-idx3-ubyte.gz"),
		"9912422 bytes", "SHA-256 440f"} {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v does not say %q", err, w)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Fetch(ctx, "mnist", FetchOptions{Root: root, Client: client}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if _, err := Fetch(t.Context(), "npz", FetchOptions{}); !strings.Contains(err.Error(), "cifar10, cifar100") {
		t.Errorf("error %v does not list what can be fetched", err)
	}
}

// redirect sends every request to one address.
type redirect struct{ addr string }

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host = "http", r.addr
	return http.DefaultTransport.RoundTrip(req)
}

// What is fetched is found: each set's files lie in its places.
func TestFetchedIsFound(t *testing.T) {
	for _, e := range List(nil) {
		if !e.Fetchable {
			continue
		}
		root := t.TempDir()
		for _, d := range published(e.Name) {
			writeFile(t, filepath.Join(root, filepath.FromSlash(d.Path)), nil)
		}
		f, path, err := resolve(e.Name, []string{root})
		if err != nil || f.name != e.Name {
			t.Errorf("%s: %v", e.Name, err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
}

func TestDownloadsAreEncrypted(t *testing.T) {
	seen := 0
	for _, e := range List(nil) {
		for _, d := range published(e.Name) {
			seen++
			sum, err := hex.DecodeString(d.SHA256)
			if !strings.HasPrefix(d.URL, "https://") || d.Size <= 0 || err != nil || len(sum) != sha256.Size {
				t.Errorf("%s: %+v", e.Name, d)
			}
		}
	}
	if seen < 11 {
		t.Errorf("%d files are offered", seen)
	}
}
