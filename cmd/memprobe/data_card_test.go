package main

import (
	"encoding/json"
	"testing"
)

// The card of the embedded set says what data info does, and where it comes from; a set of
// one's own has no licence.
func TestDataCard(t *testing.T) {
	read := func(spec string) (c card, info setInfo) {
		code, out, msg := runMemprobe("data", "card", spec)
		if code != 0 {
			t.Fatalf("%s: exit %d: %s", spec, code, msg)
		}
		if err := json.Unmarshal([]byte(out), &c); err != nil {
			t.Fatal(err)
		}
		if _, out, _ = runMemprobe("data", "info", spec, "--json"); json.Unmarshal([]byte(out), &info) != nil {
			t.Fatal("no info")
		}
		return c, info
	}
	c, info := read("fashion-mnist-mini")
	if c.Type != "Dataset" || c.Identifier != info.Fingerprint || c.Size != "5000 training and 1000 test images" ||
		c.Licence != "https://spdx.org/licenses/MIT" {
		t.Errorf("the card is %+v", c)
	}
	if c, _ := read("npz:" + vectors(t, 20)); c.Licence != "" || c.URL != "" || c.Name != "npz" {
		t.Errorf("the card of a file is %+v", c)
	}
}
