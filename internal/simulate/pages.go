package simulate

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// look is how a shop's pages are made.
type look struct {
	json     bool
	names    bool // people's names beside their addresses
	before   bool // something new in each page, in front of everybody's data: a form's token, a serial number
	behind   bool // the same behind it
	twice    bool // a personal page holds the address twice
	class    string
	wrap     string // of rows in JSON: "", "attributes" (JSON:API), "node" (GraphQL)
	dateless bool   // no Date, as a handler that Candor wraps in its own process has none
	slow     time.Duration
}

func newLook(r *rand.Rand) look {
	return look{json: r.IntN(2) == 0, names: r.IntN(2) == 0, before: r.IntN(2) == 0, behind: r.IntN(2) == 0, twice: r.IntN(3) == 0,
		class: pick(r, "email", "mail", "contact", "user-email"), wrap: pick(r, "", "", "attributes", "node"), dateless: r.IntN(6) == 0,
		slow: time.Duration(between(r, 20, 400)) * time.Millisecond}
}

// page is what stands in one; people are customers by number, and -1 is nobody.
type page struct {
	title    string
	greeting int // in the header, on every page
	person   int // whom the page is about
	own      int // somebody else whom it is about beside
	rows     []int
	row      rowStyle
	extra    string // put into the page as it is, in HTML only
}

// rowStyle is what the rows of a page are.
type rowStyle int

const (
	reviews   rowStyle = iota // each has an author
	seller                    // one thing with one person
	flat                      // rows with an author's address among their own fields
	plain                     // rows that are people
	unlabeled                 // reviews whose field is called "email"
)

func nobodyAt(title string) page { return page{title: title, greeting: -1, person: -1, own: -1} }

func (l look) render(p page, d *rand.Rand) (contentType string, body []byte) {
	if l.json {
		return "application/json", l.renderJSON(p, d)
	}
	return "text/html; charset=utf-8", l.renderHTML(p, d)
}

func (l look) member(n int) map[string]any {
	m := map[string]any{"email": address(n)}
	if l.names {
		m["fullName"] = name(n)
	}
	return m
}

func (l look) renderJSON(p page, d *rand.Rand) []byte {
	doc := map[string]any{"title": p.title}
	if l.before {
		doc["_token"] = fmt.Sprintf("%08x", d.Uint32())
	}
	if l.behind {
		doc["zz"] = fmt.Sprintf("%08x", d.Uint32())
	}
	if p.greeting >= 0 {
		doc["header"] = map[string]any{"user": l.member(p.greeting)}
	}
	if p.person >= 0 {
		about := l.member(p.person)
		about["points"] = p.person * 3
		doc["main"] = map[string]any{"customer": about}
		if l.twice {
			doc["newsletter"] = map[string]any{"to": address(p.person)}
		}
	}
	if p.own >= 0 {
		doc["profile"] = l.member(p.own)
	}
	switch {
	case p.row == seller && len(p.rows) > 0:
		doc["offer"] = map[string]any{"price": p.rows[0] + 5, "seller": l.member(p.rows[0])}
	case len(p.rows) > 0 || p.row == plain:
		doc[map[bool]string{true: "customers", false: "reviews"}[p.row == plain]] = l.rowsJSON(p)
	}
	b, _ := json.Marshal(doc) // maps of strings and numbers
	return b
}

func (l look) rowsJSON(p page) []any {
	var list []any
	for i, n := range p.rows {
		row := map[string]any{"id": i + 1}
		switch p.row {
		case reviews:
			row["text"], row["author"] = "Works as it should.", l.member(n)
		case flat:
			row["text"], row["author_email"] = "Works as it should.", address(n)
		case unlabeled:
			row["text"], row["email"] = "Works as it should.", address(n)
		case plain:
			row = l.member(n)
			row["id"] = n + 1000
			row["since"] = 2000 + n%20
		}
		if l.wrap != "" && p.row != reviews {
			row = map[string]any{"id": i, l.wrap: row}
		}
		list = append(list, row)
	}
	return list
}

func (l look) mention(tag string, n int) string {
	s := fmt.Sprintf("<%s class=%q>%s</%s>", tag, l.class, html.EscapeString(address(n)), tag)
	if l.names {
		s += fmt.Sprintf(" <b class=\"name\">%s</b>", html.EscapeString(name(n)))
	}
	return s
}

func (l look) renderHTML(p page, d *rand.Rand) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html><html lang=\"en\"><head><title>%s</title>", p.title)
	if l.before {
		fmt.Fprintf(&b, "<meta name=\"csrf\" content=\"%08x\">", d.Uint32())
	}
	b.WriteString("</head><body><header>")
	if p.greeting >= 0 {
		b.WriteString(`<p class="hello">Signed in as ` + l.mention("i", p.greeting) + "</p>")
	}
	b.WriteString(`</header><main><p>Free delivery on all orders above fifty euros, returns within thirty days.</p>`)
	if p.person >= 0 {
		fmt.Fprintf(&b, "<dl><dt>E-mail</dt><dd class=%q>%s</dd></dl>", l.class, address(p.person))
		if l.names {
			b.WriteString(l.mention("em", p.person))
		}
		if l.twice {
			fmt.Fprintf(&b, "<input name=\"to\" value=%q>", address(p.person))
		}
	}
	if p.own >= 0 {
		b.WriteString(`<section class="profile">` + l.mention("u", p.own) + "</section>")
	}
	l.rowsHTML(&b, p)
	b.WriteString(p.extra)
	if l.behind {
		fmt.Fprintf(&b, "<form><input name=\"token\" value=\"%08x\"></form>", d.Uint32())
	}
	b.WriteString("</main></body></html>\n")
	return []byte(b.String())
}

func (l look) rowsHTML(b *strings.Builder, p page) {
	if p.row == plain {
		b.WriteString("<table><tr><th>Customer</th></tr>")
		for _, n := range p.rows {
			fmt.Fprintf(b, "<tr><td>%d</td><td>%s</td></tr>", n+1000, address(n))
		}
		b.WriteString("</table>")
		return
	}
	for _, n := range p.rows {
		b.WriteString("<article><p>Works as it should.</p>" + l.mention("span", n) + "</article>")
	}
}

// answer sends a page as this shop does.
func (w *world) answer(rw http.ResponseWriter, r *http.Request, l look, p page, header ...string) {
	contentType, body := l.render(p, dice(r))
	w.send(rw, r, l, http.StatusOK, contentType, body, header...)
}

func (w *world) send(rw http.ResponseWriter, r *http.Request, l look, status int, contentType string, body []byte, header ...string) {
	time.Sleep(l.slow/2 + time.Duration(dice(r).Int64N(int64(l.slow))))
	h := rw.Header()
	h.Set("Content-Type", contentType)
	if !l.dateless {
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] != "" {
			h.Set(header[i], header[i+1])
		}
	}
	rw.WriteHeader(status)
	rw.Write(body)
}

// shop finds the page that a path begins with.
func (w *world) shop(rw http.ResponseWriter, r *http.Request) {
	segments := strings.Split(r.URL.Path, "/")
	name := segments[1]
	if w.mixed && name == "app" {
		name = segments[2]
	}
	if page := w.pages[name]; page != nil {
		page(rw, r)
		return
	}
	http.NotFound(rw, r)
}

// place is where a mistake's page stands: its name, and how its ids are put into the address.
type place struct {
	name  string
	query string // of the id, where it is no segment
	mixed bool
}

func (w *world) place(names ...string) place {
	return place{fmt.Sprintf("%s-%c", pick(w.Rand, names...), 'a'+len(w.pages)), pick(w.Rand, "", "", "id", "no"), w.mixed}
}

// path is the address of one thing, or, for 0, of the only one.
func (p place) path(id int) string {
	switch {
	case p.mixed:
		return fmt.Sprintf("/app/%s/%d", p.name, id)
	case id == 0:
		return "/" + p.name
	case p.query != "":
		return fmt.Sprintf("/%s?%s=%d", p.name, p.query, id)
	}
	return fmt.Sprintf("/%s/%d", p.name, id)
}

// id is what an address names.
func (p place) id(r *http.Request) (id int) {
	last := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if p.query != "" && !p.mixed {
		last = r.URL.Query().Get(p.query)
	}
	fmt.Sscanf(last, "%d", &id)
	return id
}

func bodyOf(s string) io.Reader {
	if s == "" {
		return nil
	}
	return strings.NewReader(s)
}

// around is the ordinary traffic: a start page that greets, and articles for everybody.
func (w *world) around() {
	l := w.look
	w.pages["start"] = func(rw http.ResponseWriter, r *http.Request) {
		p := nobodyAt("Welcome")
		p.greeting = customerOf(r)
		w.answer(rw, r, l, p, "Cache-Control", "private, no-store")
	}
	w.pages["article"] = func(rw http.ResponseWriter, r *http.Request) {
		w.answer(rw, r, l, nobodyAt("An article"), "Cache-Control", "public, max-age=60")
	}
	for range between(w.Rand, 10, 60) {
		w.visits(visit{at: w.moment(), path: pick(w.Rand, "/start", "/article/17", "/article/18"), by: w.anybody()})
	}
}

// anybody is a customer three times out of four.
func (w *world) anybody() visitor {
	if w.IntN(4) == 0 {
		return visitor{customer: -1, client: w.IntN(100), crawler: w.IntN(12) == 0}
	}
	return w.customer()
}

func (w *world) customer() visitor {
	n := w.IntN(customers)
	return visitor{customer: n, client: 1000 + n}
}
