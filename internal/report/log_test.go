package report

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"candor.example"
	"candor.example/verify"
)

var logTime = time.Date(2018, 11, 20, 12, 0, 0, 0, time.UTC)

// newLogOptions makes a key.
func newLogOptions(t testing.TB) LogOptions {
	secret, public, err := note.GenerateKey(rand.Reader, "shop.example/candor")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return LogOptions{Signer: signer, Keys: []string{public}, Now: func() time.Time { return logTime }}
}

// sampleReport is the next revision of an incident, in which people are exposed.
func sampleReport(l *Log, incident string, people int) verify.Report {
	at := logTime.Add(time.Duration(l.Next()) * time.Hour)
	r := verify.Report{Schema: verify.ReportSchema, Incident: incident, Revision: 1, PublishedAt: at, Languages: []string{"en", "de"}, Log: verify.Log{Origin: l.Origin(), Index: l.Next(), Proof: verify.ProofFile},
		Advice: []verify.Words{}, Corrections: []verify.Correction{}, Open: []verify.Question{}}
	r.Course.Points, r.Course.Releases, r.Told.Notices = []verify.Point{{Time: logTime, Exposed: people}}, []verify.Release{}, []string{strings.Repeat("ab", 32)}
	r.Publisher = verify.Publisher{LegalName: "Shop Example Ltd", Name: "Shop", Domain: "shop.example", Contact: verify.Contact{Role: "privacy", Email: "privacy@shop.example"}, Zone: "UTC"}
	unknownFacts(reflect.ValueOf(&r).Elem(), at)
	r.HowMany.People = verify.Fact[verify.People]{Value: &verify.People{Exact: &people, Lower: people, Upper: people, Method: "counted"}, Status: verify.Known, AsOf: at}
	r.HowMany.Severity = verify.Fact[verify.Severity]{Value: &verify.Severity{DPC: 1, EI: 1, CB: 0.5, SE: 1.5, Band: "low"}, Status: verify.Known, AsOf: at}
	r.Which.Regions = verify.Fact[[]verify.Region]{Value: &[]verify.Region{{Country: "DE", People: people}}, Status: verify.Known, AsOf: at}
	r.Told.Affected, r.Told.Accepted, r.Told.Waiting = people, people-1, 1
	for _, p := range l.Revisions() {
		if p.Manifest.Incident == incident {
			r.Revision, r.Previous, r.Corrections = p.Manifest.Revision+1, p.Manifest.Report, p.Report.Corrections
			r.Corrections = append(r.Corrections, corrected(*p.Report, people, r.Revision)...)
		}
	}
	return r
}

func corrected(before verify.Report, people, revision int) (list []verify.Correction) {
	was := fmt.Sprint(*before.HowMany.People.Value.Exact)
	if was == fmt.Sprint(people) {
		return nil
	}
	for _, field := range []string{"/how_many/people/value/exact", "/how_many/people/value/lower", "/how_many/people/value/upper", "/which/regions/value/0/people"} {
		list = append(list, verify.Correction{Field: field, From: was, To: fmt.Sprint(people), Why: "a second server's records came in", Revision: revision})
	}
	return list
}

// unknownFacts makes all facts unknown.
func unknownFacts(v reflect.Value, at time.Time) {
	for i := range v.NumField() {
		f := v.Field(i)
		switch {
		case f.Type() == reflect.TypeFor[time.Time]() || f.Kind() != reflect.Struct:
		case f.FieldByName("Status").IsValid() && f.FieldByName("AsOf").IsValid() && f.Type().NumField() > 2:
			f.FieldByName("Status").Set(reflect.ValueOf(verify.Unknown))
			f.FieldByName("AsOf").Set(reflect.ValueOf(at))
			f.FieldByName("NextUpdateBy").Set(reflect.ValueOf(at.Add(24 * time.Hour)))
		default:
			unknownFacts(f, at)
		}
	}
}

// samplePages are some pages, of which the mutable ones change with each revision.
func samplePages(l *Log, r verify.Report) map[string][]byte {
	id := fmt.Sprintf("%s/%d", r.Incident, r.Revision)
	return map[string][]byte{
		"style.css":                  []byte("body { margin: 0 }\n"),
		"index.html":                 fmt.Appendf(nil, "<title>All</title><p>%d reports</p>\n", l.Next()+1),
		r.Incident + "/index.html":   []byte("<p>the latest: " + id + "</p>\n"),
		r.Incident + "/de.html":      []byte("<p>das neueste: " + id + "</p>\n"),
		id + "/index.html":           []byte("<p>" + id + "</p>\n"),
		id + "/de.html":              []byte("<p lang=de>" + id + "</p>\n"),
		r.Incident + "/feed.xml":     []byte("<feed>" + id + "</feed>\n"),
		"other-1/1/never-again.html": []byte("a page of an earlier revision, made anew\n"),
	}
}

func publishSample(t testing.TB, l *Log, incident string, people int) Receipt {
	t.Helper()
	r := sampleReport(l, incident, people)
	b, err := verify.EncodeReport(r)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := l.Publish(t.Context(), b, samplePages(l, r))
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// sampleSite has three revisions of two incidents.
func sampleSite(t testing.TB) (dir string, o LogOptions) {
	o = newLogOptions(t)
	return sampleSiteOf(t, o), o
}

func sampleSiteOf(t testing.TB, o LogOptions) string {
	dir := t.TempDir()
	l, err := OpenLog(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	publishSample(t, l, "inc-1", 12)
	publishSample(t, l, "inc-2", 5)
	publishSample(t, l, "inc-1", 14)
	return dir
}

func verified(t testing.TB, site fs.FS, seen ...verify.Seen) verify.Result {
	t.Helper()
	return verify.Folder(site, verify.Options{Seen: seen, Now: logTime})
}

// What is published verifies, by one who has nothing but the folder.
func TestPublish(t *testing.T) {
	dir, o := sampleSite(t)
	r := verified(t, os.DirFS(dir))
	if !r.OK() || r.Size != 3 || r.Unfinished != "" || r.Pinned != "first use" || len(r.Revisions) != 3 {
		b, _ := json.MarshalIndent(r, "", "  ")
		t.Fatalf("%s", b)
	}
	l, err := OpenLog(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := OpenLog(t.Context(), dir, o); err == nil {
		t.Error("two appenders")
	}
	receipt := publishSample(t, l, "inc-2", 6)
	if want := 3; int(receipt.Index) != want || candor.HashOf([]byte{}) == receipt.Report {
		t.Errorf("%+v", receipt)
	}
	for _, unchanged := range []string{"style.css", "other-1/1/never-again.html"} {
		for _, name := range receipt.Files {
			if name == unchanged {
				t.Errorf("%s is in the manifest", name)
			}
		}
	}
	if r := verified(t, os.DirFS(dir), r.Seen); !r.OK() || r.Pinned != "remembered" {
		t.Errorf("%v %s", r.Findings(), r.NotDone())
	}
	again := sampleReport(l, "inc-1", 14)
	again.Log.Index--
	b, _ := verify.EncodeReport(again)
	if _, err := l.Publish(t.Context(), b, nil); err == nil {
		t.Error("a report of another index was published")
	}
}

// What would not verify is not published.
func TestPublishRefuses(t *testing.T) {
	dir, o := sampleSite(t)
	l, err := OpenLog(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(r *verify.Report){
		"a sum":             func(r *verify.Report) { r.Told.Accepted++ },
		"no correction":     func(r *verify.Report) { r.Corrections = r.Corrections[:1] },
		"a taken one":       func(r *verify.Report) { r.Corrections = r.Corrections[1:] },
		"no reason":         func(r *verify.Report) { r.Corrections[len(r.Corrections)-1].Why = " " },
		"another before":    func(r *verify.Report) { r.Previous = strings.Repeat("0", 64) },
		"a revision beyond": func(r *verify.Report) { r.Revision++ },
		"an unsound fact":   func(r *verify.Report) { r.Cause.Kind.Status = verify.Withheld },
	} {
		r := sampleReport(l, "inc-1", 17)
		spoil(&r)
		b, _ := verify.EncodeReport(r)
		if _, err := l.Publish(t.Context(), b, nil); err == nil {
			t.Errorf("%s: published", name)
		}
	}
	r := sampleReport(l, "inc-1", 17)
	b, _ := verify.EncodeReport(r)
	for _, name := range []string{"../x", "log/checkpoint", "key.txt", "/x", "inc-1/3/report.tlog-proof", ".x/y", "inc-1/3/.hidden"} {
		if _, err := l.Publish(t.Context(), b, map[string][]byte{name: nil}); err == nil {
			t.Errorf("%s: published", name)
		}
	}
	l.Close()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLog(context.Background(), dir, o); err == nil || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("something is added to what does not verify: %v", err)
	}
}
