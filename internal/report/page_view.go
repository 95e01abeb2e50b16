package report

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"candor.example/verify"
)

// view is one page of a report, as its template shows it.
type view struct {
	voice
	r         verify.Report
	revisions []Published // up to this one
	newest    bool        // the page is the incident's, and not the revision's own
}

func newView(revisions []Published, lang string, newest bool) (*view, error) {
	r := revisions[len(revisions)-1].Report
	said, err := newVoice(r, lang)
	return &view{voice: said, r: r, revisions: revisions, newest: newest}, err
}

// Root, Files and Newest are relative paths: to the public folder, to the folder with this revision's files, to the incident's newest page.
func (v *view) Root() string {
	if v.newest {
		return "../"
	}
	return "../../"
}

func (v *view) Files() string {
	if v.newest {
		return strconv.Itoa(v.r.Revision) + "/"
	}
	return ""
}

func (v *view) Newest() string {
	if v.newest {
		return ""
	}
	return "../" + v.Lang + ".html"
}

// Permanent is where this revision's own page is, seen from the newest.
func (v *view) Permanent() string { return v.Files() + v.Lang + ".html" }

// tongue is a link to the same page in another language.
type tongue struct{ Lang, Name, Href string }

func (v *view) Tongues() ([]tongue, error) { return tongues(v.r.Languages) }

func tongues(langs []string) (list []tongue, err error) {
	all, err := pageWords()
	for _, lang := range langs {
		list = append(list, tongue{lang, all[lang]["language"], lang + ".html"})
	}
	return list, err
}

func (v *view) Publisher() string { return shownName(v.r.Publisher) }

func shownName(p verify.Publisher) string {
	if name := shown(p.Name); name != "" {
		return name
	}
	return shown(p.LegalName)
}

// Imprint is who speaks, in full.
func (v voice) Imprint(p verify.Publisher) []text {
	name := v.Say("publisher", "legal-name", shown(p.LegalName), "address", shown(p.Address))
	if p.Address == "" {
		name = shown(p.LegalName)
	}
	if p.Name == "" || p.Name == p.LegalName {
		return texts(name)
	}
	return texts(name, v.Say("publisher.name", "name", shown(p.Name)))
}

func (v *view) Who() []text { return v.Imprint(v.r.Publisher) }

// Headline is the answer in one line.
func (v *view) Headline() string { return v.headline(v.r) }

func (v voice) headline(r verify.Report) string {
	p := r.HowMany.People
	said := v.Say("headline.open")
	if n := p.Value; n != nil && statusOf(p.Status) != verify.Withheld && statusOf(p.Status) != verify.Unknown {
		if n.Exact != nil {
			said = v.Count("headline", *n.Exact)
		} else {
			said = v.Say("headline.range", "lower", v.Number(n.Lower), "upper", v.Number(n.Upper))
		}
	}
	return said
}

// Sites names where it was, for below the headline.
func (v *view) Sites() string { return v.sites(v.r) }

func (v voice) sites(r verify.Report) string {
	if r.Which.Sites.Value == nil {
		return ""
	}
	var hosts []string
	for _, s := range *r.Which.Sites.Value {
		hosts = append(hosts, shown(s.Host))
	}
	return v.List(hosts)
}

func (v *view) Incident() string { return v.Say("incident", "incident", shown(v.r.Incident)) }

// Standing says which revision this is.
func (v *view) Standing() string {
	key := "permanent"
	if v.newest {
		key = "latest"
	}
	return v.Say(key, "revision", v.Number(v.r.Revision), "moment", v.Moment(v.r.PublishedAt))
}

func (v *view) IsNewest() bool { return v.newest }

// Corrected, Open and Withheld point to what readers should know before they quote a figure.
func (v *view) Corrected() string { return v.countOrNone("corrected", len(v.r.Corrections)) }
func (v *view) Open() string      { return v.countOrNone("open", len(v.r.Open)) }

// Honest: there is anything of these.
func (v *view) Honest() bool { return len(v.withheld())+len(v.r.Corrections)+len(v.r.Open) > 0 }

func (v *view) Withheld() string { return v.countOrNone("withheld", len(v.withheld())) }

// FirstWithheld is where the first of them stands.
func (v *view) FirstWithheld() string { return v.withheld()[0].ID }

func (v voice) countOrNone(key string, n int) string {
	if n == 0 {
		return ""
	}
	return v.Count(key, n)
}

func (v *view) withheld() []row {
	return slices.DeleteFunc(v.rows(), func(r row) bool { return r.Status != verify.Withheld })
}

// rows are all facts, in the order of the page.
func (v *view) rows() []row {
	all := v.moments()
	d := v.Data()
	all = append(all, d.Shown, d.Not, v.Consequences())
	for _, g := range v.groups() {
		all = append(all, g.Rows...)
	}
	return append(all, v.Prevention(), v.Regulators())
}

// Told is the sum of people told, and its parts.
func (v *view) Told() toldSum {
	t := v.r.Told
	s := toldSum{Affected: part{Name: v.Say("told.affected"), Count: v.Number(t.Affected)}}
	var x float64
	var sum []string
	for _, p := range []struct {
		key string
		n   int
	}{{"accepted", t.Accepted}, {"bounced", t.Bounced}, {"other", t.OtherChannel}, {"in-doubt", t.InDoubt}, {"withheld", t.Withheld}, {"waiting", t.Waiting}} {
		w := 0.0
		if t.Affected > 0 {
			w = 100 * float64(p.n) / float64(t.Affected)
		}
		s.Parts = append(s.Parts, part{Key: p.key, Name: v.Say("told." + p.key), Means: v.Say("told." + p.key + ".means"), Count: v.Number(p.n), X: percent(x), W: percent(w)})
		sum = append(sum, v.Number(p.n))
		x += w
	}
	s.Sum = v.Say("told.sum", "affected", v.Number(t.Affected), "parts", strings.Join(sum, " + "))
	s.Notes = texts(v.toldWhen(), v.countOrNone("told.complaints", t.Complaints))
	for _, n := range t.Notices {
		s.Notices = append(s.Notices, shown(n))
	}
	s.Corrected = v.correctionsOf("/people_told")
	return s
}

type toldSum struct {
	Affected  part
	Parts     []part
	Sum       string
	Notes     []text
	Notices   []string
	Corrected []int
}

// part is how many people, and where its bar stands in percent.
type part struct{ Key, Name, Means, Count, X, W string }

func percent(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) + "%" }

func (v *view) toldWhen() string {
	t := v.r.Told
	switch {
	case t.FirstAt.IsZero():
		return ""
	case t.LastAt.IsZero() || t.Waiting > 0:
		return v.Say("told.first", "at", v.At(t.FirstAt))
	}
	return v.Say("told.when", "when", v.Within(t.FirstAt, t.LastAt))
}

// Data is what was shown, and what was not.
type data struct {
	Shown, Not row
	Basis      string // of all that was not, where it is the same
}

func (v *view) Data() data {
	d := data{}
	d.Shown, d.Not = v.fields()
	if list := v.r.HowMany.NotDisclosed.Value; list != nil && d.Not.Status == verify.Known {
		for _, n := range *list {
			if n.Basis == searchedFor {
				d.Basis = v.Say("data.basis", "basis", v.Say("basis.searched"))
			}
		}
	}
	return d
}

func (v *view) Consequences() row {
	return fact(v, "/consequences", v.r.Consequences, func(w verify.Words) []text { return []text{v.own(w)} })
}

func (v *view) Advice() []text   { return each(v.r.Advice, v.own) }
func (v *view) HowToCheck() text { return v.own(v.r.HowToCheck) }
func (v *view) Timeline() []row  { return v.moments() }
func (v *view) Groups() []group  { return v.groups() }

// Prevention is what is changed; Steps are the same with who does it, and by when.
func (v *view) Prevention() row {
	return fact(v, "/fix/prevention", v.r.Fix.Prevention, func(list []verify.Prevention) []text {
		return each(list, func(p verify.Prevention) text { return v.own(p.Action) })
	})
}

// step is one thing that is changed.
type step struct {
	Text text
	Note string
}

func (v *view) Steps() (list []step) {
	if !has(v.r.Fix.Prevention) {
		return nil
	}
	for _, p := range *v.r.Fix.Prevention.Value {
		list = append(list, step{v.own(p.Action), v.prevented(p)})
	}
	return list
}

func (v *view) prevented(p verify.Prevention) string {
	var notes []string
	if p.Owner != "" {
		notes = append(notes, v.Say("prevention.owner", "owner", shown(p.Owner)))
	}
	switch {
	case !p.Done.IsZero():
		notes = append(notes, v.Say("prevention.done", "on", v.Say("on", "date", v.Date(p.Done))))
	case !p.Due.IsZero():
		notes = append(notes, v.Say("prevention.due", "date", v.Date(p.Due)))
	}
	return strings.Join(notes, " · ")
}

// duty is one authority, and what is owed to it.
type duty struct {
	Authority, Law, Duty, Standing string
	Notes                          []string
}

func (v *view) Regulators() row {
	return fact(v, "/regulators", v.r.Regulators, func(list []verify.Regulator) []text {
		return each(list, func(r verify.Regulator) text { return plain(r.Authority) })
	})
}

// Duties are the regulators in full, where they are known.
func (v *view) Duties() (list []duty) {
	f := v.r.Regulators
	if f.Value == nil || statusOf(f.Status) == verify.Withheld || statusOf(f.Status) == verify.Unknown {
		return nil
	}
	for _, r := range *f.Value {
		list = append(list, v.duty(r))
	}
	return list
}

func (v *view) duty(r verify.Regulator) duty {
	d := duty{Authority: shown(r.Authority), Law: shown(r.Law), Duty: v.word("duty.", r.Duty).Text, Standing: v.filed(r)}
	if r.Reason != "" {
		d.Notes = append(d.Notes, v.Say("duty.because", "reason", shown(r.Reason)))
	}
	if !r.Due.IsZero() {
		d.Notes = append(d.Notes, v.Say("duty.due", "moment", v.Moment(r.Due)))
	}
	if r.Reference != "" {
		d.Notes = append(d.Notes, v.Say("duty.reference", "reference", shown(r.Reference)))
	}
	return d
}

func (v *view) filed(r verify.Regulator) string {
	switch {
	case r.Filed.IsZero() && r.Duty == "no":
		return ""
	case r.Filed.IsZero():
		return v.Say("duty.unfiled")
	case r.Phase == "":
		return v.Say("duty.filed", "at", v.At(r.Filed))
	}
	return v.Say("duty.filed-phase", "at", v.At(r.Filed), "phase", v.word("phase.", r.Phase).Text)
}

// correction is one thing that was said before, and is said otherwise now.
type correction struct {
	N               int
	Field           string
	Before, After   text
	Why, Revision   string
	Href, Published string
}

func (v *view) Corrections() (list []correction) {
	for i, c := range v.r.Corrections {
		x := correction{N: i + 1, Field: v.fieldName(c.Field), Before: v.value(c.From), After: v.value(c.To), Why: shown(c.Why), Revision: v.Say("revision", "revision", v.Number(c.Revision))}
		if p := v.published(c.Revision); p != nil {
			x.Href, x.Published = v.pageOf(*p), v.Date(p.Report.PublishedAt)
		}
		list = append(list, x)
	}
	return list
}

// CorrectedIn is the mark of the nth correction, from 1, where it applies.
func (v *view) CorrectedIn(n int) string {
	return v.Say("corrected-in", "revision", v.Number(v.r.Corrections[n-1].Revision))
}

// With gives a template a second value.
func (v *view) With(other any) []any { return []any{v, other} }

func (v *view) published(revision int) *Published {
	if revision < 1 || revision > len(v.revisions) {
		return nil
	}
	return &v.revisions[revision-1]
}

// pageOf is the own page of a revision, seen from this one, in this language if it is there.
func (v *view) pageOf(p Published) string {
	file := "index.html"
	for _, lang := range p.Report.Languages {
		if lang == v.Lang {
			file = lang + ".html"
		}
	}
	if v.newest {
		return fmt.Sprintf("%d/%s", p.Report.Revision, file)
	}
	return fmt.Sprintf("../%d/%s", p.Report.Revision, file)
}

// fieldName is the label of the fact in which a pointer lies, or else the pointer.
func (v *view) fieldName(pointer string) string {
	for at := pointer; at != ""; at = at[:strings.LastIndexByte(at, '/')] {
		if v.Has(at) {
			return v.Say(at)
		}
		if !strings.Contains(at, "/") {
			break
		}
	}
	return shown(pointer)
}

// value is a JSON value as people read it.
func (v *view) value(raw string) text {
	var x any
	if json.Unmarshal([]byte(raw), &x) != nil {
		return plain(raw)
	}
	switch x := x.(type) {
	case nil:
		return plain(v.Say("corrections.nothing"))
	case float64:
		if x == float64(int(x)) {
			return plain(v.Number(int(x)))
		}
		return plain(v.decimal(x))
	case string:
		if at, err := time.Parse(time.RFC3339, x); err == nil {
			return v.moment(at)
		}
		return plain(x)
	case map[string]any:
		if w := wordsIn(x); w != nil {
			return v.own(w)
		}
	}
	return code(raw)
}

// wordsIn reads an object as words, if it is nothing else.
func wordsIn(x map[string]any) verify.Words {
	w := verify.Words{}
	for lang, said := range x {
		s, ok := said.(string)
		if !ok || len(lang) > 3 && !strings.Contains(lang, "-") {
			return nil
		}
		w[lang] = s
	}
	return w
}

// question is what is still open.
type question struct{ Text, By text }

func (v *view) Questions() []question {
	var list []question
	for _, q := range v.r.Open {
		t := v.own(q.Text)
		if t.Text == "" {
			t = plain(v.fieldName(q.Field))
		}
		list = append(list, question{t, text{Text: v.Say("open.by", "date", v.Date(q.AnswerBy)), ISO: q.AnswerBy.UTC().Format(time.RFC3339)}})
	}
	return list
}

// revision is one line of the history.
type revision struct {
	Name, Href, Hash, Log, Corrections string
	At                                 text
	This                               bool
}

func (v *view) Revisions() (list []revision) {
	before := 0
	for _, p := range v.revisions {
		r := p.Report
		x := revision{Name: v.Say("revision", "revision", v.Number(r.Revision)), Href: v.pageOf(p), Hash: p.Hash, At: v.moment(r.PublishedAt), This: r.Revision == v.r.Revision,
			Log: v.Say("revision.log", "index", v.Number(int(r.Log.Index))), Corrections: v.Say("revision.corrections.none")}
		if n := len(r.Corrections) - before; n > 0 {
			x.Corrections = v.Count("revision.corrections", n)
		}
		before = len(r.Corrections)
		list = append(list, x)
	}
	return list
}

func (v *view) Hash() string { return v.revisions[len(v.revisions)-1].Hash }

// Commands are what checks the log and this report's entry in it without Candor, as docs/verify.md has it for all files. The bundle is the one that was published with the entry: it
// stays. TestCommandsOfPages runs them.
func (v *view) Commands() []string {
	return append(logCommands(), fmt.Sprintf("curl -fsSL URL/%s | grep -a -c %s", verify.BundlePath(v.r.Log.Index+1), v.Hash()))
}

// logCommands check the log: that its key signed it, and that its entries and tiles are those for which it stands.
func logCommands() []string {
	return []string{"curl -fsSL URL/key.txt | head -n 1 > log.pub",
		"go run github.com/transparency-dev/tessera/cmd/fsck@v1.0.4 -storage_url URL/log/ -public_key log.pub -ui=false"}
}

func (v *view) LogEntry() string {
	return v.Say("verify.log", "origin", shown(v.r.Log.Origin), "index", v.Number(int(v.r.Log.Index)))
}

// contact is somebody to ask.
type contact struct{ Name, Email, Mailto, Phone string }

func (v *view) Contacts() []contact { return v.contacts(v.r.Publisher) }

func (v voice) contacts(p verify.Publisher) (list []contact) {
	for _, c := range []verify.Contact{p.Contact, p.DPO} {
		if c == (verify.Contact{}) || len(list) > 0 && c == p.Contact {
			continue
		}
		x := contact{Name: shown(c.Role), Email: shown(c.Email), Phone: shown(c.Phone)}
		if c.Name != "" {
			x.Name = v.Say("contact.role", "role", x.Name, "name", shown(c.Name))
		}
		if mailAddress.MatchString(c.Email) {
			x.Mailto = "mailto:" + c.Email
		}
		list = append(list, x)
	}
	return list
}

// mailAddress is one that needs no escaping in a link, and can add no headers to the message.
var mailAddress = regexp.MustCompile(`^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,255}$`)
