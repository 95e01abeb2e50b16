package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/notice"
	"candor.example/scan"
	"candor.example/verify"
)

// Draft says everything that is known of an incident: what the ledger holds, what people set, what is unknown and by when it will be known. It is the
// next revision behind in.Before. Whether it may be published, Ready says.
func Draft(in Input) (verify.Report, error) {
	in.Facts.AsOf = second(in.Facts.AsOf)
	d := drafter{Input: in, now: in.Facts.AsOf, by: in.Facts.UpdateBy, merge: cmp.Or(in.Merge, MergeBelow)}
	if d.by.IsZero() {
		d.by = d.now.Add(UpdateWithin)
	}
	d.by = d.by.UTC().Truncate(time.Second)
	for _, b := range Evidence(in) {
		switch b.Type {
		case FiguresSchema:
			d.figures = b.Hash
		case VerdictSchema:
			d.verdict = b.Hash
		}
	}
	all, err := voices(d.Facts)
	if err != nil {
		return verify.Report{}, err
	}
	r := d.report()
	if err := d.words(&r, all); err != nil {
		return r, err
	}
	if err := d.set(&r); err != nil {
		return r, err
	}
	if r.Cause.Summary.Status != verify.Unknown || r.Cause.Mechanism.Status == verify.Withheld || len(r.Cause.Candidates) != 2 {
		r.Cause.Candidates = nil
	}
	d.conceal(&r)
	d.keepPromises(&r)
	if err := d.questions(&r, all); err != nil {
		return r, err
	}
	r.Corrections = corrections(in.Before, r, in.Whys)
	return r, nil
}

// drafter writes one report.
type drafter struct {
	Input
	now, by          time.Time // drafted; what is unknown will be known
	merge            int
	figures, verdict string // hashes of evidence
}

func known[T any](d *drafter, v T, evidence ...string) verify.Fact[T] {
	evidence = slices.DeleteFunc(evidence, func(h string) bool { return h == "" })
	return verify.Fact[T]{Value: &v, Status: verify.Known, AsOf: d.now, Evidence: evidence}
}

func unknown[T any](d *drafter) verify.Fact[T] {
	return verify.Fact[T]{Status: verify.Unknown, AsOf: d.now, NextUpdateBy: d.by}
}

// knownIf is known, or else unknown.
func knownIf[T any](d *drafter, is bool, v T, evidence ...string) verify.Fact[T] {
	if !is {
		return unknown[T](d)
	}
	return known(d, v, evidence...)
}

func (d *drafter) report() verify.Report {
	r := verify.Report{Schema: verify.ReportSchema, Incident: d.Facts.Incident, Revision: 1, PublishedAt: d.now, Languages: slices.Clone(notice.Languages),
		Publisher: publisher(d.Facts.Publisher), Log: verify.Log{Origin: d.Origin, Proof: "report.tlog-proof"}, Merge: d.merge}
	if d.Before != nil {
		r.Revision, r.Previous = d.Before.Revision+1, d.BeforeHash
	}
	r.Which, r.HowMany, r.Cause, r.Fix, r.Timeline = d.which(), d.howMany(), d.cause(), d.fix(), d.timeline()
	r.Course, r.Told, r.Regulators = d.course(), d.told(), d.regulators()
	return r
}

// regulators are those whom a duty or a filing names, and those that candor.yaml says.
func (d *drafter) regulators() verify.Fact[[]verify.Regulator] {
	var filed []Filed
	var evidence []string
	for _, a := range d.Actions {
		if f, err := FiledOf(a.Action); err == nil {
			filed, evidence = append(filed, f), append(evidence, a.Hash)
		}
	}
	list := Regulators(withoutCounts(d.Duties, filed, d.merge), filed)
	for _, r := range d.Facts.Regulators {
		if i := slices.IndexFunc(list, func(o verify.Regulator) bool { return r.Filed.IsZero() && o.Filed.IsZero() && isOf(o.Law, r.Law) }); i >= 0 {
			list[i].Reason = strings.Trim(list[i].Reason+". "+r.Reason, ". ") + "." // the publisher's own, of a law whose duty was judged
			continue
		}
		one := verify.Regulator{Authority: r.Authority, Law: r.Law, Duty: "undecided", Reason: r.Reason, Filed: second(r.Filed), Reference: r.Reference}
		if !slices.ContainsFunc(list, func(o verify.Regulator) bool { return o.Authority == one.Authority && o.Filed.Equal(one.Filed) }) {
			list = append(list, one)
		}
	}
	return known(d, list, evidence...)
}

// isOf: "GDPR art. 33(1)" is of "GDPR Art. 33".
func isOf(paragraph, law string) bool {
	return law != "" && strings.HasPrefix(strings.ToLower(paragraph), strings.ToLower(law))
}

func publisher(p notice.Publisher) verify.Publisher {
	return verify.Publisher{LegalName: p.LegalName, Name: cmp.Or(p.Name, p.LegalName), Address: p.Address, Domain: p.Domain, Contact: verify.Contact(p.Contact), DPO: verify.Contact(p.DPO),
		Zone: cmp.Or(p.Zone, "UTC")}
}

func (d *drafter) which() verify.Which {
	route := publicRoute(d.Facts.Route)
	surface := verify.Surface{Kind: cmp.Or(d.Surface, "page"), Route: route, Name: verify.Words(d.Facts.Surface)}
	return verify.Which{
		Sites:    known(d, []verify.Site{{Host: d.Facts.Site, Version: d.Facts.Release}}, d.figures),
		Surfaces: known(d, []verify.Surface{surface}, d.figures),
		Audience: known(d, audience(d.Facts.Viewers), d.figures),
		Regions:  known(d, merged(d.Countries, d.merge)),
	}
}

// audience says in the report's words who saw it, by Viewer.Kind. Staff and their like are other people with an account.
func audience(seen []incident.ViewerCount) []string {
	words := map[string]string{"customer": "other_customers", "role": "other_customers", "crawler": "crawlers", "claimed-crawler": "crawlers"}
	list := []string{}
	for _, v := range seen {
		if v.Count > 0 {
			list = append(list, cmp.Or(words[v.Kind], "public"))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (d *drafter) howMany() verify.HowMany {
	f, viewers := d.Facts, 0
	for _, v := range f.Viewers {
		viewers += v.Count
	}
	n := f.People
	h := verify.HowMany{
		People:       known(d, verify.People{Exact: &n, Lower: n, Upper: n, Method: counted}, d.evidenceOfPeople()...),
		Prevented:    known(d, f.Prevented, d.figures),
		Possible:     known(d, f.Possible, d.figures),
		Records:      known(d, d.Records, d.figures),
		Viewers:      known(d, viewers, d.figures),
		Exposures:    known(d, d.Exposures, d.figures),
		Disclosed:    known(d, disclosed(f), d.figures),
		NotDisclosed: knownIf(d, f.Looked == candor.LookedAll, notDisclosed(f), d.figures),
		Special:      unknown[string](d),
		Severity:     known(d, severity(d.Severity), d.last(candor.Assessed)),
	}
	return h
}

// evidenceOfPeople: a hash of a few people's ids can be turned back by trying all, so that it is said of no small set.
func (d *drafter) evidenceOfPeople() []string {
	if d.Facts.People < MergeBelow {
		return []string{d.figures}
	}
	return append([]string{d.figures}, d.Told.Sets...)
}

// disclosed names the fields as notices do: hashes of one address are one thing to people.
func disclosed(f notice.Facts) []string {
	list := []string{}
	for _, k := range []candor.Kind{scan.Name, scan.Email, scan.Phone} {
		if slices.Contains(f.Kinds, k) {
			list = append(list, string(k))
		}
	}
	if slices.ContainsFunc(f.Kinds, func(k candor.Kind) bool { return strings.HasPrefix(string(k), "email-") }) {
		list = append(list, "hash")
	}
	return append(list, f.Credentials...)
}

// searched are the credentials that every response is searched for.
var searched = []string{scan.Password, scan.PasswordHash, scan.SessionToken, scan.APIKey, scan.CardNumber}

func notDisclosed(f notice.Facts) []verify.NotDisclosed {
	list := []verify.NotDisclosed{}
	for _, c := range searched {
		if !slices.Contains(f.Credentials, c) {
			list = append(list, verify.NotDisclosed{Field: c, Basis: searchedFor})
		}
	}
	return list
}

func severity(a incident.Assessment) verify.Severity {
	s := a.Holds()
	return verify.Severity{DPC: s.DPC, EI: s.EI, CB: s.CB, SE: s.SE, Band: string(s.Level), Reason: a.Why}
}

func (d *drafter) cause() verify.Cause {
	v := d.Verdict
	decided := v.Cause != incident.CauseUndetermined && v.Cause != ""
	return verify.Cause{
		Summary:      unknown[verify.Words](d), // words does it
		VERIS:        knownIf(d, decided, verify.VERIS{Variety: []string{v.Variety}, Vector: []string{"Web application"}}, d.verdict),
		Mechanism:    knownIf(d, decided, verify.Mechanism{ID: string(v.Cause), Title: v.Title, CWE: v.CWE, OWASP: v.OWASP, Decided: v.Decided}, d.verdict),
		Trigger:      knownIf(d, d.Facts.Release != "", d.trigger(), d.figures),
		WhyNotCaught: unknown[verify.Words](d),
		Kind:         knownIf(d, kinds[v.Variety] != "", kinds[v.Variety], d.verdict),
		ThirdParty:   unknown[string](d),
	}
}

// kinds of mistakes, by VERIS's varieties.
var kinds = map[string]string{"Programming error": "programming", "Misconfiguration": "misconfiguration", "Exploit misconfig": "misconfiguration", "Publishing error": "publishing", "Misdelivery": "misdelivery"}

func (d *drafter) trigger() verify.Trigger {
	t := verify.Trigger{Change: d.Facts.Release}
	for _, r := range d.Releases {
		if r.Name == t.Change && !r.Time.After(d.Facts.First) {
			t.Deployed = second(r.Time)
		}
	}
	return t
}

func (d *drafter) fix() verify.Fix {
	f := d.Facts
	contained, fixed, verified := d.last(candor.Contained), d.last(candor.Fixed), d.last(candor.Verified)
	return verify.Fix{
		ContainedAt:  knownIf(d, !f.Contained.IsZero(), second(f.Contained), contained),
		ContainedHow: knownIf(d, f.ContainedHow != "" && !f.Contained.IsZero(), f.ContainedHow, contained),
		FixedAt:      knownIf(d, !f.Fixed.IsZero(), second(f.Fixed), fixed),
		Reference:    knownIf(d, f.FixReference != "", f.FixReference, fixed),
		VerifiedBy:   knownIf(d, !f.Verified.IsZero() && f.Replayed > 0, verify.Proof{At: second(f.Verified), Replayed: f.Replayed, Clean: f.CleanSince}, verified),
		Purged:       unknown[[]string](d),
		WrongViewers: knownIf(d, d.Viewers.Asked > 0, d.Viewers),
		Prevention:   knownIf(d, len(f.Prevention) > 0, []verify.Prevention{{Action: verify.Words(f.Prevention)}}),
	}
}

// last is the audit's hash of the last action of a sort.
func (d *drafter) last(what string) string {
	for _, a := range slices.Backward(d.Actions) {
		if a.What == what {
			return a.Hash
		}
	}
	return ""
}

func (d *drafter) timeline() verify.Timeline {
	m := d.Moments
	at := func(t time.Time, by, evidence string) verify.Moment {
		moment := verify.Moment{Fact: knownIf(d, !t.IsZero(), second(t), evidence)}
		if !t.IsZero() {
			moment.By = role(by)
		}
		return moment
	}
	t := verify.Timeline{
		Introduced: at(m.Introduced, "release", ""),
		First:      at(d.Facts.First, "candor", d.figures), Last: at(d.Facts.Last, "candor", d.figures), Detected: at(m.Detected, "candor", d.figures),
		Aware: at(m.Aware, m.By["aware"], d.last(candor.Confirmed)), Contained: at(m.Contained, m.By["contained"], d.last(candor.Contained)),
		Fixed: at(m.Fixed, m.By["fixed"], d.last(candor.Fixed)), Determined: at(m.Determined, m.By["determined"], d.last(candor.Determined)),
		FirstNotice: at(d.Told.First, "candor", d.last(candor.NoticeStarted)),
	}
	last := d.Told.Last
	if d.told().Waiting > 0 {
		last = time.Time{} // it is not the last
	}
	t.LastNotice = at(last, "candor", d.last(candor.NoticeStarted))
	return t
}

// role stands for whoever did something: no person is named.
func role(by string) string {
	switch by {
	case "candor", "release":
		return by
	}
	return "publisher"
}

func second(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}

func (d *drafter) told() verify.Told {
	s := d.Told.States
	t := verify.Told{Affected: d.Facts.People, Accepted: s[notice.Accepted], Bounced: s[notice.Bounced], OtherChannel: s[notice.Other], InDoubt: s[notice.InDoubt], Withheld: s[notice.Withheld],
		Complaints: d.Told.Complaints, FirstAt: second(d.Told.First), LastAt: second(d.Told.Last), Notices: append([]string{}, d.Told.Drafts...)}
	t.Waiting = t.Affected - t.Accepted - t.Bounced - t.OtherChannel - t.InDoubt - t.Withheld
	return t
}
