package journal

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"candor.example"
)

// Entries are JSON, as encoding/json has them. A page that discloses tends to disclose many, and what is the same in all of them was most of what
// recording and folding it cost: disclosures are written and read here by hand, and whatever else an entry holds by encoding/json.

// encode is json.Marshal of an entry. Of several ones it makes one, of which but the first may hold nothing but disclosures, responses and what is
// sealed.
func encode(entries ...candor.Entry) (b []byte, err error) {
	rest, ds, rs := entries[0], 0, 0
	rest.Disclosures, rest.Responses, rest.Sealed = nil, nil, nil
	for i := range entries {
		e := &entries[i]
		ds, rs = ds+len(e.Disclosures), rs+len(e.Responses)
		rest.Sealed = append(rest.Sealed, e.Sealed...)
	}
	others, err := json.Marshal(rest)
	if err != nil {
		return nil, err
	}
	b = append(make([]byte, 0, 32+640*ds+1024*rs+len(others)), '{')
	if ds > 0 {
		b = append(b, `"disclosures":[`...)
		for i := range entries {
			for n := range entries[i].Disclosures {
				if b, err = appendDisclosure(b, &entries[i].Disclosures[n]); err != nil {
					return nil, err
				}
				b = append(b, ',')
			}
		}
		b = append(b[:len(b)-1], "],"...)
	}
	if rs > 0 {
		b = append(b, `"responses":[`...)
		for i := range entries {
			for n := range entries[i].Responses {
				if b, err = appendResponse(b, &entries[i].Responses[n]); err != nil {
					return nil, err
				}
				b = append(b, ',')
			}
		}
		b = append(b[:len(b)-1], "],"...)
	}
	if ds+rs > 0 && string(others) == "{}" {
		b = b[:len(b)-1]
	}
	return append(b, others[1:]...), nil
}

func appendDisclosure(b []byte, d *candor.Disclosure) (_ []byte, err error) {
	b = append(b, '{')
	b = some(b, `"id":`, d.ID)
	b = some(b, `"source":`, d.Source)
	if b, err = moment(append(b, `"time":`...), d.Time); err != nil {
		return nil, err
	}
	b = text(append(b, `,"site":`...), d.Site)
	b = text(append(b, `,"method":`...), d.Method)
	b = text(append(b, `,"url":`...), d.URL)
	b = text(append(b, `,"route":`...), d.Route)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(d.Status), 10)
	b = text(append(b, `,"viewer":`...), d.Viewer)
	b = text(append(b, `,"owner":`...), d.Owner)
	b = text(append(b, `,"kind":`...), string(d.Kind))
	b = append(text(append(b, `,"encoding":`...), d.Encoding), ',')
	b = some(b, `"evidence":`, string(d.Evidence))
	b = text(append(b, `"masked":`...), d.Masked)
	b = strconv.AppendInt(append(b, `,"offset":`...), d.Offset, 10)
	b = append(strconv.AppendInt(append(b, `,"length":`...), int64(d.Length), 10), ',')
	b = some(b, `"header":`, d.Header)
	b = append(text(append(b, `"class":`...), string(d.Class)), ',')
	b = some(b, `"outcome":`, string(d.Outcome))
	b = some(b, `"viewer_digest":`, d.ViewerDigest)
	b = some(b, `"release":`, d.Release)
	b = some(b, `"link":`, d.Link)
	b = some(b, `"reason":`, d.Reason)
	b = some(b, `"cwe":`, d.CWE)
	b = some(b, `"third_party":`, d.ThirdParty)
	b = these(b, `"credentials":`, d.Credentials)
	b = some(b, `"looked":`, d.Looked)
	b = yes(b, `"cached":`, d.Cached)
	b = some(b, `"response":`, d.Response)
	b = some(b, `"place":`, d.Place)
	b = yes(b, `"after_end":`, d.AfterEnd)
	b = some(b, `"country":`, d.Country)
	b = some(b, `"locale":`, d.Locale)
	return append(b[:len(b)-1], '}'), nil
}

func appendResponse(b []byte, r *candor.Response) (_ []byte, err error) {
	b = text(append(b, `{"id":`...), r.ID)
	if b, err = moment(append(b, `,"time":`...), r.Time); err != nil {
		return nil, err
	}
	if !r.End.IsZero() {
		if b, err = moment(append(b, `,"end":`...), r.End); err != nil {
			return nil, err
		}
	}
	b = text(append(b, `,"site":`...), r.Site)
	b = text(append(b, `,"method":`...), r.Method)
	b = append(text(append(b, `,"url":`...), r.URL), ',')
	b = yes(b, `"masked":`, r.Masked)
	b = text(append(b, `"route":`...), r.Route)
	b = append(strconv.AppendInt(append(b, `,"status":`...), int64(r.Status), 10), ',')
	b = some(b, `"release":`, r.Release)
	b = text(append(b, `"viewer":`...), r.Viewer)
	b = append(text(append(b, `,"viewer_digest":`...), r.ViewerDigest), ',')
	b = yes(b, `"credentialed":`, r.Credentialed)
	b = yes(b, `"cached":`, r.Cached)
	b = append(strconv.AppendInt(append(b, `"age":`...), int64(r.Age), 10), ',')
	b = some(b, `"cache_status":`, r.CacheStatus)
	b = some(b, `"cache_control":`, r.CacheControl)
	b = some(b, `"vary":`, r.Vary)
	b = yes(b, `"set_cookie":`, r.SetCookie)
	b = yes(b, `"shareable":`, r.Shareable)
	if !r.Date.IsZero() {
		if b, err = moment(append(b, `"date":`...), r.Date); err != nil {
			return nil, err
		}
		b = append(b, ',')
	}
	b = these(b, `"surrogate_keys":`, r.SurrogateKeys)
	b = some(b, `"object":`, r.Object)
	b = yes(b, `"deceptive":`, r.Deceptive)
	b = some(b, `"content_type":`, r.ContentType)
	b = append(strconv.AppendInt(append(b, `"owners":`...), int64(r.Owners), 10), ',')
	b = some(b, `"people":`, r.People)
	b = append(strconv.AppendInt(append(b, `"own":`...), int64(r.Own), 10), ',')
	b = these(b, `"places":`, r.Places)
	b = these(b, `"own_places":`, r.OwnPlaces)
	b = yes(b, `"after_end":`, r.AfterEnd)
	b = some(b, `"trouble":`, r.Trouble)
	b = these(b, `"credentials":`, r.Credentials)
	b = some(b, `"looked":`, r.Looked)
	b = some(b, `"body":`, r.Body)
	if t := r.Twins; t != (candor.Twins{}) {
		b = strconv.AppendInt(append(b, `"twins":{"responses":`...), int64(t.Responses), 10)
		b = append(strconv.AppendInt(append(b, `,"viewers":`...), int64(t.Viewers), 10), ',')
		b = yes(yes(b, `"owner":`, t.Owner), `"overlap":`, t.Overlap)
		b = append(b[:len(b)-1], "},"...)
	}
	return append(b[:len(b)-1], '}'), nil
}

// moment appends a time.
func moment(b []byte, t time.Time) ([]byte, error) {
	written, err := t.MarshalJSON()
	return append(b, written...), err
}

// these appends a member that is a list and a comma, if there is something.
func these(b []byte, name string, list []string) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(append(b, name...), '[')
	for _, s := range list {
		b = append(text(b, s), ',')
	}
	return append(b[:len(b)-1], "],"...)
}

// some appends a member and a comma, if there is something.
func some(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return append(text(append(b, name...), s), ',')
}

func yes(b []byte, name string, is bool) []byte {
	if !is {
		return b
	}
	return append(append(b, name...), "true,"...)
}

// text appends a string as encoding/json writes it, which is asked about what is no printable ASCII.
func text(b []byte, s string) []byte {
	start := len(b)
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c >= 0x7f:
			quoted, _ := json.Marshal(s) // a string always can be
			return append(b[:start], quoted...)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '<' || c == '>' || c == '&':
			b = append(b, '\\', 'u', '0', '0', '0'+c>>4, "0123456789abcdef"[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// parse is json.Unmarshal into an empty entry.
func parse(data []byte, e *candor.Entry) error {
	r := reader{in: data}
	ds, rs := r.entry()
	if r.failed {
		return json.Unmarshal(data, e) // it is no entry, or as somebody else would write one
	}
	e.Disclosures, e.Responses = ds, rs
	if string(r.in) == "}" {
		return nil
	}
	return json.Unmarshal(append([]byte{'{'}, r.in...), e)
}

// reader reads disclosures and responses as encode writes them. What it does not know it leaves to encoding/json: then failed is set.
type reader struct {
	in     []byte
	failed bool
	last   [members]struct { // what was read for a member last: most are the same in all disclosures of a page
		written []byte
		text    string
		time    time.Time
	}
}

// entry reads up to the first member that is neither, or to the closing brace.
func (r *reader) entry() (ds []candor.Disclosure, rs []candor.Response) {
	r.expect('{')
	if r.found(`"disclosures":[`) {
		ds = make([]candor.Disclosure, 0, bytes.Count(r.in, []byte(`"owner":"`)))
		for more := true; more && !r.failed; more = r.more(']') {
			ds = append(ds, candor.Disclosure{})
			r.object(func(name []byte) { r.disclosure(&ds[len(ds)-1], name) })
		}
		if string(r.in) == "}" {
			return ds, nil
		}
		r.expect(',')
	}
	if r.found(`"responses":[`) {
		for more := true; more && !r.failed; more = r.more(']') {
			rs = append(rs, candor.Response{})
			r.object(func(name []byte) { r.response(&rs[len(rs)-1], name) })
		}
		if string(r.in) == "}" {
			return ds, rs
		}
		r.expect(',')
	}
	r.failed = r.failed || len(r.in) == 0 || r.in[0] != '"'
	return ds, rs
}

// object reads an object that has a member at least, each by a function.
func (r *reader) object(member func(name []byte)) {
	r.expect('{')
	for more := true; more && !r.failed; more = r.more('}') {
		name := r.word()
		r.expect(':')
		member(name[1 : len(name)-1])
	}
}

// more passes over the comma behind which a list goes on, or its end.
func (r *reader) more(end byte) bool {
	if r.take(end) {
		return false
	}
	r.expect(',')
	return true
}

func (r *reader) found(s string) bool {
	rest, ok := bytes.CutPrefix(r.in, []byte(s))
	if ok {
		r.in = rest
	}
	return ok
}

func (r *reader) disclosure(d *candor.Disclosure, name []byte) {
	switch string(name) {
	case "id":
		d.ID = r.text(0)
	case "source":
		d.Source = r.text(1)
	case "time":
		d.Time = r.time(2)
	case "site":
		d.Site = r.text(3)
	case "method":
		d.Method = r.text(4)
	case "url":
		d.URL = r.text(5)
	case "route":
		d.Route = r.text(6)
	case "status":
		d.Status = int(r.number())
	case "viewer":
		d.Viewer = r.text(7)
	case "owner":
		d.Owner = r.text(8)
	case "kind":
		d.Kind = candor.Kind(r.text(9))
	case "encoding":
		d.Encoding = r.text(10)
	case "evidence":
		set(&d.Evidence, r.text(11))
	case "masked":
		d.Masked = r.text(12)
	case "offset":
		d.Offset = r.number()
	case "length":
		d.Length = int(r.number())
	case "header":
		d.Header = r.text(13)
	case "class":
		d.Class = candor.Class(r.text(14))
	case "outcome":
		d.Outcome = candor.Outcome(r.text(15))
	case "viewer_digest":
		d.ViewerDigest = r.text(16)
	case "release":
		d.Release = r.text(17)
	case "link":
		d.Link = r.text(18)
	case "reason":
		d.Reason = r.text(19)
	case "cwe":
		d.CWE = r.text(20)
	case "third_party":
		d.ThirdParty = r.text(21)
	case "looked":
		d.Looked = r.text(22)
	case "cached":
		d.Cached = r.yes()
	case "response":
		d.Response = r.text(23)
	case "place":
		d.Place = r.text(24)
	case "after_end":
		d.AfterEnd = r.yes()
	case "country":
		d.Country = r.text(25)
	case "locale":
		d.Locale = r.text(26)
	case "credentials":
		d.Credentials = r.list()
	default:
		r.failed = true
	}
}

const members = 37

func (r *reader) response(p *candor.Response, name []byte) {
	switch string(name) {
	case "id":
		p.ID = r.text(23)
	case "time":
		p.Time = r.time(2)
	case "end":
		p.End = r.time(27)
	case "site":
		p.Site = r.text(3)
	case "method":
		p.Method = r.text(4)
	case "url":
		p.URL = r.text(5)
	case "masked":
		p.Masked = r.yes()
	case "route":
		p.Route = r.text(6)
	case "status":
		p.Status = int(r.number())
	case "release":
		p.Release = r.text(17)
	case "viewer":
		p.Viewer = r.text(7)
	case "viewer_digest":
		p.ViewerDigest = r.text(16)
	case "credentialed":
		p.Credentialed = r.yes()
	case "cached":
		p.Cached = r.yes()
	case "age":
		if p.Age = -1; !r.found("-1") {
			p.Age = int(r.number())
		}
	case "cache_status":
		p.CacheStatus = r.text(28)
	case "cache_control":
		p.CacheControl = r.text(29)
	case "vary":
		p.Vary = r.text(30)
	case "set_cookie":
		p.SetCookie = r.yes()
	case "shareable":
		p.Shareable = r.yes()
	case "date":
		p.Date = r.time(31)
	case "surrogate_keys":
		p.SurrogateKeys = r.list()
	case "object":
		p.Object = r.text(32)
	case "deceptive":
		p.Deceptive = r.yes()
	case "content_type":
		p.ContentType = r.text(33)
	case "owners":
		p.Owners = int(r.number())
	case "people":
		p.People = r.text(34)
	case "own":
		p.Own = int(r.number())
	case "places":
		p.Places = r.list()
	case "own_places":
		p.OwnPlaces = r.list()
	case "after_end":
		p.AfterEnd = r.yes()
	case "trouble":
		p.Trouble = r.text(35)
	case "credentials":
		p.Credentials = r.list()
	case "looked":
		p.Looked = r.text(22)
	case "body":
		p.Body = r.text(36)
	case "twins":
		r.object(func(name []byte) { r.twins(&p.Twins, name) })
	default:
		r.failed = true
	}
}

func (r *reader) twins(t *candor.Twins, name []byte) {
	switch string(name) {
	case "responses":
		t.Responses = int(r.number())
	case "viewers":
		t.Viewers = int(r.number())
	case "owner":
		t.Owner = r.yes()
	case "overlap":
		t.Overlap = r.yes()
	default:
		r.failed = true
	}
}

// set is for a type whose package is none of the journal's business.
func set[S ~string](to *S, s string) { *to = S(s) }

func (r *reader) take(c byte) bool {
	if len(r.in) == 0 || r.in[0] != c {
		return false
	}
	r.in = r.in[1:]
	return true
}

func (r *reader) expect(c byte) { r.failed = !r.take(c) || r.failed }

// word is a string as it is written, in its quotation marks.
func (r *reader) word() []byte {
	if len(r.in) > 0 && r.in[0] == '"' {
		if n := bytes.IndexByte(r.in[1:], '"'); n >= 0 && r.in[n] != '\\' { // nearly always: nothing in front of it is escaped
			w := r.in[:n+2]
			r.in = r.in[n+2:]
			return w
		}
	}
	for i := 1; i < len(r.in) && r.in[0] == '"'; i++ {
		switch r.in[i] {
		case '\\':
			i++
		case '"':
			w := r.in[:i+1]
			r.in = r.in[i+1:]
			return w
		}
	}
	r.failed = true
	return []byte(`""`)
}

// text is a member's string. One that was written the same last time is not made again.
func (r *reader) text(member int) string {
	w, last := r.word(), &r.last[member]
	if bytes.Equal(w, last.written) {
		return last.text
	}
	last.written = w
	for _, c := range w[1 : len(w)-1] {
		if c < ' ' || c >= 0x7f || c == '\\' {
			last.text = ""
			r.failed = json.Unmarshal(w, &last.text) != nil || r.failed
			return last.text
		}
	}
	last.text = string(w[1 : len(w)-1])
	return last.text
}

// list is a list of texts, of which there is one at least.
func (r *reader) list() (list []string) {
	for r.expect('['); !r.failed; r.expect(',') {
		if list = append(list, r.text(12)); r.take(']') {
			break
		}
	}
	return list
}

func (r *reader) time(member int) time.Time {
	w, last := r.word(), &r.last[member]
	if !bytes.Equal(w, last.written) {
		last.written, last.time = w, time.Time{}
		r.failed = last.time.UnmarshalJSON(w) != nil || r.failed
	}
	return last.time
}

func (r *reader) number() (n int64) {
	digits := 0
	for digits < len(r.in) && r.in[digits] >= '0' && r.in[digits] <= '9' {
		n = 10*n + int64(r.in[digits]-'0')
		digits++
	}
	if digits == 0 || digits > 18 || digits > 1 && r.in[0] == '0' {
		r.failed = true
		return 0
	}
	r.in = r.in[digits:]
	return n
}

func (r *reader) yes() bool {
	rest, ok := bytes.CutPrefix(r.in, []byte("true"))
	r.in, r.failed = rest, !ok || r.failed
	return ok
}
