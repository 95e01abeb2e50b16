package scan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func whose(k Kind, v []byte) bool {
	return k == Email || string(v) == "anna muster" || string(v) == "1511234567" || string(v) == "+491511234567"
}

// weak gives a Finder a stream in pieces and lists the names of Anna Muster, the numbers and addresses in it.
func weak(t testing.TB, pieces ...string) (list []string) {
	var held []byte
	base := 0
	f := Finder{Names: true, Phones: true, Fields: []string{"kunde", FoldField("Ansprech-Partner")}, Known: func(k Kind, v []byte) bool { return whose(k, v) }}
	f.Found = func(m Match) bool {
		ok := whose(m.Kind, m.Value)
		if ok {
			list = append(list, fmt.Sprintf("%s:%d+%d", m.Kind, base+m.Offset, m.Length))
		}
		return ok
	}
	for i, p := range pieces {
		held = append(held, p...)
		n := f.Find(held, i == len(pieces)-1)
		if base += n; len(held)-n > MaxTail {
			t.Fatalf("%d bytes unsettled", len(held)-n)
		}
		held = append([]byte(nil), held[n:]...)
	}
	slices.Sort(list)
	return list
}

// What pages and forms say by a key, at every split.
func TestKeys(t *testing.T) {
	for _, v := range []struct{ in, want string }{
		{`fullName=Anna+Muster&region=EU`, "name:9+11"}, // "&reg" needs no semicolon elsewhere
		{`firstName=Anna&lastName=Muster&copy=1`, "name:10+4 name:24+6"},
		{`x=1&fullName=Anna+Muster`, "name:13+11"},
		{`firstName=Anna&lastName=Muster`, "name:10+4 name:24+6"},
		{`<p>fullName: M&uuml;ller &amp; Anna</p>`, ""},
		{`{fullName: 'Anna Muster', city: 'x'}`, "name:12+11"},
		{`{firstName: 'Anna', lastName: 'Muster', city: 'x'}`, "name:13+4 name:31+6"},
		{`{'phone': '0151 1234567', 'x': 'y'}`, "phone:11+12"},
		{`<p data-customer-name="Anna Muster">`, "name:23+11"},
		{`<p data-name="Anna Muster">`, ""},
		{`<n:FirstName>Anna</n:FirstName><n:LastName>Muster</n:LastName>`, "name:13+4 name:43+6"},
		{`{"customers":[{"id":1,"name":"Anna Muster"}]}`, "name:30+11"},
		{`{"shippingAddresses":[{"name":"Anna Muster"}]}`, "name:31+11"},
		{`{"addresses":[{"name":"Anna Muster"}]}`, "name:23+11"},
		{`{"facet":"brand","values":[{"displayName":"Anna Muster"}]}`, ""}, // brands have the names of people
		{`{"products":[{"name":"Anna Muster"}]}`, ""},
		{`{"customers":[{"id":1,"a":[{"x":2}],"name":"Max Meier"}, {"id":2,"name":"Anna Muster","b":{}},{"name":"Anna Muster"}]}`, "name:103+11 name:73+11"},
		{`{"products":[{"name":"Anna Muster"},{"name":"Anna Muster"}]}`, ""},
		{`{"customer":{"id":1},"product":{"name":"Anna Muster"}}`, ""},
		{`{"ansprechpartner":"Anna Muster"}`, "name:20+11"},
		{`kunde=Anna+Muster&region=x`, "name:6+11"},
		{`{\"KUNDE\":\"Anna Muster\"}`, "name:13+11"},
		{`{\u0022kunde\u0022:\u0022Anna Muster\u0022}`, "name:25+11"},
		{`<p class=ansprech_partner>Anna Muster</p> kunden: Anna Muster`, "name:26+11"},
		{`eyJrdW5kZSI6IkFubmEgTXVzdGVyIn0sMTIz`, "name:13+15"},
		{`{\u0022fullName\u0022:\u0022Anna Muster\u0022}`, "name:28+11"},
		{`j=%7B%22fullName%22%3A%22Anna%20Muster%22%7D`, "name:25+13"},
		{`<p>a@x.example 10023 0151 1234567 12 x`, "email:3+11 phone:21+12"},
		{`<p>a@x.example (0151) 123-4567`, "email:3+11 phone:16+14"},
		{`<p>Anna.Muster@x.example Anna Muster`, "email:3+21 name:25+11"},
		{`{"user":{"displayName":"Anna Muster"}}`, "name:24+11"},
		{`{"FULL_NAME":"ANNA MUSTER"}`, "name:14+11"},
		{`FIRSTNAME=Anna&LAST_NAME=Muster`, "name:10+4 name:25+6"},
	} {
		for i := range len(v.in) + 1 {
			if got := strings.Join(weak(t, v.in[:i], v.in[i:]), " "); got != v.want {
				t.Errorf("%s | %s\n got %s\nwant %s", v.in[:i], v.in[i:], got, v.want)
				break
			}
		}
		if got := strings.Join(weak(t, strings.Split(v.in, "")...), " "); got != v.want {
			t.Errorf("%s byte by byte\n got %s\nwant %s", v.in, got, v.want)
		}
	}
}

// However long a word is and whoever's name stands before it, no more than MaxTail waits.
func TestTailIsBounded(t *testing.T) {
	for _, c := range []string{"!", ";", "=", "%", "\x00", "a"} {
		for _, at := range []string{"@", "%40", "&#64;", "=\n"} {
			for _, before := range []int{100, 1023, 1024, 1500, 6000} {
				s := "Anna Muster " + strings.Repeat(c, before) + at + strings.Repeat(c, 2100)
				for n := len(s) - 150; n < len(s); n++ {
					weak(t, s[:n], s[n:])
				}
			}
		}
	}
}

// A declared field does not make what is no key wait, such as a picture in base64.
func TestLongRunsDoNotWait(t *testing.T) {
	f := Finder{Names: true, Fields: []string{"kunde"}, Found: func(Match) bool { return true }}
	for _, n := range []int{maxKey, maxKey + 1, 3000, 100_000} {
		run := strings.Repeat("a", n)
		if held := n - f.Find([]byte(run), false); held > maxLeft+16+2 {
			t.Errorf("%d of %d wait", held, n)
		}
		f.Find(nil, true)
	}
}

// A list of customers in one piece takes its time in proportion to its length.
func TestManyNames(t *testing.T) {
	for _, row := range []string{`{"fullName":"Anna Muster"},`, `{"x":"Anna Muster","e":"anna@x.example"},`, `{"fullName":"Anna Muster","e":"anna@x.example","t":"0151 1234567","x":"Anna Muster"},`} {
		start := time.Now()
		weak(t, strings.Repeat(row, 2<<20/len(row)))
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("2 MiB of %s took %v", row, d)
		}
	}
}

// Names and numbers are the same whatever the chunking, while something is known of them.
func FuzzWeak(f *testing.F) {
	for _, s := range []string{`{"customer":{"name":"Anna Muster"},"e":"a@x.example","t":"0151 1234567"}`, `<td>Anna<td>Muster<td>a@x.example 0151/1234567 tel:+491511234567`,
		`{firstName: 'Anna', lastName: 'Muster'} kunde=Anna+Muster&x`, "Muster, Anna;a@x.example\nMuster, Anna;b@x.example\n", `A&uuml;nna Muster \u0041nna Muster a%40x.example`} {
		f.Add(s, uint16(7), uint16(30))
	}
	f.Fuzz(func(t *testing.T, s string, i, j uint16) {
		a := min(int(i), len(s))
		b := min(a+int(j), len(s))
		want := strings.Join(weak(t, s), " ")
		if got := strings.Join(weak(t, s[:a], s[a:b], s[b:]), " "); got != want {
			t.Errorf("%q | %q | %q\n got %s\nwant %s", s[:a], s[a:b], s[b:], got, want)
		}
		if left := weak(t, maskWeak(s)); len(left) > strings.Count(strings.Join(left, " "), "email:") {
			t.Errorf("%q still has %v", maskWeak(s), left)
		}
	})
}

func maskWeak(s string) string {
	masked := []byte(s)
	f := Finder{Names: true, Phones: true, Fields: []string{"kunde", "ansprechpartner"}}
	f.Found = func(m Match) bool {
		ok := whose(m.Kind, m.Value)
		if ok {
			m.Mask(masked[m.Offset : m.Offset+m.Length])
		}
		return ok
	}
	f.Find([]byte(s), true)
	return string(masked)
}
