package main

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// What is planted is the truth that everybody is judged by: each address stands where it is said to end, once.
func TestPlant(t *testing.T) {
	c := &corpus{docs: [][]byte{bytes.Repeat([]byte("<p>brass lamp, 40 W</p>\n"), 4000), []byte("é"), bytes.Repeat([]byte("é"), 5000)}}
	for _, d := range densities[1:] {
		docs, truth := c.plant(d.every, 1_000_000)
		if want := bytesOf(c.docs) / d.every; len(truth) < want*9/10 || len(truth) > want*11/10+1 {
			t.Errorf("%s: %d planted in %d bytes", d.Name, len(truth), bytesOf(c.docs))
		}
		seen := map[int]bool{}
		for _, p := range truth {
			text := string(docs[p.doc][:p.end])
			text = text[strings.LastIndexByte(text, ' ')+1:]
			switch p.form {
			case "plain":
			case "base64":
				b, err := base64.RawURLEncoding.DecodeString(text)
				if err != nil || !bytes.Contains(b, []byte(address(p.n))) {
					t.Fatalf("%q holds no %s", text, address(p.n))
				}
				text = address(p.n)
			default:
				text = strings.Replace(text, p.form, "@", 1)
			}
			if text != address(p.n) || seen[p.n] {
				t.Fatalf("%s: %q, not %q, or not for the first time", d.Name, text, address(p.n))
			}
			seen[p.n] = true
		}
	}
}

func TestNeutralise(t *testing.T) {
	c := &corpus{docs: [][]byte{[]byte(`@media x@2x ann@shop.example ben%40shop.example "a\u0040b.example" @param`)}}
	if err := c.neutralise(); err != nil || c.Neutralised != 3 {
		t.Fatalf("%d, %v", c.Neutralised, err)
	}
	if want := `@media x@2x ann_shop.example ben___shop.example "a______b.example" @param`; string(c.docs[0]) != want {
		t.Errorf("%s, not %s", c.docs[0], want)
	}
}

// The pages under load hold nothing that Coraza's rule would refuse, but where an address is meant to be shown.
func TestPagesHoldNoAddress(t *testing.T) {
	c := &corpus{docs: [][]byte{products(2 << 10), listing(30<<10, 0), products(300 << 10)}}
	for i, size := range []int{2 << 10, 30 << 10, 300 << 10} {
		if n := len(c.docs[i]); n > size || n < size*8/10 {
			t.Errorf("%d bytes, not about %d", n, size)
		}
	}
	if c.neutralise(); c.Neutralised != 0 {
		t.Errorf("%d addresses", c.Neutralised)
	}
}
