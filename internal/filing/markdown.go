package filing

import (
	"fmt"
	"strings"
)

// Markdown is the filing as CommonMark.
func (f Filing) Markdown() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", escaped(f.Title))
	for _, p := range f.head() {
		fmt.Fprintf(&b, "- **%s:** %s\n", p[0], escaped(p[1]))
	}
	fmt.Fprintf(&b, "\n**%s**\n", escaped(f.Advice))
	for _, s := range f.Sections {
		fmt.Fprintf(&b, "\n## %s\n", escaped(s.Title))
		for _, a := range s.Answers {
			fmt.Fprintf(&b, "\n### %s\n\n", escaped(a.heading()))
			b.WriteString(a.markdown())
		}
	}
	list(&b, "Changed since it was filed", f.changeLines())
	list(&b, "About this form", f.Notes)
	if f.Sample != "" {
		fmt.Fprintf(&b, "\n## Sample of the notice\n\n%s\n", indented(f.Sample))
	}
	return []byte(b.String())
}

// markdown is one paragraph, its lines kept apart. A mark in brackets that no link follows is text (CommonMark 6.3).
func (a Answer) markdown() string {
	lines := a.lines()
	for i, line := range lines {
		if lines[i] = escaped(line); line == a.Mark() {
			lines[i] = "**[" + escaped(line[1:len(line)-1]) + "]**"
		}
	}
	return strings.Join(lines, "\\\n") + "\n"
}

func list(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", title)
	for _, l := range lines {
		fmt.Fprintf(b, "- %s\n", escaped(l))
	}
}

// indented is a code block: the sample is shown letter by letter.
func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ")
}

// escaped keeps CommonMark from reading what is meant as text; a line stays one.
func escaped(s string) string {
	return marks.Replace(strings.Join(strings.Fields(s), " "))
}

var marks = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "<", `\<`, "[", `\[`, "]", `\]`, "#", `\#`, "|", `\|`, "&", `\&`, "~", `\~`)

// head is what stands above the questions: names and values.
func (f Filing) head() (pairs [][2]string) {
	add := func(name, value string) {
		if value != "" {
			pairs = append(pairs, [2]string{name, value})
		}
	}
	add("To", f.Authority)
	add("Under", f.Law)
	add("Filed by", f.How)
	add("Phase", f.Phase)
	add("Incident", f.Incident)
	add("Filled from", f.origin())
	add("Drafted", f.Drafted.Format("2006-01-02 15:04 UTC"))
	add("Duty", f.Duty+": "+f.Why)
	if !f.Due.IsZero() {
		add("Due", f.Due.Format("2006-01-02 15:04 UTC")+map[bool]string{true: ", which has passed"}[f.Late])
	}
	if n := len(f.Open); n > 0 {
		add("Still open", fmt.Sprintf("%d required: %s", n, strings.Join(f.Open, ", ")))
	}
	return pairs
}

// origin is the report that it was filled from.
func (f Filing) origin() string {
	if f.Report == "" {
		return "a draft of the report, which is not published"
	}
	return fmt.Sprintf("revision %d of the public report, SHA-256 %s", f.Revision, f.Report)
}

func (a Answer) heading() string {
	h := a.Label
	if a.Law != "" {
		h += " (" + a.Law + ")"
	}
	if a.Required {
		h += " *"
	}
	return h
}

// lines are an answer as it is shown: what is known, and what a person is asked.
func (a Answer) lines() (list []string) {
	if a.Text != "" {
		list = strings.Split(a.Text, "\n")
	}
	if mark := a.Mark(); mark != "" {
		list = append(list, mark)
	}
	if len(list) == 0 {
		list = append(list, "nothing is on record")
	}
	return list
}

func (f Filing) changeLines() (list []string) {
	for _, c := range f.Changes {
		list = append(list, fmt.Sprintf("%s: was %q, is %q", c.Label, c.From, c.To))
	}
	return list
}
