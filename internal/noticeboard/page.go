package noticeboard

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/language"

	"candor.example"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// The schemas of what programs read; docs/notices.md describes them.
const (
	NoticesSchema = "candor.notices/v1"
	CodeSchema    = "candor.code/v1"
)

var (
	//go:embed web/page.html
	pageSource string
	//go:embed web/style.css
	style string

	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"fill": fill}).Parse(pageSource))

	policy = "default-src 'none'; style-src 'sha256-" + hashOf(style) + "'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// page is what the template shows.
type page struct {
	Lang    string
	W       words
	Style   template.CSS
	Notices []shown
	Answers []string
	Checked string // what is said of a code
	Problem string
}

// shown is one notice, as programs read it and, with what is not in the JSON, as people do.
type shown struct {
	Incident string      `json:"incident"`
	Kind     notice.Kind `json:"kind"`
	Law      notice.Law  `json:"law"`
	Lang     string      `json:"lang"`
	Subject  string      `json:"subject"`
	Text     string      `json:"text"`
	HTML     string      `json:"html"`
	Code     string      `json:"code,omitempty"`
	Channel  string      `json:"channel,omitempty"` // mail, post or site; empty: not yet
	Sent     time.Time   `json:"sent,omitzero"`
	Answer   string      `json:"answer,omitempty"`

	How   string        `json:"-"`
	Body  template.HTML `json:"-"`
	Asked bool          `json:"-"`
}

type noticesAnswer struct {
	Schema  string  `json:"schema"`
	Notices []shown `json:"notices"`
}

type codeAnswer struct {
	Schema   string `json:"schema"`
	Known    bool   `json:"known"`
	Day      string `json:"day,omitempty"`
	Incident string `json:"incident,omitempty"`
	Site     string `json:"site,omitempty"`
}

// ask reads what concerns every request.
func (b *Board) ask(r *http.Request, v candor.Viewer) request {
	q := request{Request: r, viewer: v, lang: spoken(b.o.Language)}
	accept := r.Header.Get("Accept")
	q.json = r.URL.Query().Get("format") == "json" || strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
	if lang, ok := accepted(r, notice.Languages); ok {
		q.lang = lang
	}
	q.w = wordsOf(q.lang)
	return q
}

// accepted is the one of the languages that the browser wants most (RFC 9110 §12.5.4).
func accepted(r *http.Request, languages []string) (string, bool) {
	header := r.Header.Get("Accept-Language")
	wanted, _, err := language.ParseAcceptLanguage(header[:min(len(header), 200)])
	if err != nil || len(wanted) == 0 || len(languages) == 0 {
		return "", false
	}
	tags := make([]language.Tag, len(languages))
	for i, l := range languages {
		tags[i] = language.Make(l)
	}
	_, i, confidence := language.NewMatcher(tags).Match(wanted...)
	return languages[i], confidence != language.No
}

// page writes the page, or the notices as JSON.
func (b *Board) page(w http.ResponseWriter, q request, list []ledger.Told, p page) {
	for _, t := range list {
		s, err := b.notice(q, t)
		if err != nil {
			b.o.Log.Error("a notice cannot be shown on the shop's own site", "campaign", t.Campaign.ID, "error", err)
		}
		p.Notices = append(p.Notices, s)
	}
	if q.json {
		q.writeJSON(w, http.StatusOK, noticesAnswer{NoticesSchema, append([]shown{}, p.Notices...)})
		return
	}
	q.writePage(w, http.StatusOK, p)
}

// notice renders one, for the person whom it concerns. What cannot be rendered is still told of.
func (b *Board) notice(q request, t ledger.Told) (shown, error) {
	s := shown{Incident: t.Campaign.Incident, Kind: t.Campaign.Kind, Code: t.Person.Code, Answer: t.Answer, Asked: t.Campaign.Kind == notice.Viewers}
	d, err := b.draft(q.Context(), t.Campaign.Draft)
	zone := time.UTC
	if err == nil {
		var m notice.Message
		zone = d.zone
		m, err = d.Message(d.person(q, t), date(t))
		s.Law, s.Lang, s.Subject, s.Text, s.HTML, s.Body = m.Law, m.Lang, m.Subject, m.Text, m.HTML, body(m.HTML)
	}
	s.how(q.w, t, zone)
	return s, err
}

// person is the recipient as the text is filled in for them: in the language that their browser asks for, if the draft has it, else in their own.
func (d *draft) person(q request, t ledger.Told) notice.Person {
	p := t.Person
	if lang, ok := accepted(q.Request, d.languages()); ok {
		p.Locale = lang
	}
	if p.Code == "" {
		p.Code = wordsOf(cmp.Or(p.Locale, d.Facts.Publisher.Language)).Nocode
	}
	return p
}

// date is the notice's: when it went out, else when the last approved it.
func date(t ledger.Told) time.Time {
	c := t.Campaign
	if !t.Sent.IsZero() || len(c.Approvals) == 0 {
		return t.Sent
	}
	return c.Approvals[len(c.Approvals)-1].Time
}

// how says by which channel the person was told.
func (s *shown) how(w words, t ledger.Told, zone *time.Location) {
	on := t.Sent
	if on.IsZero() {
		on = t.Time
	}
	day := on.In(zone).Format(time.DateOnly)
	switch {
	case t.Campaign.Kind == notice.Viewers && t.State == notice.Other:
		s.Channel, s.How = "site", w.Here
	case t.State == notice.Queued:
		s.How = w.Queued
	case t.State == notice.Accepted:
		s.Channel, s.Sent, s.How = "mail", on, fill(w.Sent, "day", day)
	case t.State == notice.InDoubt:
		s.Channel, s.Sent, s.How = "mail", on, fill(w.Doubt, "day", day)
	case t.State == notice.Other && t.Detail == "post":
		s.Channel, s.Sent, s.How = "post", t.Time, fill(w.Post, "day", t.Time.In(zone).Format(time.DateOnly))
	default:
		s.Channel, s.How = "site", w.Unsent
	}
}

// kept are the elements of a notice that the page takes over, with the level that headings have here. Nothing else of the HTML gets through.
var kept = map[atom.Atom]string{atom.H1: "h2", atom.H2: "h3", atom.H3: "h3", atom.P: "p", atom.Ul: "ul", atom.Ol: "ol", atom.Li: "li", atom.Strong: "strong", atom.Em: "em", atom.Br: "br", atom.A: "a"}

// body is what stands in a notice's HTML document, without its styles: the page has its own.
func body(document string) template.HTML {
	var out bytes.Buffer
	z := html.NewTokenizer(strings.NewReader(document))
	for inside := false; ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return template.HTML(out.String())
		}
		t := z.Token()
		switch name := kept[t.DataAtom]; {
		case t.DataAtom == atom.Body:
			inside = kind == html.StartTagToken
		case !inside:
		case kind == html.TextToken:
			out.WriteString(html.EscapeString(t.Data))
		case kind == html.StartTagToken && (t.DataAtom == atom.Style || t.DataAtom == atom.Script):
			z.Next() // their text is none
		case name == "":
		case kind == html.EndTagToken:
			out.WriteString("</" + name + ">")
		case kind == html.StartTagToken || kind == html.SelfClosingTagToken:
			out.WriteString("<" + name + link(t) + ">")
		}
	}
}

// link is the one attribute that is taken over: where an element leads, over https.
func link(t html.Token) string {
	i := slices.IndexFunc(t.Attr, func(a html.Attribute) bool { return a.Key == "href" && strings.HasPrefix(a.Val, "https://") })
	if t.DataAtom != atom.A || i < 0 {
		return ""
	}
	return ` rel="noreferrer" href="` + html.EscapeString(t.Attr[i].Val) + `"`
}

func (q request) writePage(w http.ResponseWriter, status int, p page) {
	p.Lang, p.W, p.Style, p.Answers = q.lang, q.w, template.CSS(style), candor.Answers
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		http.Error(w, q.w.Trouble, http.StatusInternalServerError)
		return
	}
	write(w, status, "text/html; charset=utf-8", out.Bytes())
}

func (q request) writeJSON(w http.ResponseWriter, status int, v any) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", " ")
	enc.Encode(v) // texts and times always can be
	write(w, status, "application/json", out.Bytes())
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// problem says in a sentence what is wrong.
func (q request) problem(w http.ResponseWriter, status int, sentence string) {
	if q.json {
		q.writeJSON(w, status, map[string]string{"error": sentence})
		return
	}
	q.writePage(w, status, page{Problem: sentence})
}

func (q request) not(w http.ResponseWriter, allowed string) {
	w.Header().Set("Allow", allowed)
	q.problem(w, http.StatusMethodNotAllowed, q.w.Wrong)
}

func busy(w http.ResponseWriter, q request, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	q.problem(w, http.StatusTooManyRequests, q.w.Busy)
}
