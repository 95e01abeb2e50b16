package report

import (
	"strings"

	"candor.example/verify"
)

// answer is one of the four questions with its answer in plain sentences, the first of which is the answer.
type answer struct {
	Question  string
	Say       []text
	Status    verify.Status
	Standing  string // empty where it is known
	Corrected []mark
}

// mark points to a correction.
type mark struct {
	N    int
	Text string
}

// Answers are what a reader learns in a minute.
func (v *view) Answers() []answer {
	r := v.r
	return []answer{
		v.answer("which", "/which", r.Which.Sites.Status, v.where()),
		v.answer("many", "/how_many", r.HowMany.People.Status, v.many()),
		v.answer("cause", "/cause", r.Cause.Summary.Status, v.cause()),
		v.answer("fix", "/fix", r.Fix.FixedAt.Status, v.fixed()),
	}
}

func (v *view) answer(name, pointer string, status verify.Status, say []text) answer {
	a := answer{Question: v.Say("question." + name), Say: say, Status: statusOf(status), Corrected: v.marks(pointer)}
	if a.Status != verify.Known {
		a.Standing = v.Say("status." + string(a.Status))
	}
	return a
}

// marks say what was said before, where it is short, and point to why.
func (v *view) marks(pointer string) (list []mark) {
	for _, n := range v.correctionsOf(pointer) {
		c := v.r.Corrections[n-1]
		m := mark{n, v.Say("corrected-here", "field", v.fieldName(c.Field))}
		if before := v.value(c.From); !before.Code && len(before.Text) < 80 {
			m.Text = v.Say("corrected-from", "field", v.fieldName(c.Field), "before", before.Text)
		}
		list = append(list, m)
	}
	return list
}

// said is the value of a fact, or else what stands in its place.
func said[T any](v *view, f verify.Fact[T], say func(T) []text) []text {
	switch status := statusOf(f.Status); {
	case status == verify.Withheld:
		return texts(v.Say("say.withheld", "reason", shown(f.Reason)))
	case status == verify.Unknown || f.Value == nil:
		return texts(v.unknown(f.NextUpdateBy))
	}
	return say(*f.Value)
}

// has: a fact has a value that may be said beside others.
func has[T any](f verify.Fact[T]) bool {
	return f.Value != nil && (statusOf(f.Status) == verify.Known || statusOf(f.Status) == verify.Estimated)
}

func (v *view) where() []text {
	w := v.r.Which
	list := said(v, w.Sites, func(sites []verify.Site) []text {
		if has(w.Surfaces) && len(*w.Surfaces.Value) > 0 {
			return texts(v.Say("answer.where", "sites", v.Sites(), "pages", v.pages(*w.Surfaces.Value)))
		}
		return texts(v.Say("answer.where-sites", "sites", v.Sites()))
	})
	if t := v.r.Timeline; has(t.First.Fact) && has(t.Last.Fact) {
		list = append(list, plain(v.Say("answer.when", "when", v.Within(*t.First.Value, *t.Last.Value))))
	}
	if has(w.Audience) && len(*w.Audience.Value) > 0 {
		list = append(list, plain(v.Say("answer.audience", "who", v.words("audience.", *w.Audience.Value))))
	}
	return list
}

// pages names surfaces in words, or by their paths.
func (v *view) pages(list []verify.Surface) string {
	var names []string
	for _, s := range list {
		name := v.own(s.Name).Text
		if name == "" {
			_, path, _ := strings.Cut(shown(s.Route), " ")
			name = v.Say("page", "path", path)
		}
		names = append(names, name)
	}
	return v.List(names)
}

func (v *view) many() []text {
	h := v.r.HowMany
	list := said(v, h.People, func(p verify.People) []text {
		switch {
		case p.Exact == nil:
			return texts(v.Say("answer.range", "lower", v.Number(p.Lower), "upper", v.Number(p.Upper)))
		case h.People.Status == verify.Estimated:
			return texts(v.Count("answer.estimate", *p.Exact))
		}
		return texts(v.Count("answer.people", *p.Exact))
	})
	for _, more := range []struct {
		key string
		verify.Fact[int]
	}{{"answer.viewers", h.Viewers}, {"prevented", h.Prevented}, {"possible", h.Possible}} {
		if has(more.Fact) && *more.Value > 0 {
			list = append(list, plain(v.Count(more.key, *more.Value)))
		}
	}
	if has(h.Disclosed) && len(*h.Disclosed.Value) > 0 {
		list = append(list, plain(v.Say("shown", "fields", v.words("field.", *h.Disclosed.Value))))
	}
	return list
}

// cause says which two remain, where it is not known.
func (v *view) cause() []text {
	c := v.r.Cause
	if statusOf(c.Summary.Status) == verify.Unknown && len(c.Candidates) > 0 {
		list := append(texts(v.Say("cause.undetermined")), each(c.Candidates, v.own)...)
		if by := c.Summary.NextUpdateBy; !by.IsZero() {
			list = append(list, plain(v.Say("open.by", "date", v.Date(by))))
		}
		return list
	}
	return said(v, v.r.Cause.Summary, func(w verify.Words) []text { return []text{v.own(w)} })
}

func (v *view) fixed() []text {
	f := v.r.Fix
	var list []text
	switch {
	case has(f.FixedAt):
		list = texts(v.Say("answer.fixed", "fixed", v.Say("fixed", "at", v.At(*f.FixedAt.Value))))
	case statusOf(f.FixedAt.Status) == verify.Withheld:
		list = said(v, f.FixedAt, nil)
	default:
		list = texts(v.Say("answer.unfixed", "unfixed", v.Say("unfixed")))
		if by := f.FixedAt.NextUpdateBy; !by.IsZero() {
			list = append(list, plain(v.Say("open.by", "date", v.Date(by))))
		}
	}
	if has(f.ContainedAt) && has(f.ContainedHow) && v.Has("contained."+*f.ContainedHow.Value) {
		list = append(list, plain(v.Say("contained."+*f.ContainedHow.Value, "moment", v.Moment(*f.ContainedAt.Value))))
	}
	if has(f.VerifiedBy) {
		list = append(list, texts(v.proof(*f.VerifiedBy.Value)...)...)
	}
	return list
}
