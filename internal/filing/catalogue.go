package filing

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
)

// Catalogue is docs/filings.md's part about the forms: what each asks, after which source, and what it lacks.
func Catalogue() []byte {
	var b bytes.Buffer
	b.WriteString("| form | law | rule | in force | filed by | read | source |\n|---|---|---|---|---|---|---|\n")
	for _, f := range Forms() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s | %s | %s | %s |\n", f.ID, f.ID, cell(f.Law), rules(f), span(f), cell(f.How), f.Mark, cell(f.Source))
	}
	for _, f := range Forms() {
		fmt.Fprintf(&b, "\n### %s\n\n%s.", f.ID, f.Title)
		if f.Note != "" {
			b.WriteString(" " + f.Note)
		}
		b.WriteString("\n")
		for i, l := range f.Lacks {
			if i == 0 {
				b.WriteString("\nIt lacks:\n\n")
			}
			fmt.Fprintf(&b, "- %s\n", l)
		}
		b.WriteString("\n| field | asked | law | required | filled from | a person is asked |\n|---|---|---|---|---|---|\n")
		for _, s := range f.Sections {
			for _, one := range s.Fields {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", one.ID, cell(asked(one)), cell(one.Law), map[bool]string{true: "yes"}[one.Required], sources(one), cell(one.Person))
			}
		}
	}
	return b.Bytes()
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func rules(f Form) string {
	if f.Completes == "" {
		return "`" + f.Rule + "`"
	}
	return "`" + f.Rule + "`, then `" + f.Completes + "`"
}

func span(f Form) string {
	if f.EffectiveUntil != "" {
		return f.EffectiveFrom + " until " + f.EffectiveUntil
	}
	return "from " + f.EffectiveFrom
}

func asked(f Field) string {
	when := map[string]string{"late": " (when it is late)", "later": " (after the initial one)", "withdrawal": " (when it is withdrawn)"}[f.When]
	return f.Label + when
}

func sources(f Field) string {
	return cmp.Or(strings.Join(quoted(f.From), ", "), "–")
}

func quoted(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = "`" + s + "`"
	}
	return out
}
