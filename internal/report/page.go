package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strconv"

	"candor.example/internal/notice"
	"candor.example/verify"
)

// Published is one revision that is public, or is about to be.
type Published struct {
	Report verify.Report
	Hash   string // SHA-256 of its report.json, 64 hexadecimal digits
}

//go:embed web/report.html web/index.html web/parts.html web/style.css web/icon.svg
var web embed.FS

var templates = template.Must(template.ParseFS(web, "web/*.html"))

// Pages are the public folder's files for people, by path with slashes: of all revisions of all incidents, each incident's in order from 1. The root holds the
// list of reports, INCIDENT/ the newest revision, and INCIDENT/N/ what belongs to revision N, which depends on no later one. Each page is there as LANG.html in every
// language of its report, and in the first of them as index.html. The same revisions make the same bytes. What a report says is shown and never trusted: it
// becomes text, and no markup.
func Pages(published []Published) (map[string][]byte, error) {
	incidents, err := byIncident(published)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range []string{"style.css", "icon.svg"} {
		if files[name], err = web.ReadFile("web/" + name); err != nil {
			return nil, err
		}
	}
	for _, revisions := range incidents {
		for n := range revisions {
			if err := revisionPages(files, revisions[:n+1], false); err != nil {
				return nil, err
			}
		}
		if err := revisionPages(files, revisions, true); err != nil {
			return nil, err
		}
	}
	return files, indexPages(files, incidents)
}

// revisionPages writes the pages of the last of the revisions: in the revision's own folder, or as the newest in the incident's.
func revisionPages(files map[string][]byte, revisions []Published, newest bool) error {
	r := revisions[len(revisions)-1].Report
	folder := r.Incident + "/"
	if !newest {
		folder += strconv.Itoa(r.Revision) + "/"
	}
	for i, lang := range r.Languages {
		v, err := newView(revisions, lang, newest)
		if err == nil {
			files[folder+lang+".html"], err = render("report.html", v)
		}
		if err != nil {
			return fmt.Errorf("the page of %s, revision %d, in %q: %w", r.Incident, r.Revision, lang, err)
		}
		if i == 0 {
			files[folder+"index.html"] = files[folder+lang+".html"]
		}
	}
	return nil
}

// spoken is what a page is written with: it knows at the end whether a word was missing.
type spoken interface{ Err() error }

func render(name string, v spoken) ([]byte, error) {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, v); err != nil {
		return nil, err
	}
	return out.Bytes(), v.Err()
}

var (
	folderName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	hashForm   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// byIncident are the revisions of each incident, in the order in which the incidents first come.
func byIncident(published []Published) ([][]Published, error) {
	var all [][]Published
	for _, p := range published {
		i := slices.IndexFunc(all, func(of []Published) bool { return of[0].Report.Incident == p.Report.Incident })
		if i < 0 {
			i, all = len(all), append(all, nil)
		}
		if err := p.check(len(all[i]) + 1); err != nil {
			return nil, fmt.Errorf("report of %q, revision %d: %w", p.Report.Incident, p.Report.Revision, err)
		}
		all[i] = append(all[i], p)
	}
	if all == nil {
		return nil, fmt.Errorf("no report is published: there is nothing to make pages of")
	}
	return all, nil
}

// check refuses what no page can be made of, or what would make one lie.
func (p Published) check(revision int) error {
	r, t := p.Report, p.Report.Told
	switch {
	case !folderName.MatchString(r.Incident) || r.Incident == "log":
		return fmt.Errorf("incident_id: it is the name of a folder: letters, digits, - and _, 64 at most, and not \"log\"")
	case r.Revision != revision:
		return fmt.Errorf("revision: the next is %d", revision)
	case !hashForm.MatchString(p.Hash):
		return fmt.Errorf("its hash %q is not a SHA-256 of 64 hexadecimal digits", p.Hash)
	case t.Affected != t.Accepted+t.Bounced+t.OtherChannel+t.InDoubt+t.Withheld+t.Waiting:
		return fmt.Errorf("people_told: the parts do not add up to the %d people affected", t.Affected)
	case len(r.Languages) == 0:
		return fmt.Errorf("languages: there is none")
	}
	for _, lang := range r.Languages {
		if !slices.Contains(notice.Languages, lang) {
			return fmt.Errorf("languages: there are no words in %q: there are %q", lang, notice.Languages)
		}
	}
	return nil
}
