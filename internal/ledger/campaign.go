package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/notice"
)

// document keeps what people wrote. One that is not what its hash says is not kept: then the action that names it is refused.
func (f *fold) document(d candor.Document) error {
	if candor.HashOf(d.Body) != d.Hash || len(d.Body) > candor.MaxDocument {
		return nil
	}
	return f.exec(`INSERT INTO document (hash, type, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, d.Hash, key(d.Type), base64.StdEncoding.EncodeToString(d.Body))
}

// isNotice: does an action concern a campaign?
func isNotice(what string) bool { return strings.HasPrefix(what, "notice-") }

// OnNotices: does an entry hold an action on a campaign, of which the outcome may depend on what was delivered until then?
func OnNotices(e candor.Entry) bool {
	return slices.ContainsFunc(e.Actions, func(a candor.Action) bool { return isNotice(a.What) })
}

// campaign does what a human wants with a campaign.
func (f *fold) campaign(a candor.Action) error {
	c, err := f.readCampaign(key(a.Details["campaign"]))
	if err != nil {
		return err
	}
	if a, err = f.prepare(c, a); err != nil {
		return err
	}
	after, err := notice.Apply(c, a)
	if err != nil {
		return refusal{err}
	}
	if err := f.consequences(c, after, a); err != nil {
		return err
	}
	body, err := json.Marshal(after)
	if err != nil {
		return err
	}
	return f.exec(`INSERT INTO campaign (id, incident, kind, phase, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, body = excluded.body`,
		after.ID, after.Incident, string(after.Kind), string(after.Phase), string(body))
}

func (f *fold) readCampaign(id string) (c notice.Campaign, err error) {
	var body string
	if err := f.row(`SELECT body FROM campaign WHERE id = ?`, []any{id}, &body); err != nil {
		return c, ignoreNoRows(err)
	}
	return c, json.Unmarshal([]byte(body), &c)
}

// prepare checks an action against the tables, and writes into it what only they know.
func (f *fold) prepare(c notice.Campaign, a candor.Action) (candor.Action, error) {
	switch a.What {
	case candor.NoticeDrafted:
		return a, f.draftable(c, a)
	case candor.NoticeFrozen:
		if c.ID == "" || c.Phase != notice.Drafting && c.Phase != notice.Approved || a.Details["signer"] == "" {
			return a, nil // which Apply refuses
		}
		n, set, err := f.freeze(c)
		a.Details = maps.Clone(a.Details)
		a.Details["people"], a.Details["set"] = strconv.Itoa(n), set
		return a, errors.Join(err, f.exposed(c.Incident, a.Details))
	case candor.NoticeExported:
		return f.exportable(c, a)
	case candor.NoticeDone:
		var queued int
		err := f.row(`SELECT COUNT(*) FROM recipient WHERE campaign = ? AND state = 'queued'`, []any{c.ID}, &queued)
		if err == nil && queued > 0 {
			err = refusal{fmt.Errorf("%d people are still to be sent to", queued)}
		}
		return a, err
	}
	return a, nil
}

// exportable counts who would be in a file for letters.
func (f *fold) exportable(c notice.Campaign, a candor.Action) (candor.Action, error) {
	bounced, withheld, err := exportStates(a)
	if err != nil {
		return a, err
	}
	var n int
	err = f.row(`SELECT COUNT(*) FROM recipient WHERE campaign = ? AND state IN (?, ?)`, []any{c.ID, bounced, withheld}, &n)
	a.Details = maps.Clone(a.Details)
	a.Details["people"] = strconv.Itoa(n)
	return a, err
}

// exportStates are the one or two states that an export is of.
func exportStates(a candor.Action) (first, second string, err error) {
	states := strings.Fields(a.Details["states"])
	for _, s := range states {
		if s != string(notice.Bounced) && s != string(notice.Withheld) {
			return "", "", refusal{errors.New(`"states" are bounced, withheld, or both: nobody else is told by letter`)}
		}
	}
	if len(states) == 0 || len(states) > 2 {
		return "", "", refusal{errors.New(`"states" is missing: bounced, withheld, or both`)}
	}
	return states[0], states[len(states)-1], nil
}

// draftable: the incident and the document are there, and no other campaign is telling the same people.
func (f *fold) draftable(c notice.Campaign, a candor.Action) error {
	id := key(a.Details["campaign"])
	if id == "" || len(id) > 64 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return refusal{errors.New(`"campaign" is no name of at most 64 small letters, digits and hyphens`)}
	}
	var incidents, documents, others int
	err := f.row(`SELECT (SELECT COUNT(*) FROM incident WHERE id = ?1), (SELECT COUNT(*) FROM document WHERE hash = ?2),
  (SELECT COUNT(*) FROM campaign WHERE incident = ?1 AND kind = ?3 AND id <> ?4 AND phase NOT IN ('cancelled', 'done'))`,
		[]any{a.Incident, a.Details["draft"], a.Details["kind"], id}, &incidents, &documents, &others)
	switch {
	case err != nil:
		return err
	case incidents == 0:
		return refusal{errors.New("there is no such incident")}
	case documents == 0:
		return refusal{errors.New("the document that it names is not there, or is not what its hash says")}
	case others > 0:
		return refusal{errors.New("another notice to the same people is not over yet: nobody must be told twice")}
	}
	return nil
}

// freeze numbers who is told, and returns how many they are and a hash over them. Whoever a campaign before this told, or may have told, is
// not told again. Whose credentials were shown comes first: they have the most to lose.
func (f *fold) freeze(c notice.Campaign) (n int, set string, err error) {
	if err := f.exec(`DELETE FROM recipient WHERE campaign = ?`, c.ID); err != nil {
		return 0, "", err
	}
	from := `SELECT owner, kinds, 1 + (SELECT COUNT(*) FROM further v WHERE v.incident = a.incident AND v.owner = a.owner AND v.outcome = a.outcome) AS viewers, count, first, last,
  credentials, unlooked, country, locale, 'queued' AS state, '' AS cause FROM affected a WHERE a.incident = ?2 AND a.outcome = 'exposed'`
	if c.Kind == notice.Viewers { // whose address was sealed is written to; the shop's own site knows the others when they come
		from = `SELECT owner, '' AS kinds, 0 AS viewers, 0 AS count, 0 AS first, 0 AS last, '' AS credentials, 0 AS unlooked, '' AS country, '' AS locale,
  CASE WHEN sealed THEN 'queued' ELSE 'withheld' END AS state, CASE WHEN sealed THEN '' ELSE 'viewer' END AS cause
FROM (SELECT v.owner, EXISTS (SELECT 1 FROM sealed s WHERE s.owner = v.owner AND s.kind = 'email') AS sealed FROM (` + onlookers("?2") + `) v) w`
	}
	err = f.exec(`INSERT INTO recipient (campaign, n, owner, kinds, viewers, times, first, last, credentials, unlooked, country, locale, state, attempt, again, key, code, time, cause, status, detail, provider, complaint)
SELECT ?1, ROW_NUMBER() OVER (ORDER BY CASE WHEN credentials = '' THEN 1 ELSE 0 END, owner) - 1, owner, kinds, viewers, count, first, last, credentials, unlooked, country, locale, state, 0, 0, '', '', 0, cause, '', '', '', 0
FROM (`+from+`) f WHERE NOT EXISTS (SELECT 1 FROM recipient r JOIN campaign o ON o.id = r.campaign WHERE r.owner = f.owner AND o.incident = ?2 AND o.kind = ?3 AND o.id <> ?1
  AND r.state IN ('accepted', 'bounced', 'other', 'in-doubt'))`, c.ID, c.Incident, string(c.Kind))
	if err != nil {
		return 0, "", err
	}
	return f.hashSet(c.ID)
}

// onlookers are the digests of an incident's viewers who are customers and were shown somebody else's data: what was stopped nobody has to delete.
func onlookers(incident string) string {
	return `SELECT digest AS owner FROM viewer WHERE incident = ` + incident + ` AND kind = 'customer' AND digest IN (SELECT s.digest FROM sight s WHERE s.incident = ` + incident + ` AND s.outcome = 'exposed')`
}

// exposed writes into details how many were exposed by now, and from when to when.
func (f *fold) exposed(incident string, details map[string]string) error {
	var n int
	var first, last int64
	err := f.row(`SELECT COUNT(*), COALESCE(MIN(first), 0), COALESCE(MAX(last), 0) FROM affected WHERE incident = ? AND outcome = 'exposed'`, []any{incident}, &n, &first, &last)
	details["exposed"], details["first"], details["last"] = strconv.Itoa(n), from(first).Format(time.RFC3339Nano), from(last).Format(time.RFC3339Nano)
	return err
}

// hashSet is SHA-256 over a line for each person: number, id, kinds, viewers, times, first and last (RFC 3339), with a tab between.
func (f *fold) hashSet(campaign string) (n int, set string, err error) {
	rows, err := f.query(`SELECT n, owner, kinds, viewers, times, first, last FROM recipient WHERE campaign = ? ORDER BY n`, campaign)
	if err != nil {
		return 0, "", err
	}
	defer rows.Close()
	h := sha256.New()
	for ; rows.Next(); n++ {
		var number, viewers, times, first, last int64
		var owner, kinds string
		if err := rows.Scan(&number, &owner, &kinds, &viewers, &times, &first, &last); err != nil {
			return 0, "", err
		}
		fmt.Fprintf(h, "%d\t%s\t%s\t%d\t%d\t%s\t%s\n", number, owner, kinds, viewers, times, from(first).Format(time.RFC3339Nano), from(last).Format(time.RFC3339Nano))
	}
	return n, hex.EncodeToString(h.Sum(nil)), rows.Err()
}

// consequences are what an action does to people's notices.
func (f *fold) consequences(before, c notice.Campaign, a candor.Action) error {
	switch a.What {
	case candor.NoticeCancelled:
		return f.exec(`UPDATE recipient SET state = 'withheld', cause = 'cancelled', time = ? WHERE campaign = ? AND state = 'queued'`, at(a.Time), c.ID)
	case candor.NoticeStarted:
		if c.Kind == notice.Viewers { // from now on the shop's own site shows it, and who cannot be written to is told there
			return f.exec(`UPDATE recipient SET state = 'other', cause = '', detail = 'site', time = ? WHERE campaign = ? AND n < ? AND state = 'withheld' AND cause = 'viewer'`, at(a.Time), c.ID, c.Share)
		}
	case candor.NoticeChannelled:
		return f.channel(c, a)
	case candor.NoticeExported:
		bounced, withheld, err := exportStates(a)
		if err != nil {
			return err
		}
		return f.exec(`UPDATE recipient SET exported = 1 WHERE campaign = ? AND state IN (?, ?)`, c.ID, bounced, withheld)
	case candor.NoticeResolved:
		return f.resolve(c, a)
	}
	return nil
}

// channel: whoever has not been reached is told otherwise. By post that is who stands in a file for letters, if there is one.
func (f *fold) channel(c notice.Campaign, a candor.Action) error {
	how := a.Details["channel"]
	if how != "post" && how != "site" {
		return refusal{errors.New(`"channel" is neither post nor site`)}
	}
	if how == "post" && c.Kind == notice.Viewers {
		return refusal{errors.New("those who saw it are known by digests only: nobody can send them letters")}
	}
	if len(c.Approvals) == 0 || c.Phase == notice.Drafting {
		return refusal{fmt.Errorf("it is %s: nobody has approved what they would be told", c.Phase)}
	}
	return f.exec(`UPDATE recipient SET state = 'other', detail = ?1, time = ?2 WHERE campaign = ?3 AND state IN ('bounced', 'withheld')
  AND (exported = 1 OR ?1 = 'site' OR NOT EXISTS (SELECT 1 FROM recipient WHERE campaign = ?3 AND exported = 1))`, how, at(a.Time), c.ID)
}

// resolve settles a doubt.
func (f *fold) resolve(c notice.Campaign, a candor.Action) error {
	if strings.TrimSpace(a.Why) == "" {
		return refusal{errors.New("say how you know")}
	}
	var n int64
	var state string
	err := f.row(`SELECT n, state FROM recipient WHERE campaign = ? AND key = ? AND key <> ''`, []any{c.ID, key(a.Details["key"])}, &n, &state)
	if err == sql.ErrNoRows {
		return refusal{errors.New("there is no notice with such a key")}
	} else if err != nil {
		return err
	}
	to, err := notice.Next(notice.State(state), notice.Event{Kind: notice.Resolved, Detail: a.Details["as"]})
	switch {
	case err != nil:
		return refusal{err}
	case to == notice.Queued && c.Phase.Over():
		return refusal{fmt.Errorf("it is %s, and sends nothing more: tell them by another channel (other)", c.Phase)}
	}
	again := 0
	if to == notice.Queued {
		again = 1
	}
	return f.exec(`UPDATE recipient SET state = ?, cause = 'resolved', time = ?, again = CASE WHEN ? = 1 THEN attempt + 1 ELSE 0 END WHERE campaign = ? AND n = ?`, string(to), at(a.Time), again, c.ID, n)
}

// ErrNoCampaign: there is none by that id.
var ErrNoCampaign = errors.New("there is no such campaign")

// Campaign is one of them; ErrNoCampaign if there is none by that id.
func (l *Ledger) Campaign(ctx context.Context, id string) (notice.Campaign, error) {
	list, err := l.campaigns(ctx, `WHERE id = ?`, id)
	if err == nil && len(list) == 0 {
		return notice.Campaign{}, fmt.Errorf("%w as %q", ErrNoCampaign, id)
	} else if err != nil {
		return notice.Campaign{}, err
	}
	return list[0], nil
}

// Campaigns are those of one incident, or all where that is "": those that are not over first, then the latest.
func (l *Ledger) Campaigns(ctx context.Context, incident string) ([]notice.Campaign, error) {
	return l.campaigns(ctx, `WHERE ?1 = '' OR incident = ?1 ORDER BY CASE WHEN phase IN ('cancelled', 'done') THEN 1 ELSE 0 END, id DESC`, incident)
}

func (l *Ledger) campaigns(ctx context.Context, which string, args ...any) ([]notice.Campaign, error) {
	rows, err := l.query(ctx, `SELECT body FROM campaign `+which, args...)
	return collect(l, rows, err, func(r *sql.Rows) (c notice.Campaign, err error) {
		var body string
		if err = r.Scan(&body); err == nil {
			err = json.Unmarshal([]byte(body), &c)
		}
		return c, err
	})
}

// ErrNoDocument: there is none by that hash.
var ErrNoDocument = errors.New("there is no such document")

// Document is one, by its hash.
func (l *Ledger) Document(ctx context.Context, hash string) (d candor.Document, err error) {
	var body string
	err = l.row(ctx, `SELECT hash, type, body FROM document WHERE hash = ?`, hash).Scan(&d.Hash, &d.Type, &body)
	if err == sql.ErrNoRows {
		return d, ErrNoDocument
	} else if err != nil {
		return d, l.explain(err)
	}
	d.Body, err = base64.StdEncoding.DecodeString(body)
	return d, l.explain(err)
}

// Draft is the document of a campaign's words, by its hash.
func (l *Ledger) Draft(ctx context.Context, hash string) (notice.Draft, error) {
	doc, err := l.Document(ctx, hash)
	if err != nil {
		return notice.Draft{}, err
	}
	return notice.ParseDraft(doc.Body)
}
