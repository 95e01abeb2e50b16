package console

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// editor is the page on which a notice is written: the facts on one side, one text of one law and language on the other.
type editor struct {
	Incident incident.Incident `json:"-"`
	Kind     notice.Kind       `json:"kind"`
	Campaign notice.Campaign   `json:"-"`               // that it is the draft of; zero: none yet
	Base     string            `json:"draft,omitempty"` // hash of the draft as it is kept; empty: it is not
	Key      string            `json:"text"`            // "gdpr/de"
	Body     string            `json:"body"`            // its source, as typed
	Message  notice.Message    `json:"message"`         // to a made-up person
	Judged   []notice.Judged   `json:"findings"`
	Wrong    []string          `json:"wrong,omitempty"` // why there is no text, or why it was not kept
	Saved    bool              `json:"-"`               // just now
	Looked   bool              `json:"-"`               // at words that are not kept
	Stale    string            `json:"-"`               // what the facts say by now
	CanAct   bool              `json:"-"`
	Mail     string            `json:"-"` // under which name the mail's HTML is to be had
	draft    notice.Draft
}

// edited is the editor's page without words of its own: as they are kept, or as they would be written from today's facts.
func (c *Console) edited(r *http.Request) (e editor, err error) {
	if c.o.Facts == nil {
		return e, missing("There is no such page.")
	}
	ctx := r.Context()
	if e.Incident, err = c.o.Ledger.Incident(ctx, r.PathValue("id")); errors.Is(err, ledger.ErrNoIncident) {
		return e, missing("There is no such incident.")
	} else if err != nil {
		return e, err
	}
	e.CanAct = c.o.Act != nil
	if e.Kind = notice.Kind(cmp.Or(r.FormValue("kind"), string(notice.Affected))); toWhom[e.Kind] == "" {
		return e, missing("There is no such page.")
	}
	list, err := c.o.Ledger.Campaigns(ctx, e.Incident.ID)
	if err != nil {
		return e, err
	}
	e.Campaign, _ = notice.OpenOf(list, e.Incident.ID, e.Kind)
	facts, troubled := c.o.Facts(ctx, e.Incident.ID)
	if e.Campaign.ID != "" {
		e.Base = e.Campaign.Draft
		if e.draft, err = c.o.Ledger.Draft(ctx, e.Base); err != nil {
			return e, err
		}
		if troubled == nil {
			e.Stale = stale(e.draft.Facts, facts)
		}
	} else if troubled == nil {
		e.draft, troubled = notice.Write(facts, e.Kind)
	}
	if e.Campaign.ID == "" && troubled != nil {
		e.Wrong = strings.Split(troubled.Error(), "\n")
		return e, nil
	}
	if e.Key = r.FormValue("text"); e.Key == "" {
		e.Key = firstText(e.draft)
	}
	if _, ok := e.draft.Texts[e.Key]; !ok {
		return e, missing("There is no such text.")
	}
	e.Body = e.draft.Texts[e.Key]
	return e, nil
}

// stale says what a draft does not know yet.
func stale(old, now notice.Facts) string {
	switch {
	case old.People != now.People:
		return fmt.Sprintf("These words say %s; by now it is %s.", plenty(old.People, "person", "people"), number(now.People))
	case old.Cause != now.Cause:
		return "The cause is judged otherwise by now than these words say."
	case !old.Fixed.Equal(now.Fixed), !old.Verified.Equal(now.Verified), !old.Contained.Equal(now.Contained):
		return "What was done about it has changed since these words were written."
	}
	return ""
}

// firstText is the one that is shown first: English, or whatever there is.
func firstText(d notice.Draft) string {
	keys := slices.Sorted(maps.Keys(d.Texts))
	for _, k := range []string{"gdpr/en", "viewers/en"} {
		if slices.Contains(keys, k) {
			return k
		}
	}
	return slices.Concat(keys, []string{""})[0]
}

// shown completes a page: what one person would get, and what is wrong with it.
func (c *Console) shown(e editor) editor {
	if e.Key == "" {
		return e
	}
	e.draft.Texts = maps.Clone(e.draft.Texts)
	e.draft.Texts[e.Key] = e.Body
	m, err := e.draft.Example(e.Key)
	if err != nil {
		if len(e.Wrong) == 0 {
			e.Wrong = strings.Split(err.Error(), "\n")
		}
		return e
	}
	e.Message = m
	e.Mail = c.mails.keep(m.HTML)
	e.Judged = notice.Judge(e.draft, e.Key, e.Campaign.Waived)
	return e
}

func (c *Console) editorPage(r *http.Request) (any, error) {
	e, err := c.edited(r)
	e.Saved = r.FormValue("saved") != ""
	return c.shown(e), err
}

// look is the page with words that are typed and not kept: it judges them, and shows what one person would get.
func (c *Console) look(r *http.Request) (any, error) {
	e, err := c.edited(r)
	if err == nil && e.Key != "" {
		e.Body, e.Looked, e.Wrong = typed(r), true, tooLong(r)
		if base := r.PostFormValue("base"); base != "" {
			e.Base = base // what they are based on, even if somebody has kept others since
		}
	}
	return c.shown(e), err
}

// maxTyped is how long a form with a text may be: of a source's bytes each may be a percent sign and two digits, and an end of line two such bytes.
const maxTyped = 7 * notice.MaxSource

// tooLong says that a form could not be read to its end.
func tooLong(r *http.Request) []string {
	if err := r.ParseForm(); err != nil {
		return []string{fmt.Sprintf("This is too long for a notice, which has at most %s bytes.", number(notice.MaxSource))}
	}
	return nil
}

func typed(r *http.Request) string {
	return strings.TrimRight(strings.ReplaceAll(r.PostFormValue("body"), "\r\n", "\n"), "\n ") + "\n"
}

// limited lets forms have so many bytes.
func limited(n int64, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, n)
		next.ServeHTTP(w, r)
	})
}

// framed lets a page show another of this console's in a frame.
func framed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", w.Header().Get("Content-Security-Policy")+"; frame-src 'self'")
		next.ServeHTTP(w, r)
	})
}

// save keeps the words: a new draft, which makes approvals void.
func (c *Console) save(w http.ResponseWriter, r *http.Request) {
	e, err := c.edited(r)
	if err == nil && c.o.Act == nil {
		err = missing("There is no such page.")
	}
	if err != nil {
		c.failed(w, r, err)
		return
	}
	if e.Wrong = append(e.Wrong, tooLong(r)...); len(e.Wrong) == 0 {
		e.Body = typed(r)
	}
	base := r.PostFormValue("base")
	if len(e.Wrong) == 0 && base != e.Base {
		e.Wrong, e.Base = []string{"Somebody else has kept other words in the meantime. Yours are below and are not kept: open this page once more beside it, and bring the two together there."}, base
	}
	if len(e.Wrong) == 0 {
		e.Wrong = c.keep(r, e)
	}
	if len(e.Wrong) > 0 {
		c.render(w, http.StatusUnprocessableEntity, shell{Page: "editor", Now: c.o.Now().UTC(), Status: c.o.Status(), Data: c.shown(e)})
		return
	}
	http.Redirect(w, r, e.Path("saved", "1"), http.StatusSeeOther)
}

// keep puts a draft into the books, and returns why it did not.
func (c *Console) keep(r *http.Request, e editor) []string {
	e.draft.Texts[e.Key] = e.Body
	if err := c.record(r, e.draft, e.Incident.ID, e.Campaign.ID); err != nil {
		return strings.Split(err.Error(), "\n")
	}
	return nil
}

func (c *Console) record(r *http.Request, d notice.Draft, incident, id string) error {
	if err := d.Check(); err != nil {
		return err
	}
	if id == "" {
		list, err := c.o.Ledger.Campaigns(r.Context(), "")
		if err != nil {
			return err
		}
		id = notice.NewID(list, incident, d.Kind)
	}
	details, doc, err := d.Drafted(id, c.o.Needs, c.o.Seeds)
	if err != nil {
		return err
	}
	name, _ := c.sessions.who(r)
	return c.o.Act(r.Context(), candor.Action{ID: candor.NewID(), Time: c.o.Now().UTC(), By: name, What: candor.NoticeDrafted, Incident: incident, Details: details}, doc)
}

// Path is the address of this text, with more to say in pairs.
func (e editor) Path(more ...string) string {
	q := url.Values{"kind": {string(e.Kind)}}
	if e.Key != "" {
		q.Set("text", e.Key)
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/incidents/" + e.Incident.ID + "/notice?" + q.Encode()
}

// Fixed says why the words cannot be changed any more; empty: they can.
func (e editor) Fixed() string {
	if err := e.Campaign.Changeable(); err != nil {
		return sentence(err.Error())
	}
	return ""
}

// sentence makes one of an error's words.
func sentence(s string) string { return capital(s) + "." }

// capital begins as a sentence does.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// To says whom it tells.
func (e editor) To() string { return toWhom[e.Kind] }

// tab leads to another text.
type tab struct {
	Path, Name string
	Current    bool
}

// tabs are a law's texts.
type tabs struct {
	Name string
	List []tab
}

// Tabs are the texts by law and language.
func (e editor) Tabs() (list []tabs) {
	for _, law := range []notice.Law{notice.GDPR, notice.California, notice.ToViewers} {
		t := tabs{Name: lawNames[law]}
		for _, lang := range e.langs(law) {
			other := e
			other.Key = string(law) + "/" + lang
			t.List = append(t.List, tab{other.Path(), cmp.Or(languages[lang], lang), other.Key == e.Key})
		}
		if len(t.List) > 0 {
			list = append(list, t)
		}
	}
	return list
}

// langs are the languages of a law's texts: Candor's own in their order, then others.
func (e editor) langs(law notice.Law) (list []string) {
	for _, key := range slices.Sorted(maps.Keys(e.draft.Texts)) {
		if l, lang, _ := strings.Cut(key, "/"); notice.Law(l) == law {
			list = append(list, lang)
		}
	}
	rank := func(lang string) int {
		if i := slices.Index(notice.Languages, lang); i >= 0 {
			return i
		}
		return len(notice.Languages)
	}
	slices.SortStableFunc(list, func(a, b string) int { return rank(a) - rank(b) })
	return list
}

var lawNames = map[notice.Law]string{notice.GDPR: "GDPR art. 34, and wherever no other law asks more", notice.California: "California Civ. Code 1798.82, for the United States", notice.ToViewers: "To those who saw it"}

var languages = map[string]string{"en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ja": "Japanese"}

// Lang is the text's language.
func (e editor) Lang() string {
	_, lang, _ := strings.Cut(e.Key, "/")
	return lang
}

// Law is the name of the law that the text follows.
func (e editor) Law() string {
	law, _, _ := strings.Cut(e.Key, "/")
	return lawNames[notice.Law(law)]
}

// LangName is the language in words.
func (e editor) LangName() string { return cmp.Or(languages[e.Lang()], e.Lang()) }

// mails are the messages that editors show in frames, by a digest of each: what is typed is kept nowhere else.
type mails struct {
	mu    sync.Mutex
	kept  map[string]string
	names []string
}

const maxMails = 64

func (m *mails) keep(html string) string {
	name := candor.HashOf([]byte(html))
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.kept[name]; ok {
		return name
	}
	if m.kept == nil {
		m.kept = map[string]string{}
	}
	if len(m.names) >= maxMails {
		delete(m.kept, m.names[0])
		m.names = m.names[1:]
	}
	m.kept[name], m.names = html, append(m.names, name)
	return name
}

func (m *mails) get(name string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	html, ok := m.kept[name]
	return html, ok
}

// mail is one message as a mail program shows it. It alone may have styles of its own, and nothing else: no script, no form, nothing from elsewhere.
func (c *Console) mail(w http.ResponseWriter, r *http.Request) {
	html, ok := c.mails.get(r.PathValue("name"))
	if !ok {
		c.failed(w, r, missing("This preview is not kept any more: reload the page that shows it."))
		return
	}
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write([]byte(html))
}

// askAnew and anew write all texts again from today's facts.
func (c *Console) askAnew(r *http.Request) (any, error) { return c.anewQuestion(r) }

func (c *Console) anewQuestion(r *http.Request) (question, error) {
	e, err := c.edited(r)
	if err == nil && (c.o.Act == nil || e.Campaign.ID == "") {
		err = missing("There is no such page.")
	}
	q := question{Incident: e.Incident, Campaign: e.Campaign, What: "anew", Title: "Write it anew from today's facts", Button: "Write it anew", Details: map[string]string{"kind": string(e.Kind)},
		Means: fmt.Sprintf("All %d texts are written again. Words that somebody changed are lost from the draft; the ledger keeps the document as it was. Approvals become void, and so does what was let stand. %s", len(e.draft.Texts), e.Stale)}
	q.No = e.Fixed()
	return q, err
}

func (c *Console) anew(w http.ResponseWriter, r *http.Request) {
	q, err := c.anewQuestion(r)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	if q.No == "" {
		err = c.rewrite(r, q.Campaign)
	}
	if q.Wrong = ""; err != nil {
		q.Wrong = err.Error()
	}
	if q.No != "" || q.Wrong != "" {
		c.render(w, http.StatusUnprocessableEntity, shell{Page: "act", Now: c.o.Now().UTC(), Status: c.o.Status(), Data: q})
		return
	}
	http.Redirect(w, r, editor{Incident: q.Incident, Kind: q.Campaign.Kind}.Path(), http.StatusSeeOther)
}

func (c *Console) rewrite(r *http.Request, v notice.Campaign) error {
	f, err := c.o.Facts(r.Context(), v.Incident)
	if err != nil {
		return err
	}
	d, err := notice.Write(f, v.Kind)
	if err != nil {
		return err
	}
	return c.record(r, d, v.Incident, v.ID)
}
