package directory

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"candor.example/scan"
)

const people = `id,email,name,locale,country,phone
1,Alice@Shop.example,"Müller, Anna Maria",de,DE,0151 123 45678
2,bob@shop.example,Bob Becker,en,us,+49 (151) 12345678
3,carol@shop.example,Carol,en,,5551234
4,dora@shop.example,,it,IT,06 1234 5678
5,erin@shop.example,Bob Becker,en,GB,
`

// Each kind of identifier leads to its customers, and each is also asked for by the owner.
func TestKinds(t *testing.T) {
	path, key, report, err := build(t, people, BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Customers != 5 || report.BadRows != 0 || report.BadFields != 2 || fmt.Sprint(report.Problems) !=
		"[{4 name it is no full name: two to six words of letters are read} {4 phone it is no telephone number: write it with its country's code, such as +49, or give the row's country as two letters (ISO 3166-1)}]" {
		t.Errorf("%+v", report)
	}
	d, err := Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	alice := []byte("alice@shop.example")
	m, s1, s2 := md5.Sum(alice), sha1.Sum(alice), sha256.Sum256(alice)
	for _, c := range []struct {
		kind  scan.Kind
		value string
		want  string
	}{
		{scan.Email, string(alice), "1"},
		{scan.EmailMD5, string(m[:]), "1"}, {scan.EmailSHA1, string(s1[:]), "1"}, {scan.EmailSHA256, string(s2[:]), "1"},
		{scan.Name, "anna maria muller", "1"}, {scan.Name, "anna muller", "1"}, {scan.Name, "becker bob", "2 5"}, {scan.Name, "carol", ""},
		{scan.Phone, "+4915112345678", "1 2"}, {scan.Phone, "15112345678", "1 2"}, {scan.Phone, "5551234", ""},
		{scan.Phone, "+390612345678", "4"}, {scan.Phone, "612345678", "4"},
		{scan.EmailMD5, string(alice), ""}, {scan.Name, string(alice), ""}, {"no kind", string(alice), ""}, // a kind is part of the digest
	} {
		if got := strings.Join(d.Owners(c.kind, []byte(c.value)), " "); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.kind, c.value, got, c.want)
		}
		for _, id := range []string{"1", "2", "3", "4", "5", "6", ""} {
			if got := d.Owned(c.kind, []byte(c.value), id); got != (id != "" && strings.Contains(c.want, id)) {
				t.Errorf("%s %q: owned by %q: %v", c.kind, c.value, id, got)
			}
		}
	}
}

func TestWhichKinds(t *testing.T) {
	for _, c := range []struct {
		csv   string
		kinds []scan.Kind
		want  string
	}{
		{people, nil, "[email email-md5 email-sha1 email-sha256 name phone]"},
		{people, []scan.Kind{scan.Email}, "[email]"},
		{people, []scan.Kind{scan.Phone, scan.Email}, "[email phone]"},
		{"id,email\n1,a@shop.example\n", nil, "[email email-md5 email-sha1 email-sha256]"},
		{"id,email\n1,a@shop.example\n", []scan.Kind{scan.Email, scan.Name}, "[email]"},
	} {
		path, key, _, err := build(t, c.csv, BuildOptions{Kinds: c.kinds})
		if err != nil {
			t.Fatal(err)
		}
		d, err := Open(path, key)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(d.Kinds()); got != c.want {
			t.Errorf("%v: %s, want %s", c.kinds, got, c.want)
		}
		d.Close()
	}
	if _, _, _, err := build(t, people, BuildOptions{Kinds: []scan.Kind{scan.Name}}); err == nil || !strings.Contains(err.Error(), `"email" cannot be left out`) {
		t.Error(err)
	}
	if _, _, _, err := build(t, people, BuildOptions{Kinds: []scan.Kind{"shoe"}}); err == nil || !strings.Contains(err.Error(), `"shoe"`) {
		t.Error(err)
	}
	if (*Directory)(nil).Kinds() != nil {
		t.Error("no directory holds kinds")
	}
}

// Of a name that many share, 64 owners are listed; each of them is known to own it.
func TestSharedName(t *testing.T) {
	for _, n := range []int{maxOwners, maxOwners + 1, 10_000} {
		var csv strings.Builder
		csv.WriteString("id,email,name\n")
		for i := range n {
			fmt.Fprintf(&csv, "c%d,customer%d@shop.example,Jo Smith\n", i, i)
		}
		d := mustOpen(t, csv.String())
		smith := []byte("jo smith")
		if got := d.Owners(scan.Name, smith); len(got) != min(n, maxOwners) {
			t.Errorf("%d owners listed of %d", len(got), n)
		}
		for i := 0; i < n; i += max(1, n/500) {
			if id := fmt.Sprintf("c%d", i); !d.Owned(scan.Name, smith, id) {
				t.Fatalf("%s is not an owner", id)
			}
		}
		if d.Owned(scan.Name, smith, fmt.Sprintf("c%d", n)) {
			t.Error("a stranger is an owner")
		}
	}
}
