package delivery

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestMakeDKIMKey(t *testing.T) {
	for _, algorithm := range []string{"rsa", "ed25519"} {
		file, err := MakeDKIMKey(algorithm)
		must(err)
		key, err := ParseDKIMKey(file)
		must(err)
		if record, err := DKIMRecord(key); err != nil || !strings.HasPrefix(record, "v=DKIM1; k="+algorithm+"; p=") {
			t.Error(record, err)
		}
	}
	if _, err := MakeDKIMKey("dsa"); err == nil {
		t.Error("a DSA key")
	}
}

func TestTXTStrings(t *testing.T) {
	for n, want := range map[int][]int{0: {0}, 255: {255}, 256: {255, 1}, 511: {255, 255, 1}} {
		parts := TXTStrings(strings.Repeat("x", n))
		var got []int
		for _, p := range parts {
			got = append(got, len(p))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d: %v", n, got)
		}
	}
}

// What keeps receivers from verifying with a record is said; what is only written otherwise is not.
func TestCheckDKIMRecord(t *testing.T) {
	key := keys().ed
	record, err := DKIMRecord(key)
	must(err)
	p := record[strings.Index(record, "p="):]
	for records, want := range map[string]string{
		record:                                  "",
		"k=ed25519;" + p:                        "",
		" v = DKIM1 ; k=ed25519 ; " + p + " ; ": "",
		"v=DKIM1; k=ed25519; " + p[:20] + " " + p[20:]:     "",
		"v=DKIM1; k=ed25519; h=sha1:sha256; s=email; " + p: "",
		"v=DKIM1; k=ed25519; t=s; " + p:                    "",
		"":                                                 "it is not there",
		record + "|" + record:                              "2 records",
		"v=DKIM2; k=ed25519; " + p:                         "v=DKIM2",
		"v=DKIM1; " + p:                                    "k=rsa",
		"v=DKIM1; k=ed25519; p=":                           "revoked",
		"v=DKIM1; k=ed25519; p=AAAA":                       "another key",
		"v=DKIM1; k=ed25519; h=sha1; " + p:                 "sha256",
		"v=DKIM1; k=ed25519; s=tlsrpt; " + p:               "email",
		"v=DKIM1; k=ed25519; t=y:s; " + p:                  "test",
	} {
		lookup := func(context.Context, string) ([]string, error) {
			if records == "" {
				return nil, &net.DNSError{IsNotFound: true}
			}
			return strings.Split(records, "|"), nil
		}
		got, err := CheckDKIMRecord(t.Context(), lookup, "x", key)
		if err != nil || (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, %v", records, got, err)
		}
	}
	dead := func(context.Context, string) ([]string, error) { return nil, errors.New("no answer") }
	if _, err := CheckDKIMRecord(t.Context(), dead, "x", key); err == nil {
		t.Error("no answer is taken for one")
	}
}
