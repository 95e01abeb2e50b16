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

func TestSites(t *testing.T) {
	c := &Config{Sites: []string{"Shop.example", "www.shop.example.", "lämpchen.example", "127.0.0.1", "2001:db8::1", "shop_1.internal"}}
	got, err := c.sites()
	if want := "shop.example www.shop.example xn--lmpchen-5wa.example 127.0.0.1 2001:db8::1 shop_1.internal"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("%q, %v, want %s", got, err, want)
	}
	for _, bad := range []string{"", "https://shop.example", "shop.example:443", "shop.example/", "*.shop.example", "a b.example", "{other}"} {
		if _, err := (&Config{Sites: []string{"shop.example", bad}}).sites(); err == nil || !strings.HasPrefix(err.Error(), "sites[1]: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
