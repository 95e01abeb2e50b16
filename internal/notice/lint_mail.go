package notice

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// parts is N25.
func (j *judge) parts() {
	for _, m := range j.letter.Marks {
		if m.Rule == "N25" {
			j.mark(m)
		}
	}
	text, page := j.letter.Text, j.letter.HTML
	if text == nil && j.letter.Headers != nil {
		j.missing("it has no text/plain part")
	}
	if text == nil || page == nil || len(j.all) < 2 {
		return
	}
	a, b := j.said(0), j.said(1)
	j.differ(a, b, "text/html")
	j.differ(b, a, "text/plain")
	said := fold(j.letter.Subject) + " " + j.text() // a page has its subject as a heading
	for _, block := range page.Blocks {
		if block.Kind == Heading && !strings.Contains(said, fold(block.Text)) {
			line, column := block.Place(0)
			j.mark(Mark{Text: block.Text, Why: "this heading is not in the text part", Line: line, Column: column})
		}
	}
}

// said are the figures and links of a part, as they are compared.
func (j *judge) said(part int) (list []string) {
	for _, s := range j.all[part] {
		f := j.figuresOf(s)
		for _, d := range values(f.days) {
			list = append(list, fmt.Sprintf("the date %04d-%02d-%02d", d.year, d.month, d.day))
		}
		for _, c := range values(f.clocks) {
			list = append(list, fmt.Sprintf("the time %02d:%02d", c/60, c%60))
		}
		for _, n := range values(f.numbers) {
			list = append(list, fmt.Sprintf("the number %d", n))
		}
	}
	for _, l := range j.letter.Links {
		if l.Part == j.letter.parts()[part].Type && strings.HasPrefix(strings.ToLower(l.Target), "http") {
			list = append(list, "the link "+strings.TrimSuffix(l.Target, "/"))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// differ tells what one part has and the other lacks. List numbers stand in neither: <ol> counts by itself.
func (j *judge) differ(has, lacks []string, name string) {
	for _, what := range has {
		if _, there := slices.BinarySearch(lacks, what); !there {
			j.add(Finding{Why: what + " is not in the " + name + " part", Part: name})
		}
	}
}

var (
	dkimDomain = regexp.MustCompile(`(?:^|;)\s*d\s*=\s*([^;\s]+)`)
	dkimMethod = regexp.MustCompile(`(?:^|;)\s*a\s*=\s*([^;\s]+)`)
)

// mailHeader is N27.
func (j *judge) mailHeader() {
	l := j.letter
	if l.Headers == nil {
		return
	}
	fault := func(line int, text, why string) {
		j.add(Finding{Text: text, Why: why, Part: "header", Line: line, Column: 1})
	}
	methods := map[string]bool{}
	_, from, _ := strings.Cut(l.From, "@")
	for _, h := range l.header("DKIM-Signature") {
		domain, method := firstGroup(dkimDomain, h.Value), strings.ToLower(firstGroup(dkimMethod, h.Value))
		if registered(domain) == registered(from) { // aligned, as DMARC relaxes it
			methods[method] = true
		}
	}
	for _, m := range []string{"rsa-sha256", "ed25519-sha256"} {
		if !methods[m] {
			fault(1, "", "no DKIM-Signature with "+m+" of the From domain")
		}
	}
	if !strings.HasPrefix(strings.ToLower(l.headerText("Auto-Submitted")), "auto-generated") {
		fault(1, l.headerText("Auto-Submitted"), "Auto-Submitted is not auto-generated: it will be answered by machines")
	}
	if n := len(l.header("Message-ID")); n != 1 {
		fault(1, "", fmt.Sprintf("it has %d Message-ID fields, and one is needed", n))
	}
	if len(l.To) != 1 {
		fault(1, "", fmt.Sprintf("it has %d recipients in To, and goes to one person", len(l.To)))
	}
	for _, h := range l.Headers {
		name := strings.ToLower(h.Name)
		if name == "cc" || name == "bcc" || strings.HasPrefix(name, "list-") || name == "precedence" {
			fault(h.Line, h.Name, "a notice to one person has no such field")
		}
	}
}

func firstGroup(re *regexp.Regexp, s string) string {
	if m := re.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

// mailbox is N28.
func (j *judge) mailbox() {
	if j.facts == nil || len(j.credentials()) == 0 {
		return
	}
	for _, to := range j.letter.To {
		if _, host, _ := strings.Cut(to, "@"); leadsTo(host, j.facts.Publisher.Domain) {
			j.add(Finding{Why: "it goes to a mailbox at the publisher's own domain, and credentials were shown", Part: "header", Line: j.letter.header("To")[0].Line})
		}
	}
}
