package notice

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// LintCampaign judges what only a campaign knows: N29 to N31, and N24 across its texts. letters are drafts by law and language ("gdpr/de"), each made
// for the same person; empty: texts are not compared. draft is the hash of the document that they are from.
func LintCampaign(c Campaign, draft string, letters map[string]Letter) []Finding {
	j := &judge{w: theWords()}
	for id, check := range map[string]func(){
		"N24": func() { j.sameFacts(letters) },
		"N29": func() {
			if c.Draft != draft {
				j.missing("the campaign has another draft than this one: draft it again, or look at it again")
			}
		},
		"N30": func() { j.seeds(c) },
		"N31": func() { j.approvals(c) },
	} {
		j.rule = ruleOf(id)
		check()
	}
	slices.SortFunc(j.found, func(a, b Finding) int { return strings.Compare(a.Rule+a.Why, b.Rule+b.Why) })
	return j.found
}

func (j *judge) seeds(c Campaign) {
	if len(c.Seeds) == 0 {
		j.missing("no seed mailbox has had it")
	}
	for _, s := range c.Seeds {
		switch {
		case s.Draft != c.Draft:
			j.missing("seed %s had another draft", s.Name)
		case !s.Passed():
			j.missing("seed %s: dkim=%s dmarc=%s, in the spam folder: %t", s.Name, s.DKIM, s.DMARC, s.Spam)
		}
	}
}

func (j *judge) approvals(c Campaign) {
	by := c.ApprovedBy()
	if len(by) < c.Needs {
		j.missing("%d of %d have approved it as it is now", len(by), c.Needs)
	}
	for _, name := range by {
		if slices.ContainsFunc(c.Authors, func(a string) bool { return sameName(a, name) }) {
			j.missing("%s wrote it and approved it", name)
		}
	}
}

// sameFacts: every text has the figures and links of the first one of its law.
func (j *judge) sameFacts(letters map[string]Letter) {
	first := map[string]string{}
	said := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(letters)) {
		law, _, _ := strings.Cut(name, "/")
		l := letters[name]
		if len(l.parts()) == 0 {
			continue
		}
		said[name] = newJudge(l, nil, nil).said(0)
		other, ok := first[law]
		if !ok {
			first[law] = name
			continue
		}
		for _, what := range said[other] {
			if !slices.Contains(said[name], what) {
				j.add(Finding{Why: fmt.Sprintf("%s has %s, and %s has not", other, what, name)})
			}
		}
		for _, what := range said[name] {
			if !slices.Contains(said[other], what) {
				j.add(Finding{Why: fmt.Sprintf("%s has %s, and %s has not", name, what, other)})
			}
		}
	}
}
