package notice

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// LintCampaign judges what only a campaign knows: N29 to N31, and N24 across its texts. letters are a draft's texts by law and language ("gdpr/de"), each
// made for the same person; empty: texts are not compared. f are the draft's facts.
func LintCampaign(c Campaign, f Facts, letters map[string]Letter) []Finding {
	j := &judge{w: theWords()}
	for id, check := range map[string]func(){
		"N24": func() { j.sameFacts(letters) },
		"N29": func() { j.frozen(c, f) },
		"N30": func() {
			for _, why := range c.Unseeded() {
				j.missing("%s", why)
			}
		},
		"N31": func() { j.approvals(c) },
	} {
		j.rule = ruleOf(id)
		check()
	}
	slices.SortFunc(j.found, func(a, b Finding) int { return strings.Compare(a.Rule+a.Why, b.Rule+b.Why) })
	return j.found
}

// frozen compares what the words say with who is told by them.
func (j *judge) frozen(c Campaign, f Facts) {
	if c.Exposed == 0 {
		return
	}
	if f.People != c.Exposed {
		j.missing("the words say %s, and %s exposed when the set was frozen: write them anew, and freeze again", count(f.People, "person", "people"), count(c.Exposed, "was", "were"))
	}
	if !f.First.Equal(c.First) || !f.Last.Equal(c.Last) {
		j.missing("the words say from %s to %s, and those who were exposed when the set was frozen were from %s to %s: write them anew, and freeze again",
			f.First.Format(time.RFC3339), f.Last.Format(time.RFC3339), c.First.Format(time.RFC3339), c.Last.Format(time.RFC3339))
	}
}

func (j *judge) approvals(c Campaign) {
	by := c.ApprovedBy()
	if len(by) < c.Needs {
		j.missing("%d of %d have approved it as it is now", len(by), c.Needs)
	}
	for _, name := range by {
		if Named(c.Authors, name) {
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
