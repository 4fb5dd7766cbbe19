package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"memprobe/internal/infile"
)

// Download is a file of a set, where its publisher offers it.
type Download struct {
	URL    string
	Path   string // below the root, where the set is looked for
	Size   int64
	SHA256 string // in hexadecimal
}

// published lists the files of the sets that may be downloaded.
func published(name string) []Download {
	const (
		kriz    = "https://www.cs.toronto.edu/~kriz/"
		mnist   = "https://ossci-datasets.s3.amazonaws.com/mnist/"
		fashion = "https://fashion-mnist.s3.eu-central-1.amazonaws.com/"
		images  = "train-images-idx3-ubyte.gz"
		labels  = "train-labels-idx1-ubyte.gz"
		images2 = "t10k-images-idx3-ubyte.gz"
		labels2 = "t10k-labels-idx1-ubyte.gz"
	)
	switch name {
	case "cifar10":
		return []Download{{kriz + "cifar-10-binary.tar.gz", "cifar-10-binary.tar.gz", 170_052_171,
			"c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}}
	case "cifar100":
		return []Download{{kriz + "cifar-100-binary.tar.gz", "cifar-100-binary.tar.gz", 168_513_733,
			"58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}}
	case "tinyimagenet": // whose publisher gives none; seven public repositories that fetch the archive record this sum
		return []Download{{"https://cs231n.stanford.edu/tiny-imagenet-200.zip", "tiny-imagenet-200.zip", 248_100_043,
			"6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821"}}
	case "mnist":
		return []Download{
			{mnist + images, "mnist/" + images, 9_912_422,
				"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
			{mnist + labels, "mnist/" + labels, 28_881,
				"3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
			{mnist + images2, "mnist/" + images2, 1_648_877,
				"8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
			{mnist + labels2, "mnist/" + labels2, 4_542,
				"f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
		}
	case "fashion-mnist":
		return []Download{
			{fashion + images, "fashion-mnist/" + images, 26_421_880,
				"3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
			{fashion + labels, "fashion-mnist/" + labels, 29_515,
				"a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
			{fashion + images2, "fashion-mnist/" + images2, 4_422_102,
				"346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
			{fashion + labels2, "fashion-mnist/" + labels2, 5_148,
				"67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
		}
	}
	return nil
}

// FetchOptions say where to and how a set is downloaded.
type FetchOptions struct {
	Root     string                              // the folder of sets; "": memprobe/data in the user's cache folder
	Client   *http.Client                        // nil: http.DefaultClient
	Progress func(file string, done, size int64) // may be nil
}

// Fetch downloads a set from its publisher and returns the files' paths. What is
// there with the right checksum stays; a download that broke goes on where it
// ended. A file appears under its name only when its checksum is right.
func Fetch(ctx context.Context, name string, o FetchOptions) ([]string, error) {
	files := published(name)
	if files == nil {
		var can []string
		for _, e := range List(nil) {
			if e.Fetchable {
				can = append(can, e.Name)
			}
		}
		return nil, &SpecError{name, "is not offered for download; these are: " + strings.Join(can, ", ")}
	}
	if o.Root == "" {
		var err error
		if o.Root, err = cacheRoot(); err != nil {
			return nil, err
		}
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	var paths []string
	for _, d := range files {
		path := filepath.Join(o.Root, filepath.FromSlash(d.Path))
		if err := d.fetch(ctx, path, o); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("%s: %w; get it by other means and put it at %s (%d bytes, SHA-256 %s)",
				d.URL, err, path, d.Size, d.SHA256)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// fetchTries is how often a download that breaks is taken up again.
const fetchTries = 4

func (d Download) fetch(ctx context.Context, path string, o FetchOptions) error {
	if d.verify(path) == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	part := path + ".part"
	var err error
	for range fetchTries {
		if err = d.resume(ctx, part, o); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return err
	}
	if err := d.verify(part); err != nil {
		return errors.Join(fmt.Errorf("%w (the download was removed)", err), os.Remove(part))
	}
	return os.Rename(part, path)
}

// verify compares a file with its checksum.
func (d Download) verify(path string) error {
	f, _, err := infile.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != d.SHA256 {
		return fmt.Errorf("its SHA-256 is %s, want %s", got, d.SHA256)
	}
	return nil
}

// resume downloads what a partial file lacks.
func (d Download) resume(ctx context.Context, part string, o FetchOptions) (err error) {
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	at, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if at == d.Size {
		return nil
	}
	if at > d.Size {
		at = 0
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "identity") // or gzipped files arrive unpacked
	if at > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
	}
	r, err := o.Client.Do(req)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	switch {
	case r.StatusCode == http.StatusPartialContent &&
		strings.HasPrefix(r.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", at)):
	case r.StatusCode == http.StatusOK:
		at = 0 // the server does not resume
	default:
		return fmt.Errorf("the server answers %s", r.Status)
	}
	if err := f.Truncate(at); err != nil {
		return err
	}
	return d.copy(io.NewOffsetWriter(f, at), r.Body, at, o)
}

// copy writes the rest of the file, from byte at on, and wants it to be all.
func (d Download) copy(w io.Writer, r io.Reader, at int64, o FetchOptions) error {
	r = io.LimitReader(r, d.Size-at+1)
	buf := make([]byte, 1<<16)
	for {
		n, err := r.Read(buf)
		if at += int64(n); at > d.Size {
			return fmt.Errorf("more than the %d bytes that it should have", d.Size)
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		o.Progress(filepath.Base(d.Path), at, d.Size)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if at < d.Size {
		return fmt.Errorf("ended after %d of %d bytes", at, d.Size)
	}
	return nil
}
