package scan

import (
	"slices"
	"strings"
	"testing"
)

// "=de" before "v.roe@" may be an octet in quoted-printable, and in a form or a link it is none. Whoever has the longer address is meant.
func TestQuotedOrNot(t *testing.T) {
	all := []string{"dev.roe@shop.example", "v.roe@shop.example", "3dave@shop.example", "ave@shop.example", "20bob@shop.example", "bob@shop.example",
		"rené@shop.example", "e9@shop.example", "müller@shop.example", "bcller@shop.example", "ller@shop.example", "john.alice@shop.example", "ice@shop.example"}
	found := func(m Match) bool { return slices.Contains(all, string(m.Value)) }
	for _, v := range []struct{ in, want, masked string }{
		{"email=dev.roe%40shop.example&p=1", "url:6+22:dev.roe@shop.example", "email=d******%40s***.example&p=1"},
		{"EMAIL=DEV.ROE@SHOP.EXAMPLE", "plain:6+20:dev.roe@shop.example", "EMAIL=D******@S***.EXAMPLE"},
		{"/a%3Femail%3Ddev.roe%40shop.example", "url:13+22:dev.roe@shop.example", "/a%3Femail%3Dd******%40s***.example"},
		{`"/a?email\u003ddev.roe@shop.example"`, "plain:15+20:dev.roe@shop.example", `"/a?email\u003dd******@s***.example"`},
		{"email=v.roe@shop.example", "plain:6+18:v.roe@shop.example", "email=v****@s***.example"},
		{"email=dev.ro@shop.example", "", "email=dev.ro@shop.example"},
		{"a=3dave@shop.example", "plain:2+18:3dave@shop.example", "a=3****@s***.example"},
		{"a=20bob@shop.example", "plain:2+18:20bob@shop.example", "a=2****@s***.example"},
		{"a=E9@shop.example", "plain:2+15:e9@shop.example", "a=E*@s***.example"},
		// Quoted-printable, indeed.
		{"a=3Cbob@shop.example=3E", "plain:4+16:bob@shop.example", "a=3Cb**@s***.example=3E"},
		{"a ren=E9@shop.example", "qp+charset:2+19:rené@shop.example", "a r**=2A@s***.example"},
		{"M=C3=BCller@shop.example", "qp:0+24:müller@shop.example", "M=2A=2A****@s***.example"},
		{"john.al=\nice@shop.example", "qp:0+25:john.alice@shop.example", "j******=\n***@s***.example"},
		{"=DE=\nv.roe@shop.example", "plain:5+18:v.roe@shop.example", "=DE=\nv****@s***.example"},
	} {
		in := []byte(v.in)
		for i := range in {
			if got := strings.Join(collect(t, [][]byte{in[:i], in[i:]}, found), " "); got != v.want {
				t.Errorf("%q split at %d: got %q, want %q", v.in, i, got, v.want)
			}
		}
		if got := string(masked(in, found)); got != v.masked {
			t.Errorf("%q masked to %q, want %q", v.in, got, v.masked)
		}
	}
}
