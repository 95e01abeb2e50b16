package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"candor.example/scan"
)

func build(t testing.TB, csv string, opts BuildOptions) (path string, key Key, report Report, err error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "snapshot")
	report, err = Build(t.Context(), path, key, strings.NewReader(csv), "customers.csv", opts)
	return path, key, report, err
}

func mustOpen(t testing.TB, csv string) *Directory {
	t.Helper()
	path, key, _, err := build(t, csv, BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func owners(d *Directory, address string) string {
	normal, _ := scan.NormalizeEmail(nil, []byte(address))
	list := d.Owners(scan.Email, normal)
	if d.Known(scan.Email, normal) != (len(list) > 0) {
		return "Known does not say what Owners say"
	}
	return strings.Join(list, " ")
}

// made is a customer file of n made-up people, written as it is read.
func made(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		fmt.Fprintln(w, "id,email")
		for i := range n {
			if _, err := fmt.Fprintf(w, "%08d,customer%d@mail%d.example\n", i, i, i%97); err != nil {
				return
			}
		}
		w.Close()
	}()
	return r
}

// Every customer is found, by the right id, and no stranger is: in one shard and in many.
func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 2, 17, largeShard / 4, largeShard/4 + 1, largeShard + 1} {
		path := filepath.Join(t.TempDir(), "snapshot")
		report, err := Build(t.Context(), path, Key{1}, made(n), "made", BuildOptions{})
		if err != nil || report.Customers != int64(n) || report.Identifiers != 4*int64(n) || len(report.Problems) > 0 {
			t.Fatalf("%d: %+v, %v", n, report, err)
		}
		d, err := Open(path, Key{1})
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, n/20_000)
		for i := 0; i < n; i += step {
			if got := owners(d, fmt.Sprintf("Customer%d@mail%d.example", i, i%97)); got != fmt.Sprintf("%08d", i) {
				t.Fatalf("customer %d is %q", i, got)
			}
			normal := fmt.Appendf(nil, "customer%d@mail%d.example", i, i%97)
			if id := fmt.Sprintf("%08d", i); !d.Owned(scan.Email, normal, id) || d.Owned(scan.Email, normal, id+"0") || n > 1 && d.Owned(scan.Email, normal, fmt.Sprintf("%08d", (i+1)%n)) {
				t.Fatalf("customer %d does not own their address alone", i)
			}
		}
		for i := range 20_000 {
			if got := owners(d, fmt.Sprintf("stranger%d@mail.example", i)); got != "" {
				t.Fatalf("a stranger is %q", got)
			}
		}
		if info := d.Info(); info.Customers != int64(n) || n > 10_000 && info.Bytes > int64(4*22*n) {
			t.Errorf("%+v", info)
		}
		d.Close()
		if got := owners(d, "customer0@mail0.example"); got != "" {
			t.Errorf("closed, and customer 0 is %q", got)
		}
	}
}

func TestProblems(t *testing.T) {
	_, _, report, err := build(t, "\xef\xbb\xbfEmail, id ,shoe size\r\n"+ // 1
		"alice@shop.example,1,40\r\n"+ // 2
		"no address,2,40\n"+ // 3
		"bob@shop.example,,40\n"+ // 4
		"bob@shop.example,bob@shop.example,40\n"+ // 5
		"carol@shop.example,3\n"+ // 6: too few
		"\"dora@shop.example\",\"4\",\"4\"\"0\"\n"+ // 7
		"\n"+ // 8
		"Alice@Shop.example,5,40\n"+ // 9: same address
		"erin@shop.example,1,40\n"+ // 10: same id
		"\"frank@shop.example,6,40\n"+ // 11: never closed
		"gina@shop.example,7,40\n"+ // 12
		"\xff@shop.example,8,40\n"+ // 13
		"hugo@shop.example,"+strings.Repeat("9", 65)+",40\n"+ // 14
		strings.Repeat("x", maxRow)+"\n"+ // 15
		"ines@shop.example,"+strings.Repeat("9", 64)+",40\n"+ // 16
		",9,40", BuildOptions{}) // 17
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range report.Problems {
		got = append(got, fmt.Sprintf("%d %s %s", p.Line, p.Field, p.Message))
		if strings.Contains(p.Message, "shop.example") {
			t.Errorf("a message quotes the file: %s", p.Message)
		}
	}
	want := []string{
		"3 email it is no e-mail address", "4 id it is empty", "5 id it looks like an e-mail address: use an opaque id that says nothing about the person",
		"6  the row has 2 fields, the header 3", "9 email duplicate: another row has the same address", "10 id duplicate: another row has the same id",
		"11  a quotation mark is not closed, or stands where none may", "13 email it is not UTF-8", "14 id it is longer than 64 bytes",
		"15  the row is longer than 65536 bytes", "17 email it is empty",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if report.Rows != 15 || report.BadRows != 9 || report.DuplicateIDs != 1 || report.DuplicateAddresses != 1 || report.Customers != 5 || report.Identifiers != 24 || fmt.Sprint(report.UnknownColumns) != "[shoe size]" {
		t.Errorf("%+v", report)
	}
}

func TestSharedAndDouble(t *testing.T) {
	d := mustOpen(t, "id,email\n1,both@shop.example\n2,both@shop.example\n1,second@shop.example\n1,second@shop.example\n")
	for address, want := range map[string]string{"both@shop.example": "1 2", "second@shop.example": "1"} {
		if got := owners(d, address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

func TestHeaderErrors(t *testing.T) {
	for csv, want := range map[string]string{
		"":                                "customers.csv: the file is empty",
		"id,mail\n1,a@b.example":          `customers.csv:1: there is no column "email"`,
		"email\na@b.example":              `customers.csv:1: there is no column "id"`,
		"\xff\xfei\x00d\x00":              "customers.csv:1: the header is not UTF-8",
		strings.Repeat("a", maxRow) + "b": "customers.csv:1: cannot read the header",
		"\"id,email\n1,a@b.example":       "customers.csv:1: cannot read the header",
	} {
		if _, _, _, err := build(t, csv, BuildOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", csv, err, want)
		}
	}
}

// Whatever goes wrong, the old snapshot stays, and nothing else is left behind.
func TestOldSnapshotStays(t *testing.T) {
	path, key, _, err := build(t, "id,email\n1,alice@shop.example\n", BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for name, try := range map[string]func() error{
		"strict": func() error {
			_, err := Build(t.Context(), path, key, strings.NewReader("id,email\n1,x\n"), "c", BuildOptions{Strict: true})
			if !errors.Is(err, ErrStrict) {
				t.Error(err)
			}
			return err
		},
		"stopped": func() error { _, err := Build(stopped, path, key, made(10), "c", BuildOptions{}); return err },
		"broken source": func() error {
			_, err := Build(t.Context(), path, key, io.MultiReader(made(10), broken{}), "c", BuildOptions{})
			return err
		},
	} {
		if err := try(); err == nil {
			t.Errorf("%s: no error", name)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Errorf("%s: the snapshot changed", name)
		}
		if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 2 { // the other is the lock
			t.Errorf("%s: left behind: %v", name, files)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

// A snapshot of which any byte is changed, or the end is missing, is refused, or answers as before.
func TestCorrupt(t *testing.T) {
	path, key, _, err := build(t, "id,email\n1,alice@shop.example\n2,bob@shop.example\n", BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	good, _ := os.ReadFile(path)
	other := filepath.Join(t.TempDir(), "other")
	check := func(name string, b []byte) {
		t.Helper()
		os.WriteFile(other, b, 0o600)
		d, err := Open(other, key)
		if err != nil {
			if !strings.Contains(err.Error(), other) {
				t.Errorf("%s: %v does not name the file", name, err)
			}
			return
		}
		defer d.Close()
		if owners(d, "alice@shop.example") != "1" || owners(d, "bob@shop.example") != "2" || owners(d, "carol@shop.example") != "" {
			t.Errorf("%s: opened, and answers wrongly", name)
		}
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x41
		check(fmt.Sprint("byte ", i), bad)
		check(fmt.Sprint("cut at ", i), good[:i])
	}
	if _, err := Open(path, Key{9}); err == nil || !strings.Contains(err.Error(), "built with key") {
		t.Errorf("another key: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), key); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// A large snapshot is checked part by part, when each is first used: a damaged part answers for nobody and is reported, the
// others answer.
func TestDamagedPart(t *testing.T) {
	const n = 2 * largeShard
	path := filepath.Join(t.TempDir(), "snapshot")
	if _, err := Build(t.Context(), path, Key{}, made(n), "made", BuildOptions{Kinds: []scan.Kind{scan.Email}}); err != nil {
		t.Fatal(err)
	}
	good, _ := os.ReadFile(path)
	h, err := unmarshalHeader(good)
	if err != nil {
		t.Fatal(err)
	}
	for what, part := range map[string]shardInfo{"entries": h.entries.shards[0], "ids": h.ids.shards[1]} {
		for _, at := range []int64{part.offset, part.offset + part.length/2, part.offset + part.length - 1} {
			bad := bytes.Clone(good)
			bad[at] ^= 1
			other := filepath.Join(t.TempDir(), "snapshot")
			os.WriteFile(other, bad, 0o600)
			d := &Directory{path: other, keys: []Key{{}}}
			v, err := d.open(0)
			if err != nil || v.snapshot.damage() != nil {
				t.Fatal(err, "damage before any use:", v.snapshot.damage())
			}
			d.current.Store(v)
			known := 0
			for i := range 2000 {
				switch got := owners(d, fmt.Sprintf("customer%d@mail%d.example", i, i%97)); got {
				case fmt.Sprintf("%08d", i):
					known++
				case "":
				default:
					t.Fatalf("%s, byte %d: customer %d is %q", what, at, i, got)
				}
			}
			if known < 500 || known > 1500 {
				t.Errorf("%s, byte %d: %d of 2000 are known, with half of it damaged", what, at, known)
			}
			if err := d.Damage(); err == nil || !strings.Contains(err.Error(), other+" is corrupt") {
				t.Errorf("%s, byte %d: the damage is %v", what, at, err)
			}
			if _, err := d.Reload(); err == nil {
				t.Error("Reload says nothing of the damage")
			}
			if _, err := Open(other, Key{}); err == nil {
				t.Error("a small snapshot is checked when it is opened")
			}
			d.Close()
		}
	}
}

func TestOldFormat(t *testing.T) {
	path, key, _, err := build(t, "id,email\n1,alice@shop.example\n", BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(path)
	b[len(formatMagic)] = 1
	os.WriteFile(path, b, 0o600)
	if _, err := Open(path, key); err == nil || !strings.Contains(err.Error(), "it has format 1, and this candor reads format 6: build it again") {
		t.Error(err)
	}
}

// The files of a build, and the snapshot, hold nobody's address.
func TestNoAddressOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	looked := false
	src := io.MultiReader(made(100_000), readFunc(func() { // at the end of the file, before it is sorted
		looked = true
		search(t, filepath.Dir(path))
	}))
	if _, err := Build(t.Context(), path, Key{}, src, "made", BuildOptions{}); err != nil || !looked {
		t.Fatal(err, looked)
	}
	search(t, filepath.Dir(path))
}

type readFunc func()

func (f readFunc) Read([]byte) (int, error) { f(); return 0, io.EOF }

func search(t *testing.T, dir string) {
	filepath.WalkDir(dir, func(path string, e os.DirEntry, _ error) error {
		if b, _ := os.ReadFile(path); bytes.Contains(b, []byte("customer")) || bytes.Contains(b, []byte("@mail")) {
			t.Errorf("%s holds an address", path)
		}
		return nil
	})
}

func TestReloadUnderLookUps(t *testing.T) {
	path, key, _, err := build(t, "id,email\n1,alice@shop.example\n", BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					if got := owners(d, "alice@shop.example"); got != "1" {
						t.Errorf("alice is %q", got)
						return
					}
				}
			}
		})
	}
	for i := range 20 {
		csv := fmt.Sprintf("id,email\n1,alice@shop.example\n%d,bob%d@shop.example\n", i+2, i)
		if _, err := Build(t.Context(), path, key, strings.NewReader(csv), "c", BuildOptions{}); err != nil {
			t.Fatal(err)
		}
		if changed, err := d.Reload(); !changed || err != nil {
			t.Fatal(changed, err)
		}
		if got := owners(d, fmt.Sprintf("bob%d@shop.example", i)); got != fmt.Sprint(i+2) {
			t.Errorf("bob%d is %q", i, got)
		}
	}
	if changed, err := d.Reload(); changed || err != nil {
		t.Error("nothing changed, and Reload says", changed, err)
	}
	os.WriteFile(path+"x", []byte("nonsense"), 0o600)
	os.Rename(path+"x", path)
	if changed, err := d.Reload(); changed || err == nil {
		t.Error("nonsense was taken up", changed, err)
	}
	close(done)
	readers.Wait()
}

func TestKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	key, err := CreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadKey(path)
	if err != nil || again != key {
		t.Error(err)
	}
	if _, err := CreateKey(path); !errors.Is(err, os.ErrExist) {
		t.Error("overwritten:", err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key)
	for _, s := range []string{fmt.Sprint(key), fmt.Sprintf("%v %x %q", key, key, key), log.String()} {
		if strings.Contains(s, fmt.Sprintf("%x", key[:4])) || !strings.Contains(s, key.ID()) {
			t.Errorf("printed as %s", s)
		}
	}
	os.Chmod(path, 0o640)
	if _, err := ReadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
		t.Error(err)
	}
	for _, bad := range []string{"", "nonsense", keyHeader, keyHeader + "AAAA", keyHeader + strings.Repeat("A", 48)} {
		os.Remove(path)
		os.WriteFile(path, []byte(bad), 0o600)
		if _, err := ReadKey(path); err == nil || !strings.Contains(err.Error(), "no key that candor made") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAllocations(t *testing.T) {
	d := mustOpen(t, "id,email\n1,alice@shop.example\n")
	stranger := []byte("stranger@shop.example")
	if n := testing.AllocsPerRun(1000, func() { d.Owners(scan.Email, stranger) }); n > 0 && !raced {
		t.Errorf("%v allocations for a stranger", n)
	}
	for _, who := range [][]byte{stranger, []byte("alice@shop.example")} {
		if n := testing.AllocsPerRun(1000, func() { d.Known(scan.Email, who) }); n > 0 && !raced {
			t.Errorf("%v allocations to say whether %s is known", n, who)
		}
	}
}

func FuzzBuild(f *testing.F) {
	f.Add([]byte("id,email\n1,alice@shop.example\n\"2\",\"b\"\"ob@shop.example\"\r\n"))
	f.Add([]byte("email,id,\"\n\"\n,,\n\"\"\"\n"))
	f.Fuzz(func(t *testing.T, csv []byte) {
		path := filepath.Join(t.TempDir(), "snapshot")
		report, err := Build(t.Context(), path, Key{}, bytes.NewReader(csv), "fuzz", BuildOptions{})
		if err != nil {
			return
		}
		d, err := Open(path, Key{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if d.Info().Identifiers != report.Identifiers || report.Customers > report.Rows {
			t.Fatalf("%+v %+v", report, d.Info())
		}
	})
}

func FuzzOpen(f *testing.F) {
	var key Key
	for _, csv := range []string{"id,email\n1,alice@shop.example\n2,bob@shop.example\n", "id,email,country,locale\n1,alice@shop.example,DE,de\n2,bob@shop.example,US-CA,\n"} {
		path, k, _, err := build(f, csv, BuildOptions{Now: time.Unix(1, 0)})
		if err != nil {
			f.Fatal(err)
		}
		good, _ := os.ReadFile(path)
		f.Add(good)
		f.Add(good[:len(good)-1])
		key = k
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &snapshot{data: b}
		if s.parse([]Key{key}) != nil {
			return
		}
		for i := range s.entries { // a checksum can be made to fit: then look-ups must hold, whatever else is in there
			s.entries[i].state.Store(sound)
		}
		for i := range s.ids {
			s.ids[i].state.Store(sound)
		}
		v := view{snapshot: s, digester: newDigester(key), changes: &changes{}}
		sum := v.digester.kinds[email].digest([]byte("alice@shop.example"))
		v.owners(s.run(sum), nil)
		v.known(s.run(sum))
		s.owned(sum, "1", v.digester.id.digest([]byte("1")).hi)
		s.about("1", v.digester.id.digest([]byte("1")).hi)
	})
}

func BenchmarkOwners(b *testing.B) {
	path := filepath.Join(b.TempDir(), "s")
	if _, err := Build(b.Context(), path, Key{}, made(1_000_000), "made", BuildOptions{Kinds: []scan.Kind{scan.Email}}); err != nil {
		b.Fatal(err)
	}
	d, err := Open(path, Key{})
	if err != nil {
		b.Fatal(err)
	}
	for name, format := range map[string]string{"customer": "customer%d@mail%d.example", "stranger": "stranger%d@mail%d.example"} {
		var list [4096][]byte
		for i := range list {
			n := rand.IntN(1_000_000)
			list[i] = fmt.Appendf(nil, format, n, n%97)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				d.Owners(scan.Email, list[i%len(list)])
			}
		})
		b.Run("known/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				d.Known(scan.Email, list[i%len(list)])
			}
		})
	}
}
