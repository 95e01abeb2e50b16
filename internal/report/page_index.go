package report

import (
	"slices"
	"strconv"

	"candor.example/internal/notice"
	"candor.example/verify"
)

// index is the list of all reports, in one language. The publisher is the one of the report that was published last.
type index struct {
	voice
	publisher verify.Publisher
	incidents [][]Published
}

// indexPages writes the list in every language, and as index.html in the first one of the report that was published last.
func indexPages(files map[string][]byte, incidents [][]Published) error {
	last := slices.MaxFunc(incidents, func(a, b []Published) int {
		return newestOf(a).PublishedAt.Compare(newestOf(b).PublishedAt)
	})
	newest := newestOf(last)
	sorted := slices.Clone(incidents)
	slices.SortStableFunc(sorted, func(a, b []Published) int { return b[0].Report.PublishedAt.Compare(a[0].Report.PublishedAt) })
	for _, lang := range notice.Languages {
		said, err := newVoice(newest, lang)
		if err != nil {
			return err
		}
		if files[lang+".html"], err = render("index.html", &index{said, newest.Publisher, sorted}); err != nil {
			return err
		}
	}
	files["index.html"] = files[newest.Languages[0]+".html"]
	return nil
}

func newestOf(revisions []Published) verify.Report { return revisions[len(revisions)-1].Report }

func (x *index) Tongues() ([]tongue, error) { return tongues(notice.Languages) }
func (x *index) Publisher() string          { return shownName(x.publisher) }
func (x *index) Who() []text                { return x.Imprint(x.publisher) }
func (x *index) Commands() []string         { return logCommands() }
func (x *index) Contacts() []contact        { return x.contacts(x.publisher) }

// entry is one incident in the list.
type entry struct {
	Href, Headline, Where, Dates, State string
	Status                              verify.Status
	Corrected                           string
}

// Entries are the incidents, the one first that was first published last.
func (x *index) Entries() (list []entry) {
	for _, revisions := range x.incidents {
		r := newestOf(revisions)
		in, err := newVoice(r, x.Lang) // says times in the zone of that report
		if err != nil {
			continue // its own pages could not have been written
		}
		e := entry{Href: r.Incident + "/index.html", Headline: in.headline(r), Where: in.sites(r), State: in.Say("index.open"), Status: verify.Unknown, Corrected: in.countOrNone("revision.corrections", len(r.Corrections))}
		if slices.Contains(r.Languages, x.Lang) {
			e.Href = r.Incident + "/" + x.Lang + ".html"
		}
		if has(r.Fix.FixedAt) {
			e.State, e.Status = in.Say("index.fixed"), verify.Known
		}
		first := revisions[0].Report
		e.Dates = in.Say("index.meta", "on", in.Say("on", "date", in.Date(first.PublishedAt)), "revision", "1")
		if len(revisions) > 1 {
			e.Dates = in.Say("index.first", "first", in.Say("on", "date", in.Date(first.PublishedAt)), "last", in.Say("on", "date", in.Date(r.PublishedAt)), "revision", strconv.Itoa(r.Revision))
		}
		list = append(list, e)
	}
	return list
}
