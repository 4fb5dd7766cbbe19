// Package seal guards JSON, and files that begin with it, by a checksum within: the
// value of the key "checksum" is the SHA-256 of the whole file in which the 64
// digits of that value are zeros.
package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"strings"
)

// Key is the key of the checksum.
const Key = "checksum"

const digits = 2 * sha256.Size

// Blank is the value of the key before a file is sealed.
func Blank() string { return strings.Repeat("0", digits) }

// place returns where the digits of the checksum begin in JSON; −1 if nowhere.
func place(json []byte) int {
	at := regexp.MustCompile(fmt.Sprintf(`"%s": ?"[0-9a-f]{%d}"`, Key, digits)).FindIndex(json)
	if at == nil {
		return -1
	}
	return at[1] - 1 - digits
}

// Seal puts the checksum into JSON that has a blank one. rest, if not nil, adds to a
// hash what the file has after it.
func Seal(json []byte, rest func(hash.Hash) error) error {
	at := place(json)
	if at < 0 {
		return errors.New("seal: no place for the checksum")
	}
	h := sha256.New()
	h.Write(json)
	if rest != nil {
		if err := rest(h); err != nil {
			return err
		}
	}
	hex.Encode(json[at:], h.Sum(nil))
	return nil
}

// Verify reports JSON, followed by what rest adds, that is not as it was sealed.
func Verify(json []byte, rest func(hash.Hash) error) error {
	at := place(json)
	if at < 0 {
		return fmt.Errorf("has no %s: it is damaged, or of an older version", Key)
	}
	blank := bytes.Clone(json)
	copy(blank[at:], Blank())
	if err := Seal(blank, rest); err != nil {
		return err
	}
	if !bytes.Equal(blank, json) {
		return fmt.Errorf("is damaged: its %s does not fit", Key)
	}
	return nil
}
