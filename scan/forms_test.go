package scan

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

var update = flag.Bool("update", false, "write testdata/forms.txt anew, to be read with care")

// customers are whom the forms are about, by what a directory would know them.
var customers = func() map[string]bool {
	known := map[string]bool{}
	for _, address := range []string{"alice@shop.example", "josé@xn--mnchen-3ya.example", "a@b.cc"} {
		known["email:"+address] = true
		m, s1, s2 := md5.Sum([]byte(address)), sha1.Sum([]byte(address)), sha256.Sum256([]byte(address))
		known["email-md5:"+string(m[:])], known["email-sha1:"+string(s1[:])], known["email-sha256:"+string(s2[:])] = true, true, true
	}
	for _, name := range []string{"Alice Smith", "Anna-Maria Müller", "Li Wei", "Anna van der Berg"} {
		for _, form := range NameForms([]byte(name)) {
			known["name:"+string(form)] = true
		}
	}
	known["phone:+4915112345678"], known["phone:15112345678"] = true, true
	return known
}()

func isCustomer(m Match) bool { return customers[string(m.Kind)+":"+string(m.Value)] }

// forms are lines of testdata/forms.txt: input, tab, matches.
func forms(t testing.TB) (inputs, wants []string) {
	b, err := os.ReadFile("testdata/forms.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if in, want, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok && !strings.HasPrefix(in, "#") {
			inputs, wants = append(inputs, in), append(wants, want)
		}
	}
	return inputs, wants
}

// stream feeds pieces to a Finder as a consumer would, masks what is a customer's and returns what came out, and what was found.
func stream(t testing.TB, f *Finder, pieces ...[]byte) (out []byte, list []string) {
	var held []byte
	base := 0
	var hits []Match
	at := map[string]int{}
	f.Names, f.Phones = true, true
	f.Known = func(kind Kind, value []byte) bool { return customers[string(kind)+":"+string(value)] }
	f.Found = func(m Match) bool {
		if !isCustomer(m) {
			return false
		}
		why := ""
		if m.Sealed {
			why = " sealed"
		}
		if m.Evidence != "" {
			why += " " + string(m.Evidence)
		}
		list = append(list, fmt.Sprintf("%s %s:%d+%d%s", m.Kind, m.Encoding, base+m.Offset, m.Length, why))
		at[list[len(list)-1]] = base + m.Offset
		hits = append(hits, m)
		return true
	}
	for i := 0; i <= len(pieces); i++ {
		if i < len(pieces) {
			held = append(held, pieces[i]...)
		}
		n := f.Find(held, i == len(pieces))
		if len(held)-n > MaxTail {
			t.Fatalf("%d bytes unsettled", len(held)-n)
		}
		for _, m := range hits {
			m.Mask(held[m.Offset : m.Offset+m.Length])
		}
		hits = hits[:0]
		out = append(out, held[:n]...)
		held = bytes.Clone(held[n:])
		base += n
	}
	slices.SortStableFunc(list, func(x, y string) int { return at[x] - at[y] }) // names come after what they stand beside
	return out, list
}

func TestForms(t *testing.T) {
	inputs, wants := forms(t)
	for i, in := range inputs {
		_, got := stream(t, &Finder{}, []byte(in))
		if *update {
			wants[i] = strings.Join(got, ", ")
			continue
		}
		if strings.Join(got, ", ") != wants[i] {
			t.Errorf("%s\n got %v\nwant %s", in, got, wants[i])
		}
	}
	if *update {
		var b strings.Builder
		b.WriteString("# One case a line: input, tab, what is found of the customers in forms_test.go.\n")
		for i := range inputs {
			fmt.Fprintf(&b, "%s\t%s\n", inputs[i], wants[i])
		}
		os.WriteFile("testdata/forms.txt", []byte(b.String()), 0o644)
	}
}

// For every form and every split point: the same matches and the same masks, of the same length, in which nothing is found.
func TestFormsSplit(t *testing.T) {
	inputs, _ := forms(t)
	for _, form := range inputs {
		for _, in := range []string{form, "<p>" + form + "</p>", form + " " + form} {
			want, found := stream(t, &Finder{}, []byte(in))
			if len(want) != len(in) {
				t.Fatalf("%q: another length: %q", in, want)
			}
			if _, again := stream(t, &Finder{}, want); len(again) > 0 {
				t.Errorf("%q masked to %q, and still there is %v", in, want, again)
			}
			var single [][]byte
			for i := range len(in) {
				single = append(single, []byte{in[i]})
				got, list := stream(t, &Finder{}, []byte(in[:i]), []byte(in[i:]))
				if !bytes.Equal(got, want) || !slices.Equal(list, found) {
					t.Fatalf("%q split at %d\n got %q %v\nwant %q %v", in, i, got, list, want, found)
				}
			}
			if got, list := stream(t, &Finder{}, single...); !bytes.Equal(got, want) || !slices.Equal(list, found) {
				t.Fatalf("%q byte by byte\n got %q %v\nwant %q %v", in, got, list, want, found)
			}
		}
	}
}

// Whole bodies in other character encodings.
func TestCharsets(t *testing.T) {
	page := "<p>Kontakt: josé@münchen.example, alice@shop.example</p>"
	latin := func(s string) (b []byte) {
		for _, r := range s {
			b = append(b, byte(r))
		}
		return b
	}
	wide := func(s string, big bool) (b []byte) {
		for _, u := range utf16.Encode([]rune(s)) {
			if big {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		return b
	}
	for _, c := range []struct {
		name, charset, encoding string
		body                    []byte
	}{
		{"declared", "iso-8859-1", "charset", latin(page)},
		{"not declared", "", "charset", latin(page)},
		{"little endian", "", "utf16", wide(page, false)},
		{"big endian", "utf-16", "utf16", wide(page, true)},
		{"with a mark", "", "utf16", append([]byte{0xff, 0xfe}, wide(page, false)...)},
	} {
		want, found := stream(t, &Finder{Charset: c.charset}, c.body)
		if len(found) != 2 || !strings.Contains(found[0], c.encoding) || len(want) != len(c.body) {
			t.Errorf("%s: %v", c.name, found)
		}
		if _, again := stream(t, &Finder{Charset: c.charset}, want); len(again) > 0 {
			t.Errorf("%s: masked, and still there is %v", c.name, again)
		}
		for i := range c.body {
			if got, list := stream(t, &Finder{Charset: c.charset}, c.body[:i], c.body[i:]); !bytes.Equal(got, want) || !slices.Equal(list, found) {
				t.Fatalf("%s split at %d\n got %q %v\nwant %q %v", c.name, i, got, list, want, found)
			}
		}
	}
}

// A field that the operator declares, at every split point.
func TestDeclaredField(t *testing.T) {
	in := []byte(`<p>{"x":1,"Ansprech_partner":"Smith, Alice"},{"ansprechpartner":"Smith, Alice"}</p>`)
	fields := []string{FoldField("Ansprech-Partner")}
	want, found := stream(t, &Finder{Fields: fields}, in)
	if len(found) != 2 || bytes.Contains(want, []byte("Alice")) {
		t.Fatal(found, string(want))
	}
	for i := range in {
		if got, list := stream(t, &Finder{Fields: fields}, in[:i], in[i:]); !bytes.Equal(got, want) || !slices.Equal(list, found) {
			t.Fatalf("split at %d: %q %v", i, got, list)
		}
	}
}
