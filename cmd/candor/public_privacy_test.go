package main

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"index/suffixarray"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"candor.example/internal/filing"
	"candor.example/internal/notice"
)

// captured runs a command that must succeed, and gives what it printed.
func captured(t *testing.T, args ...string) []byte {
	t.Helper()
	stdout := os.Stdout
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	printed := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(r)
		printed <- b
	}()
	os.Stdout = w
	status := run(args)
	os.Stdout = stdout
	w.Close()
	out := <-printed
	if status != exitClean {
		t.Fatalf("candor %s: status %d\n%s", strings.Join(args, " "), status, out)
	}
	return out
}

// searchPublic looks for every customer in all that Candor makes of incidents for others: what is published, statements, answer sheets, filings, exports. rows are the
// customer file: id, email, name.
func searchPublic(t *testing.T, data string, incidents []string, rows [][]string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "public"), os.DirFS(filepath.Join(data, "public"))); err != nil {
		t.Fatal(err)
	}
	for _, id := range incidents {
		forOthers(t, data, id, filepath.Join(dir, id))
	}
	s := secretsOf(rows)
	files, all := 0, []byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		all = append(append(all, b...), "\nThis was "+strings.TrimPrefix(path, dir)+"\n"...)
		return err
	})
	if err != nil || files < 200 {
		t.Fatalf("%d files: %v", files, err)
	}
	if who := s.find(all); who != "" {
		t.Errorf("in one of %d files: %s", files, who)
	}
	// Candor's own recogniser knows encodings, and reads PDF.
	if found := captured(t, "scan", "--data", data, "--all", dir); len(found) > 0 {
		t.Errorf("%s", found)
	}

	// All of this finds somebody who is there.
	id, email, name := rows[1][0], rows[1][1], rows[1][2]
	for _, text := range []string{email, strings.ToUpper(email), name, id, fmt.Sprintf("%x", sha256.Sum256([]byte(id))), base64.StdEncoding.EncodeToString([]byte(email)), fmt.Sprintf("%X", md5.Sum([]byte(email))),
		strings.Replace(email, "@", "%40", 1), strings.Replace(email, "@", "&#64;", 1), strings.Replace(id, "_", "%5F", 1)} {
		if s.find([]byte("<p>It is "+text+".</p>")) == "" {
			t.Errorf("%q would not be found", text)
		}
	}
	planted := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(planted, []byte(`<a href="data:text/plain;base64,`+base64.StdEncoding.EncodeToString([]byte("to "+email+" and others"))+`">x</a>`), 0o600); err != nil {
		t.Fatal(err)
	}
	if status := run([]string{"scan", "--data", data, planted}); status != exitFound {
		t.Errorf("the recogniser finds nobody in a page with somebody in it: status %d", status)
	}
}

// forOthers writes what is made of an incident for the press, for regulators and for those who count incidents.
func forOthers(t *testing.T, data, id, dir string) {
	t.Helper()
	of := []string{id, "--data", data, "--config", filepath.Join(data, "candor.yaml")}
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil || len(b) == 0 {
			t.Fatalf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	for _, lang := range notice.Languages {
		write("statement-"+lang+".txt", captured(t, append([]string{"report", "statement", "--language", lang}, of...)...))
		write("show-"+lang+".txt", captured(t, append([]string{"report", "show", "--language", lang}, of...)...))
	}
	for _, form := range []string{"veris", "dpv"} {
		write(form+".json", captured(t, append([]string{"report", "export", "--as", form}, of...)...))
	}
	for _, f := range filing.Forms() {
		draft := append([]string{"filing", "draft", "--for", f.ID}, of...)
		write(f.ID+".md", captured(t, draft...))
		write(f.ID+".json", captured(t, append(draft, "--json")...))
		write(f.ID+".pdf", captured(t, append(draft, "--pdf", "-")...))
	}
}

// secrets are what would tell of a customer: by what it is, in lower case.
type secrets struct {
	plain  []string          // addresses, names, ids
	hashes map[string]string // in hexadecimal: whose
}

func secretsOf(rows [][]string) (s secrets) {
	s.hashes = map[string]string{}
	for _, row := range rows[1:] {
		for _, text := range row[:3] {
			for _, text := range []string{text, strings.ToLower(text)} {
				m, one, two := md5.Sum([]byte(text)), sha1.Sum([]byte(text)), sha256.Sum256([]byte(text))
				for _, sum := range [][]byte{m[:], one[:], two[:]} {
					s.hashes[hex.EncodeToString(sum)] = row[0]
				}
			}
		}
		s.plain = append(s.plain, strings.ToLower(row[0]), strings.ToLower(row[1]))
		if len(row[2]) > 8 {
			s.plain = append(s.plain, strings.ToLower(row[2]))
		}
	}
	return s
}

var (
	hexRun    = regexp.MustCompile(`[0-9a-fA-F]{32,}`)
	base64Run = regexp.MustCompile(`[A-Za-z0-9+/]{12,}={0,2}`)
	unescape  = strings.NewReplacer("%40", "@", "&#64;", "@", "&#x40;", "@", `\u0040`, "@", "%5f", "_", "%20", " ", "+", " ")
)

// find whom a file tells of, as it is or decoded once.
func (s secrets) find(b []byte) string {
	texts := [][]byte{bytes.ToLower(b), []byte(unescape.Replace(strings.ToLower(string(b))))}
	for _, run := range base64Run.FindAll(b, -1) {
		if decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(string(run), "=")); err == nil {
			texts = append(texts, bytes.ToLower(decoded))
			if who := s.hashes[hex.EncodeToString(decoded)]; who != "" {
				return "a hash of " + who
			}
		}
	}
	all := bytes.Join(texts, []byte("\n"))
	index := suffixarray.New(all) // thousands of texts are looked for in megabytes
	for _, text := range s.plain {
		if at := index.Lookup([]byte(text), 1); len(at) > 0 {
			return fmt.Sprintf("%q", all[max(0, at[0]-80):min(len(all), at[0]+80)])
		}
	}
	for _, sum := range hexRun.FindAll(b, -1) {
		if who := s.hashes[strings.ToLower(string(sum))]; who != "" {
			return "a hash of " + who
		}
	}
	return ""
}
