package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"candor.example/scan"
	"candor.example/verify"
)

// Ready says what stands in the way of publishing a report, as of PublishedAt; nothing: it may be. A draft of which something is wrong can still be looked at.
func Ready(r verify.Report) (errs []error) {
	wrong := func(is bool, field, format string, a ...any) {
		if is {
			errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, a...)))
		}
	}
	p := r.Publisher
	wrong(p.LegalName == "" || p.Domain == "" || p.Contact.Role == "" || p.Contact.Email == "", "/publisher", "candor.yaml does not say who speaks and whom people can ask: notice.publisher")
	_, err := time.LoadLocation(p.Zone)
	wrong(err != nil, "/publisher/zone", "%q is no time zone such as Europe/Berlin", p.Zone)
	wrong(r.Log.Origin == "", "/log/origin", "the log has no name: report.origin in candor.yaml")
	for _, f := range fields(&r) {
		late := f.status() == verify.Unknown && !f.due().After(r.PublishedAt)
		wrong(late, f.pointer, "it was to be known by %s, which has passed: answer it, or set another day", f.due().Format(time.DateOnly))
	}
	for _, c := range r.Corrections {
		wrong(c.Revision == r.Revision && c.Why == "", c.Field, "%s was said before, and is %s now: say why", c.From, c.To)
	}
	for _, f := range append(verify.Rules(r), verify.Sums(r)...) {
		wrong(true, f.Field, "%s", f.Text)
	}
	return append(errs, addresses(r)...)
}

// Sum is the identity in words.
func Sum(t verify.Told) string {
	return fmt.Sprintf("%d affected = %d accepted + %d bounced + %d by another channel + %d in doubt + %d withheld + %d waiting", t.Affected, t.Accepted, t.Bounced, t.OtherChannel, t.InDoubt, t.Withheld,
		t.Waiting)
}

// addresses finds e-mail addresses in any encoding that are not those under which the publisher can be reached.
func addresses(r verify.Report) (errs []error) {
	own := []string{r.Publisher.Contact.Email, r.Publisher.DPO.Email}
	for _, f := range fields(&r) {
		if found := AddressIn(f.value()+" "+f.reason(), own); found != "" {
			errs = append(errs, fmt.Errorf("%s: it holds an e-mail address, %s: a report names no customer", f.pointer, scan.MaskEmail(found)))
		}
	}
	b, _ := json.Marshal(withoutHashes(r)) // what a report holds always can be
	if found := AddressIn(string(b), own); found != "" && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("it holds an e-mail address, %s: a report names no customer", scan.MaskEmail(found)))
	}
	return errs
}

// withoutHashes leaves out the publisher's own addresses, and what Candor itself puts in and nobody types: read as the bytes that they stand for, one hash in some thousands looks like an address.
func withoutHashes(r verify.Report) (rest verify.Report) {
	b, _ := json.Marshal(r)
	_ = json.Unmarshal(b, &rest)
	for _, f := range fields(&rest) {
		f.evidenceIs(nil)
	}
	rest.Previous, rest.Told.Notices = "", nil
	rest.Publisher.Contact.Email, rest.Publisher.DPO.Email = "", ""
	return rest
}

// AddressIn is the first e-mail address in a text, in any encoding, that is none of own, in whatever case; "": there is none.
func AddressIn(text string, own []string) (found string) {
	known := map[string]bool{}
	for _, o := range own {
		known[strings.ToLower(o)] = true
	}
	f := scan.Finder{Found: func(m scan.Match) bool {
		if m.Kind == scan.Email && !known[strings.ToLower(string(m.Value))] && found == "" {
			found = string(m.Value)
		}
		return m.Kind == scan.Email
	}}
	f.Find([]byte(text), true)
	return found
}
