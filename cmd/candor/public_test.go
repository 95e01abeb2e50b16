package main

import (
	"crypto/md5"
	"testing"
)

func TestPublicForms(t *testing.T) {
	list := []string{" Help@Shop.Example ", "+49 30 1234567", "Hilfiger, Tommy"}
	for i, want := range []string{"help@shop.example", "+49301234567", "hilfiger tommy"} {
		if n, ok := normalisePublic(list[i]); n != want || !ok {
			t.Errorf("%q: %q", list[i], n)
		}
	}
	if n, ok := normalisePublic("press"); ok {
		t.Errorf("%q is public", n)
	}
	forms := publicForms(list)
	sum := md5.Sum([]byte("help@shop.example"))
	for value, want := range map[string]bool{string(sum[:]): true, "301234567": true, "1234567": false, "alice@shop.example": false, "": false} {
		if forms([]byte(value)) != want {
			t.Errorf("%q: %v", value, !want)
		}
	}
}
