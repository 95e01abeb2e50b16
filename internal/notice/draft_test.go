package notice

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/scan"
)

var allCauses = []incident.CauseID{incident.CauseSharedCache, incident.CauseCoalesced, incident.CauseDeception, incident.CauseObjectAccess, incident.CauseExcessiveData,
	incident.CauseAuthentication, incident.CauseMixUp, incident.CauseFragment, incident.CauseMemory, incident.CauseErrorPage, incident.CauseURL, incident.CauseHashed, incident.CauseListing}

// variants of an incident that all have to be told well.
func variants() map[string]Facts {
	all := map[string]Facts{"known and mended": shopFacts()}
	for _, c := range allCauses {
		f := shopFacts()
		f.Cause = c
		all[string(c)] = f
	}
	for _, how := range []string{"withhold", "trip"} {
		f := shopFacts()
		f.ContainedHow, f.Fixed, f.Verified, f.CleanSince, f.UpdateBy = how, time.Time{}, time.Time{}, 0, nov(25, 12, 0)
		f.Credentials = []string{scan.Password}
		all[how] = f
	}
	f := shopFacts()
	f.Cause, f.Candidates, f.UpdateBy = incident.CauseUndetermined, []incident.CauseID{incident.CauseMixUp, incident.CauseFragment}, nov(25, 12, 0)
	all["undetermined"] = f
	f.Candidates = nil
	all["open"] = f
	f = shopFacts()
	f.People, f.Prevented, f.Possible, f.Replayed, f.CleanSince = 1, 1, 1, 1, 1
	f.Viewers = []incident.ViewerCount{{Kind: "anonymous", Count: 1}, {Kind: "role", Count: 1}, {Kind: "crawler", Count: 1}, {Kind: "claimed-crawler", Count: 1}, {Kind: "script", Count: 2}}
	f.Last = f.Last.AddDate(0, 0, 2)
	f.DelayReason = words9("We had to find the cause first.", "Wir mussten erst die Ursache finden.", "Nous devions d’abord trouver la cause.", "Primero teníamos que hallar la causa.", "Prima dovevamo trovare la causa.", "Wij moesten eerst de oorzaak vinden.", "Najpierw musieliśmy znaleźć przyczynę.", "Primeiro tivemos que achar a causa.", "まず原因を突き止める必要がありました。")
	held := true
	f.PoliceDelay = &held
	f.Regulators = []Regulator{{Authority: "ICO", Law: "UK GDPR Art. 33", Reason: "Nobody there was shown."}, {Authority: "CNIL", Law: "GDPR Art. 33", Filed: nov(21, 9, 0)}}
	f.Surface, f.Publisher.Account, f.Report, f.Publisher.Zone = nil, nil, nil, "America/Los_Angeles"
	f.Publisher.Contact.Phone, f.Publisher.DPO = "", Contact{}
	all["few, and without much"] = f
	return all
}

// people in whom the personal places differ.
func persons() map[string]Person {
	all := map[string]Person{"usual": erika()}
	p := erika()
	p.Name, p.Viewers, p.Kinds, p.Looked = "", 1, []candor.Kind{scan.EmailMD5, scan.EmailSHA256}, candor.LookedPart
	all["hash"] = p
	p = erika()
	p.Kinds, p.Looked = []candor.Kind{scan.Phone, scan.Email, scan.Name, scan.EmailSHA1}, ""
	all["everything"] = p
	p = erika()
	p.Kinds, p.Credentials = []candor.Kind{scan.Name}, []string{scan.Password, scan.PasswordHash, scan.SessionToken, scan.APIKey, scan.CardNumber, "new-kind"}
	all["credentials"] = p
	return all
}

// told is one message with what it was made from.
type told struct {
	name string
	f    Facts
	p    Person
	m    Message
}

// allTold are the messages of all variants, languages, laws and persons.
var allTold = sync.OnceValues(func() (list []told, err error) {
	for name, f := range variants() {
		for _, kind := range []Kind{Affected, Viewers} {
			d, err := Write(f, kind)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			for who, p := range persons() {
				for _, lang := range Languages {
					for _, p.Country = range []string{"DE", "US"} {
						if p.Locale = lang; kind == Viewers && p.Country == "US" {
							continue // the same as for DE
						}
						m, err := d.Message(p, noticeDate)
						if err != nil || m.Lang != lang {
							return nil, fmt.Errorf("%s, %s, %s: %s, %w", name, who, lang, m.Lang, err)
						}
						list = append(list, told{fmt.Sprintf("%s/%s/%s-%s", name, who, m.Law, lang), f, p, m})
					}
				}
			}
		}
	}
	return list, nil
})

// each calls do with all of them.
func each(t *testing.T, do func(t *testing.T, f Facts, p Person, m Message)) {
	list, err := allTold()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) { do(t, c.f, c.p, c.m) })
	}
}

// TestFactsInEveryLanguage: what was known when it was drafted is in the text of every language, as the same figures.
func TestFactsInEveryLanguage(t *testing.T) {
	each(t, func(t *testing.T, f Facts, p Person, m Message) {
		flat := lettersAndDigits(m.Text)
		for _, want := range wantedFacts(f, p, m.Law) {
			if !strings.Contains(flat, lettersAndDigits(want)) {
				t.Errorf("%q is not in\n%s", want, m.Text)
			}
		}
		if strings.ContainsAny(m.Subject+m.Text, "{}") {
			t.Errorf("a brace is left in\n%s", m.Text)
		}
		if m.Law == California {
			for _, heading := range californiaWords {
				if !regexp.MustCompile(`(?m)^` + heading + `( / .*)?$`).MatchString(m.Text) {
					t.Errorf("there is no %q in\n%s", heading, m.Text)
				}
			}
		}
	})
}

func wantedFacts(f Facts, p Person, law Law) []string {
	want := []string{f.Site, f.Publisher.LegalName, f.Publisher.Address, f.Publisher.Contact.Email, f.Incident, p.Code, fmt.Sprint(f.People)}
	zone, _ := zone(f.Publisher.Zone)
	moments := []time.Time{f.First, f.Last, f.Detected, f.Contained, f.Fixed}
	if law != ToViewers {
		want = append(want, fmt.Sprint(p.Viewers), fmt.Sprint(f.Prevented), fmt.Sprint(f.Possible))
		moments = append(moments, f.Verified)
		if !f.Verified.IsZero() {
			want = append(want, fmt.Sprint(f.Replayed), fmt.Sprint(f.CleanSince))
		}
		for _, v := range f.Viewers {
			want = append(want, fmt.Sprint(v.Count))
		}
		for _, r := range f.Regulators {
			want = append(want, r.Authority, r.Reference, r.Reason)
		}
	}
	for _, at := range moments {
		if !at.IsZero() {
			want = append(want, at.In(zone).Format("1504"), fmt.Sprint(at.In(zone).Day()))
		}
	}
	if f.Report != nil {
		want = append(want, f.Report.URL, f.Report.Hash, f.Report.Checkpoint.Origin, fmt.Sprint(f.Report.Checkpoint.Size), f.Report.Checkpoint.Root)
	}
	return want
}

// lettersAndDigits takes out all that languages put between the letters and digits of a figure or a name.
func lettersAndDigits(s string) string {
	s = strings.NewReplacer("15時04分", "", "時", "", "分", "", " h ", "", "\u00a0h\u00a0", "").Replace(s)
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// TestTextAndHTMLSayTheSame: word for word, and no URL but those that are seen.
func TestTextAndHTMLSayTheSame(t *testing.T) {
	tag := regexp.MustCompile(`<[^>]*>`)
	each(t, func(t *testing.T, f Facts, p Person, m Message) {
		_, body, _ := strings.Cut(m.HTML, "<body>")
		text := m.Text
		if m.Law != California {
			text = m.Subject + text // which HTML has as its heading
		}
		a := lettersAndDigits(html.UnescapeString(tag.ReplaceAllString(body, " ")))
		b := lettersAndDigits(regexp.MustCompile(`(?m)^\d+\. `).ReplaceAllString(text, ""))
		if a != b {
			t.Errorf("HTML and text differ:\n%s\n%s", a, b)
		}
		for _, bad := range []string{"<script", "<img", "<link", "url(", "@import", "http://", "mailto:", "onclick"} {
			if strings.Contains(m.HTML, bad) {
				t.Errorf("%q in HTML", bad)
			}
		}
		for _, link := range regexp.MustCompile(`<a href="([^"]*)">([^<]*)</a>`).FindAllStringSubmatch(m.HTML, -1) {
			if link[1] != link[2] || !strings.HasPrefix(link[1], "https://www.shop.example/") {
				t.Errorf("link %q shows %q", link[1], link[2])
			}
		}
		if !strings.Contains(m.HTML, `<html lang="`+m.Lang+`">`) {
			t.Error("no lang")
		}
	})
}

// TestWhatIsNeverSaid: a hedge where the set is exact, the empty phrases of N17, and a click.
func TestWhatIsNeverSaid(t *testing.T) {
	never := map[string]string{
		"en": `(?i)\b(may|might|possibly|potentially|perhaps|could|inadvertent\w*|technical (error|issue)|abundance of caution|seriously|misuse of your|click here|unfortunately)\b`,
		"de": `(?i)\b(möglicherweise|eventuell|vielleicht|könnten?|gegebenenfalls|unter Umständen|technischer Fehler|leider)\b`,
		"fr": `(?i)\b(peut-être|éventuellement|pourrai(t|ent)|susceptibles?|erreur technique|malheureusement)\b`,
		"es": `(?i)\b(posiblemente|quizás?|tal vez|podrían?|puede que|error técnico|lamentablemente)\b`,
		"it": `(?i)\b(forse|eventualmente|potrebbe(ro)?|possibilmente|errore tecnico|purtroppo)\b`,
		"nl": `(?i)\b(mogelijk|misschien|wellicht|eventueel|technische fout|helaas)\b`,
		"pl": `(?i)\b(być może|ewentualnie|możliwe|mogło|mogły|błąd techniczny|niestety)\b`,
		"pt": `(?i)\b(talvez|possivelmente|poderia(m)?|eventualmente|erro técnico|infelizmente)\b`,
		"ja": `可能性|かもしれ|おそれ|技術的な(問題|エラー)`,
	}
	each(t, func(t *testing.T, f Facts, p Person, m Message) {
		if found := regexp.MustCompile(never[m.Lang]).FindString(m.Text); found != "" {
			t.Errorf("%q in\n%s", found, m.Text)
		}
	})
}

// TestAdvice: the password stays only where everything was looked at and nothing found, for this person.
func TestAdvice(t *testing.T) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		looked      string
		credentials []string
		keep        bool
	}{
		{candor.LookedAll, nil, true}, {candor.LookedPart, nil, false}, {"", nil, false},
		{candor.LookedAll, []string{scan.Password}, false}, {candor.LookedAll, []string{scan.SessionToken}, false},
	} {
		p := erika()
		p.Locale, p.Looked, p.Credentials = "en", c.looked, c.credentials
		m, err := d.Message(p, noticeDate)
		keep, change := strings.Contains(m.Text, "no need to change your password"), strings.Contains(m.Text, "Change your password now")
		if err != nil || keep != c.keep || change == c.keep {
			t.Errorf("%+v: keep %v, change %v, %v", c, keep, change, err)
		}
		if none := strings.Contains(m.Text, "There were none"); none != c.keep {
			t.Errorf("%+v: says that there were none: %v", c, none)
		}
	}
}

// Whether police held it is said to whom the law of California applies, as somebody has said it; to nobody else, and never out of nothing.
func TestPolice(t *testing.T) {
	for name, held := range map[string]*bool{"not said": nil, "no": new(bool), "yes": func() *bool { yes := true; return &yes }()} {
		f := shopFacts()
		f.PoliceDelay = held
		d, err := Write(f, Affected)
		if err != nil {
			t.Fatal(err)
		}
		for _, lang := range Languages {
			for _, law := range []Law{GDPR, California} {
				key := string(law) + "/" + lang
				m, err := d.Example(key)
				if err != nil {
					t.Fatal(err)
				}
				said := newJudge(LetterOf(m), nil, nil).any("police")
				if said != (law == California && held != nil) {
					t.Errorf("%s, %s: says something of police: %v", name, key, said)
				}
			}
		}
		judged := Judge(d, "california/en", nil)
		if asks := len(judged) == 1 && judged[0].Rule == "N13" && judged[0].Level == "W"; asks != (held == nil) || len(judged) > 1 {
			t.Errorf("%s: %+v", name, judged)
		}
		if judged := Judge(d, "gdpr/en", nil); len(judged) != 0 {
			t.Errorf("%s: %+v", name, judged)
		}
	}
}

// TestFactsThatAreMissing are named, all at once.
func TestFactsThatAreMissing(t *testing.T) {
	_, err := Write(Facts{Cause: incident.CauseUndetermined, Publisher: Publisher{Zone: "Mars/Base"}}, "some")
	for _, field := range []string{"kind", "publisher.legal_name", "publisher.address", "publisher.domain", "publisher.contact.role", "publisher.contact.email", "site", "route", "people", "kinds", "first, last", "detected", "update_by", "publisher.zone"} {
		if err == nil || !strings.Contains(err.Error(), "facts: "+field+":") {
			t.Errorf("nothing is said of %s: %v", field, err)
		}
	}
	f := shopFacts()
	f.Cause = "gremlins"
	if _, err := Write(f, Affected); err == nil || !strings.Contains(err.Error(), "facts: cause:") {
		t.Error(err)
	}
	f = shopFacts()
	f.Report.URL = "https://elsewhere.example/"
	if _, err := Write(f, Affected); err == nil || !strings.Contains(err.Error(), "shop.example or a subdomain") {
		t.Error(err)
	}
}

// TestFactsCannotWriteMarkup: what stands in a fact stays one line of text.
func TestFactsCannotWriteMarkup(t *testing.T) {
	f := shopFacts()
	f.Publisher.LegalName = "Muster\n## Free money\n\n<b>{what}</b>\u202e"
	f.Prevention = Words{"en": "1. One\n2. Two {code}"}
	f.Route, f.Surface = "GET /orders/{id}/{what}", nil
	p := erika()
	p.Locale = "en"
	m := written(t, f, Affected, p)
	for _, bad := range []string{"\nFree money", "\u202e"} {
		if strings.Contains(m.Text, bad) {
			t.Errorf("%q in\n%s", bad, m.Text)
		}
	}
	if !strings.Contains(m.Text, "/orders/…/…") || !strings.Contains(m.Text, "<b>(what)</b>") || !strings.Contains(m.HTML, "&lt;b&gt;(what)&lt;/b&gt;") {
		t.Error(m.Text)
	}
}

// TestDraftDocument: the same bytes for the same draft, and nothing in them that is not known.
func TestDraftDocument(t *testing.T) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Encode()
	if err != nil || len(b) > candor.MaxDocument/4 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	again, err := ParseDraft(b)
	if err != nil || again.Hash() != d.Hash() || !candor.IsHash(d.Hash()) {
		t.Fatalf("%v: %s, %s", err, again.Hash(), d.Hash())
	}
	again.Texts["gdpr/en"] += "\nOne word more.\n"
	if again.Hash() == d.Hash() {
		t.Error("other words, the same hash")
	}
	again.Phrases["en"]["greeting"] = "Hi {name}!"
	changed := again.Hash()
	delete(again.Phrases["en"], "greeting")
	if again.Hash() == changed {
		t.Error("other phrases, the same hash")
	}
	for name, bad := range map[string][]byte{
		"unknown":  bytes.Replace(b, []byte(`{"schema"`), []byte(`{"sender":"x","schema"`), 1),
		"inner":    bytes.Replace(b, []byte(`"legal_name"`), []byte(`"x":1,"legal_name"`), 1),
		"trailing": append(bytes.Clone(b), '1'),
		"schema":   bytes.Replace(b, []byte(DraftSchema), []byte("candor.notice/v9"), 1),
		"cut":      b[:len(b)/2],
	} {
		if _, err := ParseDraft(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestDraftLimit: a document at the limit, and one byte past it.
func TestDraftLimit(t *testing.T) {
	d := Draft{Schema: DraftSchema, Texts: map[string]string{"gdpr/en": ""}}
	b, _ := d.Encode()
	d.Texts["gdpr/en"] = strings.Repeat("x", candor.MaxDocument-len(b))
	b, err := d.Encode()
	if err != nil || len(b) != candor.MaxDocument {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if _, err := ParseDraft(b); err != nil {
		t.Error(err)
	}
	if _, err := ParseDraft(append(b, ' ')); err == nil {
		t.Error("one past the limit is read")
	}
	d.Texts["gdpr/en"] += "x"
	if _, err := d.Encode(); err == nil || d.Hash() != "" {
		t.Error("one past the limit is written")
	}
}
