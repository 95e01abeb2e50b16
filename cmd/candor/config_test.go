package main

import (
	"net"
	"strings"
	"testing"
)

func TestResolver(t *testing.T) {
	for dns, want := range map[string]string{"": "system", "system": "system", "off": "none", "192.0.2.53": "own", "[2001:db8::53]:5353": "own", "192.0.2.53:1": "own"} {
		r, err := (&Config{DNS: dns}).resolver()
		got := "own"
		switch r {
		case nil:
			got = "none"
		case net.DefaultResolver:
			got = "system"
		}
		if err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", dns, got, err, want)
		}
	}
	for _, dns := range []string{"dns.example", "192.0.2.53:", "192.0.2.53:0", "on"} {
		if _, err := (&Config{DNS: dns}).resolver(); err == nil || !strings.HasPrefix(err.Error(), "dns: ") {
			t.Errorf("%q: %v", dns, err)
		}
	}
}
