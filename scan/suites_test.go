package scan_test

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"os"
	"strconv"
	"strings"
	"testing"

	"candor.example/internal/suites"
	"candor.example/scan"
)

// An address is found when a directory that knows it would confirm one of the readings.
func found(text, address string) bool {
	known, ok := scan.NormalizeEmail(nil, []byte(address))
	if !ok {
		return false
	}
	hit := false
	f := scan.Finder{Found: func(m scan.Match) bool {
		ours := m.Kind == scan.Email && string(m.Value) == string(known)
		hit = hit || ours
		return ours
	}}
	f.Find([]byte(text), true)
	return hit
}

func foundAny(text string) bool {
	hit := false
	f := scan.Finder{Found: func(m scan.Match) bool { hit = hit || m.Kind == scan.Email; return false }}
	f.Find([]byte(text), true)
	return hit
}

// judge gives one case: a text and what the suite finds in it, or nothing where the suite refuses the text.
func judge(s *suites.Suite, id, text string, want []string) {
	all := true
	for _, address := range want {
		all = all && found(text, address)
	}
	if len(want) == 0 {
		s.Invalid(foundAny(text))
		return
	}
	s.Case(id, all)
}

func TestSuiteAddresses(t *testing.T) {
	for name, folder := range map[string]string{
		"xurls": "xurls", "gfm": "gfm", "validator": "validator", "govalidator": "govalidator", "net/mail": "netmail", "gitleaks": "gitleaks",
	} {
		t.Run(name, func(t *testing.T) {
			var cases []struct {
				ID, In string
				Want   []string
			}
			readJSON(t, "testdata/suites/"+folder+"/cases.json", &cases)
			s := suites.New(t, name)
			for _, c := range cases {
				judge(s, c.ID, c.In, c.Want)
			}
			s.Report()
		})
	}
}

// is_email takes an address as valid below its threshold of 16 (is_email.php, ISEMAIL_THRESHOLD): fit for SMTP as it stands.
// What is fit only for a message header (comments, folding, obsolete forms), it refuses.
func TestSuiteIsemail(t *testing.T) {
	var tests struct {
		Tests []struct {
			ID       string `xml:"id,attr"`
			Address  string `xml:"address"`
			Category string `xml:"category"`
		} `xml:"test"`
	}
	data := read(t, "testdata/suites/isemail/tests.xml")
	if err := xml.Unmarshal(data, &tests); err != nil {
		t.Fatal(err)
	}
	s := suites.New(t, "isemail")
	for _, c := range tests.Tests {
		address := strings.Map(control, c.Address)
		switch c.Category {
		case "ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321":
			judge(s, c.ID, address, []string{address})
		default:
			judge(s, c.ID, address, nil)
		}
	}
	s.Report()
}

// control turns U+2400 + n back into the control character n.
func control(r rune) rune {
	if r >= 0x2400 && r < 0x2420 {
		return r - 0x2400
	}
	return r
}

// links.txt holds a text and below it the link in it, or nothing where the text is the link; the link may be any URL, so
// only mailto: and bare addresses are ours. In not_links.txt no text holds one.
func TestSuiteLinkify(t *testing.T) {
	s := suites.New(t, "linkify-it")
	for _, block := range paragraphs(t, "testdata/suites/linkify-it/links.txt") {
		link := block.lines[len(block.lines)-1]
		address, mailto := cutPrefixFold(link, "mailto:")
		switch {
		case !strings.Contains(link, "@"):
		case !mailto && strings.ContainsAny(address, "/:"):
			s.NotJudged("a web link with an at-sign, no address")
		default:
			judge(s, "links.txt:"+strconv.Itoa(block.line), block.lines[0], []string{address})
		}
	}
	for _, block := range paragraphs(t, "testdata/suites/linkify-it/not_links.txt") {
		for _, line := range block.lines {
			if strings.Contains(line, "@") {
				judge(s, "", line, nil)
			}
		}
	}
	s.Report()
}

type paragraph struct {
	line  int // where it begins, from 1
	lines []string
}

// paragraphs splits at empty lines. '%' begins a comment, at the start of a line or behind a space.
func paragraphs(t *testing.T, file string) (list []paragraph) {
	open := false
	s := bufio.NewScanner(strings.NewReader(string(read(t, file))))
	for n := 1; s.Scan(); n++ {
		line, _, _ := strings.Cut(" "+s.Text(), " %")
		if line = strings.TrimSpace(line); line == "" {
			open = false
			continue
		}
		if !open {
			list = append(list, paragraph{line: n})
		}
		open = true
		list[len(list)-1].lines = append(list[len(list)-1].lines, line)
	}
	return list
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

func read(t testing.TB, file string) []byte {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readJSON(t testing.TB, file string, v any) {
	if err := json.Unmarshal(read(t, file), v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
