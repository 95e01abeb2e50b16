package duties

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Calendar writes the clocks of one incident as iCalendar (RFC 5545): a VTODO with DUE for each duty, and for each undecided one, that
// has a time; times are UTC. A clock keeps its UID, so that a calendar that is fetched again moves what moved: host is the part behind the
// "@" (RFC 5545 §3.8.4.7). stamp is DTSTAMP.
func Calendar(incident, host string, duties []Duty, stamp time.Time) []byte {
	var b bytes.Buffer
	line(&b, "BEGIN:VCALENDAR")
	line(&b, "VERSION:2.0")
	line(&b, "PRODID:-//Candor//duties//EN")
	line(&b, "X-WR-CALDESC:"+text(Advice))
	for _, d := range duties {
		if d.Ruling != None && !d.At.IsZero() {
			todo(&b, incident, host, d, stamp)
		}
	}
	line(&b, "END:VCALENDAR")
	return b.Bytes()
}

func todo(b *bytes.Buffer, incident, host string, d Duty, stamp time.Time) {
	what := map[string]string{"regulator": "tell the regulator", "people": "tell the people", "controller": "tell the controller", "record": "write the record", "assess": "finish the assessment"}[d.Tell]
	summary := fmt.Sprintf("%s: %s (%s)", d.Place, what, d.Law)
	if d.Ruling == Undecided {
		summary = "Undecided: " + summary
	}
	description := fmt.Sprintf("Incident %s. %s: %s.\n%s.\nSource: %s [%s].\n%s", incident, d.Ruling, d.Why, d.Clock, d.Source, d.Mark, Advice)
	line(b, "BEGIN:VTODO")
	line(b, "UID:"+text(incident+"-"+d.ID+"@"+host))
	line(b, "DTSTAMP:"+utc(stamp))
	// RFC 5545 §3.8.2.3: DUE must be later than DTSTART, and a clock that ends where it starts does not exist.
	line(b, "DTSTART:"+utc(d.Start))
	line(b, "DUE:"+utc(d.At))
	line(b, "SUMMARY:"+text(summary))
	line(b, "DESCRIPTION:"+text(description))
	line(b, "STATUS:NEEDS-ACTION")
	alarm(b, summary, d.At.Sub(d.Start))
	line(b, "END:VTODO")
}

// alarm rings before DUE (RFC 5545 §3.8.6.3): a day before a clock of more than two days, an hour before a shorter one.
func alarm(b *bytes.Buffer, summary string, clock time.Duration) {
	before := "-PT1H"
	if clock > 48*time.Hour {
		before = "-P1D"
	}
	line(b, "BEGIN:VALARM")
	line(b, "ACTION:DISPLAY")
	line(b, "TRIGGER;RELATED=END:"+before)
	line(b, "DESCRIPTION:"+text(summary))
	line(b, "END:VALARM")
}

func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// text is a TEXT value (RFC 5545 §3.3.11): control characters but a line's end and a tab have no place in it, and what is not UTF-8
// becomes U+FFFD.
func text(s string) string {
	var b strings.Builder
	for _, c := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\\' || c == ';' || c == ',':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < ' ' && c != '\t' || c == 0x7f:
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// maxLine is how many octets a line may have without its break (RFC 5545 §3.1); no character is cut in two.
const maxLine = 75

func line(b *bytes.Buffer, s string) {
	for room := maxLine; len(s) > room; room = maxLine - 1 { // the space of a folded line counts
		cut := room
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		b.WriteString(s[:cut] + "\r\n ")
		s = s[cut:]
	}
	b.WriteString(s + "\r\n")
}
