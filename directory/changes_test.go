package directory

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"candor.example/scan"
)

func add(t testing.TB, path string, keys []Key, src string, opts AddOptions) Report {
	t.Helper()
	r, err := Add(t.Context(), path, keys, strings.NewReader(src), "new", opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func reload(t testing.TB, d *Directory) {
	t.Helper()
	if _, err := d.Reload(); err != nil {
		t.Fatal(err)
	}
}

// What is added is known at the next Reload and after a restart, in every kind; the old address stays until the next build.
func TestAdd(t *testing.T) {
	path, key, _, err := build(t, people, BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r := add(t, path, []Key{key}, `{"id":9,"email":"new@shop.example","name":"Nora Newman","country":"DE","phone":"030 1234567"}
{"id":"1","email":"alice2@shop.example"}
{"id":"10","email":"nobody","phone":true}
{"id":"10","email":"nobody"}
{"id":
`, AddOptions{})
	if r.Rows != 5 || r.Customers != 2 || r.Identifiers != 4+1+2+4 || r.BadRows != 3 {
		t.Errorf("%+v", r)
	}
	if owners(d, "new@shop.example") != "" {
		t.Error("known before Reload")
	}
	again, err := Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	reload(t, d)
	for _, d := range []*Directory{d, again} {
		for address, want := range map[string]string{"new@shop.example": "9", "alice2@shop.example": "1", "alice@shop.example": "1", "bob@shop.example": "2"} {
			if got := owners(d, address); got != want {
				t.Errorf("%s: %q, want %q", address, got, want)
			}
			normal, _ := scan.NormalizeEmail(nil, []byte(address))
			if !d.Owned(scan.Email, normal, want) || d.Owned(scan.Email, normal, "77") {
				t.Errorf("%s: owned wrongly", address)
			}
		}
		if got := d.Owners(scan.Name, []byte("newman nora")); fmt.Sprint(got) != "[9]" {
			t.Error("the name is", got)
		}
		if got := d.Owners(scan.Phone, []byte("+49301234567")); fmt.Sprint(got) != "[9]" {
			t.Error("the number is", got)
		}
		if i := d.Info(); i.Added != 2 || i.Customers != 5 || fmt.Sprint(i.ChangeKeys) != "["+key.ID()+"]" {
			t.Errorf("%+v", i)
		}
	}
	search(t, filepath.Dir(path))
	if b, _ := os.ReadFile(path + changesSuffix); bytes.Contains(b, []byte("shop.example")) {
		t.Error("an address on disk")
	}
}

// What a snapshot was not to hold is not added, either; what its file had no column for is.
func TestAddedKinds(t *testing.T) {
	for want, kinds := range map[string][]scan.Kind{
		"[email]": {scan.Email}, "[email email-md5 email-sha1 email-sha256 name]": nil,
	} {
		path, key, _, err := build(t, "id,email\n1,alice@shop.example\n", BuildOptions{Kinds: kinds})
		if err != nil {
			t.Fatal(err)
		}
		add(t, path, []Key{key}, "id,email,name\n2,nora@shop.example,Nora Newman\n", AddOptions{})
		d, err := Open(path, key)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if got := fmt.Sprint(d.Kinds()); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// A build drops what was added before its source was written, and keeps what was added since.
func TestBuildReplacesAdded(t *testing.T) {
	first := time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)
	path, key, _, err := build(t, "id,email\n1,alice@shop.example\n", BuildOptions{Now: first})
	if err != nil {
		t.Fatal(err)
	}
	keys := []Key{key}
	add(t, path, keys, "id,email\n2,before@shop.example\n", AddOptions{Now: first.Add(time.Hour)})
	add(t, path, keys, "id,email\n3,at@shop.example\n", AddOptions{Now: first.Add(2 * time.Hour)})
	add(t, path, keys, "id,email\n4,since@shop.example\n", AddOptions{Now: first.Add(3 * time.Hour)})
	add(t, path, keys, "id,email\n5,clock@shop.example\n", AddOptions{Now: first.Add(-time.Hour)}) // of a clock that was put back
	d, err := Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	check := func(want map[string]string) {
		t.Helper()
		for who, id := range want {
			if got := owners(d, who+"@shop.example"); got != id {
				t.Errorf("%s is %q, want %q", who, got, id)
			}
		}
	}
	check(map[string]string{"alice": "1", "before": "2", "at": "3", "since": "4", "clock": "5"})
	_, err = Build(t.Context(), path, key, strings.NewReader("id,email\n1,alice@shop.example\n"), "c", BuildOptions{Now: first.Add(4 * time.Hour), AsOf: first.Add(2 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	reload(t, d)
	check(map[string]string{"alice": "1", "before": "", "at": "3", "since": "4", "clock": ""})
	if _, err := Build(t.Context(), path, key, strings.NewReader("id,email\n4,since@shop.example\n"), "c", BuildOptions{Now: first.Add(4 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	reload(t, d)
	check(map[string]string{"alice": "", "at": "", "since": "4"})
	if b, err := os.ReadFile(path + changesSuffix); err != nil || string(b) != changesMagic {
		t.Errorf("changes are left: %d bytes, %v", len(b), err)
	}
}

// Who is forgotten is known no more: not in the snapshot, not in what was added, not after a restart, and not after builds of
// files that still hold them; but for what is added again.
func TestForget(t *testing.T) {
	path, key, _, err := build(t, people, BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	keys := []Key{key}
	d, err := Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	add(t, path, keys, "id,email\n2,bob2@shop.example\n100200300,added@shop.example\n", AddOptions{})
	got, err := Forget(path, keys, "2", "100200300", "unheard of")
	if err != nil || got != (Forgot{Forgotten: 2, Unknown: 1}) {
		t.Fatal(got, err)
	}
	if b, _ := os.ReadFile(path + changesSuffix); bytes.Contains(b, []byte("100200300")) || bytes.Contains(b, []byte("unheard of")) {
		t.Error("the id of who was forgotten is kept")
	}
	if got, err := Forget(path, keys, "2"); err != nil || got != (Forgot{Before: 1}) {
		t.Fatal(got, err)
	}
	if _, err := Forget(path, keys, "3", "carol@shop.example"); err == nil || strings.Contains(err.Error(), "carol") || !strings.Contains(err.Error(), "id 2") {
		t.Error(err)
	}
	reload(t, d)
	gone := func(when string) {
		t.Helper()
		opened, err := Open(path, key)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		for _, d := range []*Directory{d, opened} {
			for _, who := range []string{"bob", "bob2", "added"} {
				if got := owners(d, who+"@shop.example"); got != "" {
					t.Errorf("%s: %s is %q", when, who, got)
				}
			}
			if d.Owned(scan.Email, []byte("bob@shop.example"), "2") || d.Owned(scan.Name, []byte("becker bob"), "2") || d.Owned(scan.Email, []byte("added@shop.example"), "100200300") {
				t.Error(when + ": owned by who was forgotten")
			}
			if got := fmt.Sprint(d.Owners(scan.Name, []byte("becker bob")), d.Owners(scan.Phone, []byte("+4915112345678")), owners(d, "alice@shop.example")); got != "[5] [1]1" {
				t.Errorf("%s: the others are %s", when, got)
			}
			if !d.Known(scan.Name, []byte("becker bob")) || !d.Known(scan.Phone, []byte("+4915112345678")) {
				t.Errorf("%s: what is others', too, is not known", when)
			}
			if d.Info().Forgotten != 3 {
				t.Errorf("%s: %+v", when, d.Info())
			}
		}
	}
	gone("forgotten")
	r, err := Build(t.Context(), path, key, strings.NewReader(people), "c", BuildOptions{})
	if err != nil || r.Forgotten != 1 || r.Customers != 4 {
		t.Fatalf("%+v %v", r, err)
	}
	reload(t, d)
	gone("built again")
	if r := add(t, path, keys, "id,email\n2,bob@shop.example\n", AddOptions{}); r.Forgotten != 1 || r.Customers != 0 || len(r.Problems) != 1 {
		t.Errorf("%+v", r)
	}
	reload(t, d)
	gone("added without --again")
	if r := add(t, path, keys, "id,email\n2,bob@shop.example\n2,bob2@shop.example\n", AddOptions{Again: true}); r.Forgotten != 0 || r.Customers != 2 {
		t.Errorf("%+v", r)
	}
	reload(t, d)
	if owners(d, "bob@shop.example") != "2" || owners(d, "bob2@shop.example") != "2" || owners(d, "added@shop.example") != "" {
		t.Error("added again, and not known")
	}
	if r, err := Build(t.Context(), path, key, strings.NewReader(people), "c", BuildOptions{}); err != nil || r.Forgotten != 0 || r.Customers != 5 {
		t.Fatalf("%+v %v", r, err)
	}
}

// Any prefix of the file of changes is valid: it holds the changes that it holds whole, and what comes next is added behind
// them.
func TestAnyPrefix(t *testing.T) {
	path, key, _, err := build(t, "id,email\n1,alice@shop.example\n", BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	keys := []Key{key}
	var ends []int
	for i := range 3 {
		add(t, path, keys, fmt.Sprintf("id,email\nn%d,new%d@shop.example\n", i, i), AddOptions{})
		info, _ := os.Stat(path + changesSuffix)
		ends = append(ends, int(info.Size()))
	}
	whole, _ := os.ReadFile(path + changesSuffix)
	for cut := range len(whole) + 1 {
		for _, tail := range []int{0, 3, 100} { // a file that was made longer, and not yet written
			os.WriteFile(path+changesSuffix, append(bytes.Clone(whole[:cut]), make([]byte, tail)...), 0o600)
			if tail > 0 && cut != ends[1] {
				continue
			}
			d, err := Open(path, key)
			if err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			add(t, path, keys, "id,email\nlast,last@shop.example\n", AddOptions{})
			reload(t, d)
			for i, end := range ends {
				if got := owners(d, fmt.Sprintf("new%d@shop.example", i)); (got != "") != (cut >= end) {
					t.Fatalf("cut at %d: new%d is %q", cut, i, got)
				}
			}
			if owners(d, "last@shop.example") != "last" {
				t.Fatalf("cut at %d: what was added behind it is not known", cut)
			}
			d.Close()
		}
	}
	for at := range len(whole) - 40 {
		bad := bytes.Clone(whole)
		bad[at] ^= 0x10
		os.WriteFile(path+changesSuffix, bad, 0o600)
		d, err := Open(path, key)
		if err != nil {
			if !strings.Contains(err.Error(), path+changesSuffix) {
				t.Errorf("byte %d: %v", at, err)
			}
			continue
		}
		d.Close() // a length that now leads behind the end is taken for an unfinished record
	}
}

func TestChangesLimit(t *testing.T) {
	path, key, _, err := build(t, "id,email\n1,alice@shop.example\n", BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]bool{maxChanges: true, maxChanges + 1: false} {
		os.WriteFile(path+changesSuffix, []byte(changesMagic), 0o600)
		os.Truncate(path+changesSuffix, size)
		d, err := Open(path, key)
		if (err == nil) != want {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err == nil {
			d.Close()
		}
	}
	a := adding{digester: newDigester(key), change: change{what: added, keyID: key.ID()}, size: maxChanges - 63}
	small := customer{id: []byte("1"), email: []byte("a@b.example")} // 8+17+2+17 bytes, and 51 for its twins
	if err := a.row(&small, 1<<email); err != nil {
		t.Error(err)
	}
	if err := a.row(&small, 1<<email); !errors.Is(err, errManyChanges) {
		t.Error(err)
	}
}

// Two writers at a time lose nothing.
func TestAddAtOnce(t *testing.T) {
	path, key, _, err := build(t, "id,email\n1,alice@shop.example\n", BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 20
	done := make(chan error, n)
	for i := range n {
		go func() {
			_, err := Add(t.Context(), path, []Key{key}, strings.NewReader(fmt.Sprintf("id,email\nn%d,new%d@shop.example\n", i, i)), "new", AddOptions{})
			done <- err
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	d, err := Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i := range n {
		if owners(d, fmt.Sprintf("new%d@shop.example", i)) == "" {
			t.Errorf("new%d is lost", i)
		}
	}
}

// A new key takes over without a moment in which somebody is not known; what was added and forgotten under the old one stands.
func TestKeyChange(t *testing.T) {
	old, next := Key{1}, Key{2}
	path := filepath.Join(t.TempDir(), "snapshot")
	long := time.Now().Add(-time.Hour)
	if _, err := Build(t.Context(), path, old, strings.NewReader(people), "c", BuildOptions{Now: long}); err != nil {
		t.Fatal(err)
	}
	add(t, path, []Key{old}, "id,email\n20,added@shop.example\n", AddOptions{})
	if _, err := Forget(path, []Key{old}, "2"); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path, old)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r, err := Build(t.Context(), path, next, strings.NewReader(people), "c", BuildOptions{AsOf: long, Keys: []Key{old}})
	if err != nil || r.Forgotten != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if _, err := d.Reload(); err == nil || !strings.Contains(err.Error(), "built with key "+next.ID()) {
		t.Error("a snapshot of an unknown key:", err)
	}
	check := func() {
		t.Helper()
		if owners(d, "alice@shop.example") != "1" || owners(d, "added@shop.example") != "20" || owners(d, "bob@shop.example") != "" {
			t.Error(owners(d, "alice@shop.example"), owners(d, "added@shop.example"), owners(d, "bob@shop.example"))
		}
	}
	check()
	d.Accept(next)
	reload(t, d)
	check()
	if i := d.Info(); i.KeyID != next.ID() || fmt.Sprint(i.ChangeKeys) != "["+old.ID()+"]" {
		t.Errorf("%+v", i)
	}
	add(t, path, []Key{next, old}, "id,email\n21,later@shop.example\n", AddOptions{})
	reload(t, d)
	if check(); owners(d, "later@shop.example") != "21" {
		t.Error("what is added under the new key is not known")
	}
	if _, err := Open(path, next); err == nil || !strings.Contains(err.Error(), "changes were made under key "+old.ID()) {
		t.Error(err)
	}
	add(t, path, []Key{next, old}, "id,email\n2,bob@shop.example\n", AddOptions{Again: true})
	reload(t, d)
	if owners(d, "bob@shop.example") != "2" {
		t.Error("who was forgotten under the old key cannot be taken back")
	}
}

func FuzzChanges(f *testing.F) {
	path, key, _, err := build(f, "id,email\n1,alice@shop.example\n", BuildOptions{})
	if err != nil {
		f.Fatal(err)
	}
	add(f, path, []Key{key}, "id,email,name,country,locale\n1,alice2@shop.example,Alice Archer,DE,de\n2,new@shop.example,,,\n3,other@shop.example,,US-CA,\n", AddOptions{})
	if _, err := Forget(path, []Key{key}, "2"); err != nil {
		f.Fatal(err)
	}
	good, _ := os.ReadFile(path + changesSuffix)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte(changesMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &changes{bytes: b}
		if s.parse([]Key{key}, time.Time{}) != nil {
			return
		}
		if s.valid > len(b) {
			t.Fatal("valid beyond the end")
		}
		s.owners(scan.Email, []byte("new@shop.example"))
		s.forgets([]byte("2"))
		again := &changes{bytes: s.compact(func(*change) bool { return true })}
		if err := again.parse([]Key{key}, time.Time{}); err != nil || again.countForgotten() != s.countForgotten() || again.added != s.added || again.about("1") != s.about("1") {
			t.Fatal("compacting lost something", err)
		}
	})
}
