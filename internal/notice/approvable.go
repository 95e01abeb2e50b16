package notice

import (
	"maps"
	"slices"
	"strings"

	"candor.example"
)

// Judged is a finding in one of a draft's texts.
type Judged struct {
	Finding
	In     string  `json:"in,omitempty"` // the text, "gdpr/de"; empty: across texts
	Source int     `json:"source_line"`  // the line of the text's source; 0: it stands in what is filled in for each person, or is missing
	Waived *Waiver `json:"waived,omitempty"`
}

// Blocks: a draft with it cannot be approved.
func (j Judged) Blocks() bool { return j.Level == "E" || j.Waived == nil }

// Example is a text as one made-up person would get it.
func (d Draft) Example(key string) (Message, error) {
	law, lang, _ := strings.Cut(key, "/")
	return d.only(key).Message(MadeUp(d.Facts, Law(law), lang), d.Facts.AsOf)
}

// only is a draft with one text: whoever it is told to gets this one.
func (d Draft) only(key string) Draft {
	d.Texts = map[string]string{key: d.Texts[key]}
	return d
}

// Judge is what is wrong with one text of a draft, read by people who do not exist: one with all that was shown of anybody, and one who need not
// change a password. waived are the findings that may stand.
func Judge(d Draft, key string, waived []Waiver) (list []Judged) {
	law, lang, _ := strings.Cut(key, "/")
	p := MadeUp(d.Facts, Law(law), lang)
	people := []Person{p}
	if len(p.Credentials) > 0 || p.Looked != candor.LookedAll {
		p.Credentials, p.Looked = nil, candor.LookedAll
		people = append(people, p)
	}
	for _, p := range people {
		m, err := d.only(key).Message(p, d.Facts.AsOf)
		if err != nil {
			return []Judged{{Finding: Finding{Level: "E", Title: "it cannot be read", Why: err.Error()}, In: key}}
		}
		for _, f := range Lint(LetterOf(m), &d.Facts, &p) {
			j := Judged{Finding: f, In: key, Source: lineOf(d.Texts[key], f.Text), Waived: waiverOf(waived, f, key)}
			if !slices.ContainsFunc(list, func(o Judged) bool { return o.Rule == j.Rule && o.Text == j.Text && o.Why == j.Why }) {
				list = append(list, j)
			}
		}
	}
	return list
}

// lineOf is the first line of a source that words stand in; 0 if they do in none.
func lineOf(source, words string) int {
	if words = strings.Join(strings.Fields(words), " "); words == "" {
		return 0
	}
	for i, line := range strings.Split(source, "\n") {
		if strings.Contains(strings.Join(strings.Fields(line), " "), words) {
			return i + 1
		}
	}
	return 0
}

func waiverOf(waived []Waiver, f Finding, key string) *Waiver {
	for _, w := range waived {
		if w.Rule == f.Rule && (w.Lang == "" || w.Lang == key) {
			return &w
		}
	}
	return nil
}

// Approvable is what stands against approving the draft of a campaign: findings of level E, and those of level W that nobody let stand with a reason, in
// any of its texts; facts that are not those of the frozen set; and seed mailboxes. Empty: nothing does.
func Approvable(d Draft, c Campaign) []Judged {
	list := []Judged{}
	letters := map[string]Letter{}
	for _, key := range slices.Sorted(maps.Keys(d.Texts)) {
		for _, j := range Judge(d, key, c.Waived) {
			if j.Blocks() {
				list = append(list, j)
			}
		}
		if m, err := d.Example(key); err == nil {
			letters[key] = LetterOf(m)
		}
	}
	for _, f := range LintCampaign(c, d.Facts, letters) {
		if f.Rule != "N31" { // approvals are what it is asked for
			list = append(list, Judged{Finding: f})
		}
	}
	return list
}
