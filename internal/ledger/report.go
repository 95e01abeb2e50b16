package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/notice"
	"candor.example/internal/report"
	"candor.example/verify"
)

// Revision is one published revision of an incident's report.
type Revision struct {
	Incident string    `json:"incident"`
	Revision int       `json:"revision"`
	Hash     string    `json:"hash"`     // of report.json, which Document has
	Manifest string    `json:"manifest"` // of the log's entry
	Index    int64     `json:"index"`    // of that entry
	Time     time.Time `json:"time"`
	By       string    `json:"by"`
}

// Reports lists the published revisions of an incident, or of all where that is "", in the order of the log.
func (l *Ledger) Reports(ctx context.Context, incident string) ([]Revision, error) {
	rows, err := l.query(ctx, `SELECT incident, revision, hash, manifest, log_index, time, actor FROM report WHERE ?1 = '' OR incident = ?1 ORDER BY log_index, incident, revision`, incident)
	return collect(l, rows, err, func(r *sql.Rows) (v Revision, err error) {
		var t int64
		err = r.Scan(&v.Incident, &v.Revision, &v.Hash, &v.Manifest, &v.Index, &t, &v.By)
		v.Time = from(t)
		return v, err
	})
}

// Report is a published document, by its hash.
func (l *Ledger) Report(ctx context.Context, hash string) (verify.Report, error) {
	doc, err := l.Document(ctx, hash)
	if err != nil {
		return verify.Report{}, err
	}
	return report.Unmarshal(doc.Body)
}

// Approvable is what stands against approving a campaign's words: by notice's rules, and where the last published revision says otherwise (N29). Empty: nothing does.
func (l *Ledger) Approvable(ctx context.Context, c notice.Campaign) ([]notice.Judged, error) {
	d, err := l.Draft(ctx, c.Draft)
	if err != nil {
		return nil, err
	}
	list := notice.Approvable(d, c)
	published, err := l.Reports(ctx, c.Incident)
	if err != nil || len(published) == 0 {
		return list, err
	}
	r, err := l.Report(ctx, published[len(published)-1].Hash)
	if err != nil {
		return nil, err
	}
	disagree, err := report.AgreeDraft(d, r)
	for _, x := range disagree {
		list = append(list, notice.Judged{Finding: notice.Finding{Rule: "N29", Level: "E", Text: x.Says, Why: fmt.Sprintf("%s; revision %d is public: draft the notice anew, or publish the correction first", x, r.Revision)}})
	}
	return list, err
}

// ReportInput is all that the ledger knows for an incident's report, as of now and of one moment of the books. Who publishes, what the law says and how severe it is,
// the caller adds. ErrNoIncident if there is none by that id.
func (l *Ledger) ReportInput(ctx context.Context, id string, now time.Time) (in report.Input, err error) {
	err = l.still(ctx, func(l *Ledger) error {
		in, err = l.reportInput(ctx, id, now)
		return err
	})
	return in, err
}

func (l *Ledger) reportInput(ctx context.Context, id string, now time.Time) (in report.Input, err error) {
	a, err := l.Account(ctx, id)
	if err != nil {
		return in, err
	}
	in.Series, in.Releases = a.Series, a.Releases
	if a.Verdict != nil {
		in.Verdict = *a.Verdict
	}
	if in.Facts, err = l.Facts(ctx, id, now); err != nil {
		return in, err
	}
	if in.Moments, err = l.Moments(ctx, id); err != nil {
		return in, err
	}
	for _, fill := range []func(context.Context, string, *report.Input) error{l.counted, l.surface, l.toldOf, l.acted, l.published} {
		if err := fill(ctx, id, &in); err != nil {
			return in, err
		}
	}
	return in, nil
}

// counted are the figures of the exposed that notices do without.
func (l *Ledger) counted(ctx context.Context, id string, in *report.Input) error {
	rows, err := l.query(ctx, `SELECT country, kinds, COUNT(*) FROM affected WHERE incident = ? AND outcome = 'exposed' GROUP BY country, kinds`, id)
	in.Countries = map[string]int{}
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var country, kinds string
		var n int
		err = r.Scan(&country, &kinds, &n)
		in.Countries[country] += n
		in.Records += n * len(strings.Fields(kinds))
		return none, err
	})
	if err != nil {
		return err
	}
	err = l.row(ctx, `SELECT COUNT(*) FROM (SELECT DISTINCT owner, digest FROM sight WHERE incident = ? AND outcome = 'exposed') p`, id).Scan(&in.Exposures)
	return l.explain(err)
}

// surface is what most of the responses in evidence were.
func (l *Ledger) surface(ctx context.Context, id string, in *report.Input) error {
	e, err := l.Evidence(ctx, id)
	if err != nil {
		return err
	}
	kinds := map[string]int{}
	for _, r := range e.Responses {
		kinds[surfaceOf(r)]++
	}
	delete(kinds, "")
	for _, kind := range []string{"page", "endpoint", "export"} { // of two that are as many, the first
		if kinds[kind] > kinds[in.Surface] {
			in.Surface = kind
		}
	}
	return nil
}

func surfaceOf(r candor.Response) string {
	switch t := r.ContentType; {
	case t == "":
		return ""
	case t == "text/html" || t == "application/xhtml+xml":
		return "page"
	case t == "text/csv" || t == "application/pdf" || strings.Contains(t, "zip") || strings.Contains(t, "officedocument") || strings.Contains(t, "opendocument") || strings.Contains(t, "excel"):
		return "export"
	}
	return "endpoint"
}

// toldStates are where a notice may stand, the farthest first.
var toldStates = []notice.State{notice.Accepted, notice.Other, notice.InDoubt, notice.Bounced, notice.Queued, notice.Withheld}

// toldOf counts each person once, over all campaigns to those who are affected.
func (l *Ledger) toldOf(ctx context.Context, id string, in *report.Input) error {
	rows, err := l.query(ctx, `SELECT place, COUNT(*), CAST(SUM(complaint) AS BIGINT) FROM (
  SELECT r.owner, MIN(CASE r.state WHEN 'accepted' THEN 0 WHEN 'other' THEN 1 WHEN 'in-doubt' THEN 2 WHEN 'bounced' THEN 3 WHEN 'queued' THEN 4 ELSE 5 END) AS place, MAX(r.complaint) AS complaint
  FROM recipient r JOIN campaign c ON c.id = r.campaign WHERE c.incident = ? AND c.kind = 'affected' GROUP BY r.owner) p GROUP BY place ORDER BY place`, id)
	t := &in.Told
	t.States = map[notice.State]int{}
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var place, n, complaints int
		err = r.Scan(&place, &n, &complaints)
		t.States[toldStates[place]] += n
		t.Complaints += complaints
		return none, err
	})
	if err != nil {
		return err
	}
	var first, last int64
	err = l.row(ctx, `SELECT COALESCE(MIN(t), 0), COALESCE(MAX(t), 0) FROM (SELECT CASE WHEN r.sent > 0 THEN r.sent WHEN r.state = 'other' THEN r.time END AS t
FROM recipient r JOIN campaign c ON c.id = r.campaign WHERE c.incident = ? AND c.kind = 'affected') s`, id).Scan(&first, &last)
	if err != nil {
		return l.explain(err)
	}
	t.First, t.Last = maybe(first), maybe(last)
	if err := l.campaignsOf(ctx, id, t); err != nil {
		return err
	}
	asked, by, err := l.Answers(ctx, id)
	in.Viewers = verify.WrongViewers{Confirmed: by[candor.AnswerDeleted] + by[candor.AnswerNone], Contact: by[candor.AnswerContact]}
	in.Viewers.Asked = max(asked, in.Viewers.Confirmed+in.Viewers.Contact) // who answered was asked, even by a campaign that is drafted anew
	return err
}

// campaignsOf are the words and sets of which anything went out.
func (l *Ledger) campaignsOf(ctx context.Context, id string, t *report.Told) error {
	list, err := l.Campaigns(ctx, id)
	slices.SortFunc(list, func(a, b notice.Campaign) int { return cmp.Compare(a.ID, b.ID) })
	for _, c := range list {
		if c.Kind == notice.Affected && !c.Began.IsZero() {
			t.Drafts, t.Sets = append(t.Drafts, c.Draft), append(t.Sets, c.Set)
		}
	}
	return err
}

// acted are the actions that took effect, in their order.
func (l *Ledger) acted(ctx context.Context, id string, in *report.Input) error {
	rows, err := l.query(ctx, `SELECT n, id, time, actor, what, incident, why, details, refused, hash FROM audit WHERE incident = ? AND refused = '' ORDER BY n`, id)
	in.Actions, err = collect(l, rows, err, func(r *sql.Rows) (report.Entry, error) {
		a, err := scanAudited(r)
		return report.Entry{Action: a.Action, Hash: a.Hash}, err
	})
	return err
}

// published is the last revision.
func (l *Ledger) published(ctx context.Context, id string, in *report.Input) error {
	list, err := l.Reports(ctx, id)
	if err != nil || len(list) == 0 {
		return err
	}
	last := list[len(list)-1]
	r, err := l.Report(ctx, last.Hash)
	in.Before, in.BeforeHash = &r, last.Hash
	return err
}

// isReport: does an action concern an incident's report or a filing?
func isReport(what string) bool {
	return what == candor.ReportSet || what == candor.ReportPublished || what == candor.Filed
}

// report does what a human wants with a report. What they set is read from the audit, as filings are.
func (f *fold) report(a candor.Action) error {
	if err := f.exists(a.Incident); err != nil {
		return err
	}
	var err error
	switch a.What {
	case candor.ReportSet:
		err = report.Sound(a)
	case candor.Filed:
		_, err = report.FiledOf(a)
	case candor.ReportPublished:
		return f.publish(a)
	}
	if err != nil {
		return refusal{err}
	}
	return nil
}

// publish notes a revision: the next one, whose document is there and names the one before.
func (f *fold) publish(a candor.Action) error {
	d := a.Details
	index, err := strconv.ParseInt(d["index"], 10, 64)
	if err != nil || index < 0 || !candor.IsHash(d["manifest"]) {
		return refusal{errors.New(`"index" is no number of a log's entry, or "manifest" no SHA-256`)}
	}
	r, err := f.readReport(d["report"])
	if err != nil {
		return err
	}
	var last int
	var hash string
	err = f.row(`SELECT revision, hash FROM report WHERE incident = ? ORDER BY revision DESC LIMIT 1`, []any{a.Incident}, &last, &hash)
	if ignoreNoRows(err) != nil {
		return err
	}
	switch {
	case r.Incident != a.Incident:
		return refusal{errors.New("the report is of another incident")}
	case strconv.Itoa(r.Revision) != d["revision"] || r.Revision != last+1:
		return refusal{fmt.Errorf("it is revision %d, and the next is %d", r.Revision, last+1)}
	case r.Previous != hash:
		return refusal{errors.New("it does not name the hash of the revision before")}
	}
	return f.exec(`INSERT INTO report (incident, revision, hash, manifest, log_index, time, actor) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		a.Incident, r.Revision, d["report"], d["manifest"], index, at(a.Time), a.By)
}

func (f *fold) readReport(hash string) (r verify.Report, err error) {
	var body string
	err = f.row(`SELECT body FROM document WHERE hash = ?`, []any{hash}, &body)
	if err == sql.ErrNoRows {
		return r, refusal{errors.New("the document that it names is not there, or is not what its hash says")}
	} else if err != nil {
		return r, err
	}
	b, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return r, err
	}
	if r, err = report.Unmarshal(b); err != nil {
		return r, refusal{err}
	}
	return r, nil
}
