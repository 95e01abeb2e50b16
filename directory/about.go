package directory

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"candor.example/scan"
)

// about is what a notice, and the law that asks for it, need to know of a customer: their language and their country. Either may be empty.
type about struct{ locale, country string }

const (
	maxLocale  = 35        // bytes: RFC 5646 §4.4.1
	maxCountry = 2 + 1 + 3 // ISO 3166-2
	// maxAbouts is how many different ones a snapshot tells apart, so that the number of each fits into two bytes. There are 250 countries,
	// and a shop has a few languages.
	maxAbouts = 1<<14 - 1
)

// About says what the customer file says of an owner: the locale (BCP 47) and the country (ISO 3166-1 or, such as US-CA, 3166-2), or
// nothing. It is asked with the identifier that was found, for which the owner was named.
func (d *Directory) About(owner string, _ scan.Kind, _ []byte) (locale, country string) {
	v := d.view()
	if v == nil || len(owner) > maxID || v.changes.forgets([]byte(owner)) {
		return "", ""
	}
	known := v.snapshot.about(owner, v.digester.id.digest([]byte(owner)).hi)
	runtime.KeepAlive(v.snapshot)
	added := v.changes.about(owner)
	return cmp.Or(added.locale, known.locale), cmp.Or(added.country, known.country)
}

// about reads a customer's locale and country. One that is none is left out, and problem told.
func (c *customer) about(problem func(field, message string)) (a about) {
	var ok bool
	if a.locale, ok = parseLocale(c.locale); !ok {
		problem("locale", "it is no language: write it as BCP 47 has it, such as de or en-GB")
	}
	if a.country, ok = parseCountry(c.country); !ok {
		problem("country", "it is no country: write it as two letters (ISO 3166-1), such as DE, or with its state (ISO 3166-2), such as US-CA")
	}
	return a
}

// parseLocale takes BCP 47, and what Unix and Java make of it (de_DE.UTF-8), and returns its canonical form; nothing for nothing.
func parseLocale(b []byte) (locale string, ok bool) {
	if len(b) == 0 {
		return "", true
	}
	b, _, _ = bytes.Cut(b, []byte("."))
	if len(b) > maxLocale {
		return "", false
	}
	tag, err := language.Parse(string(b))
	if locale = tag.String(); err != nil || tag == language.Und || len(locale) > maxLocale {
		return "", false
	}
	return locale, true
}

// parseCountry takes ISO 3166-1 alpha-2 and ISO 3166-2, in either case. Of the latter only the form is checked behind the country.
func parseCountry(b []byte) (country string, ok bool) {
	if len(b) == 0 {
		return "", true
	}
	if len(b) > maxCountry {
		return "", false
	}
	country, state, more := strings.Cut(strings.ToUpper(string(b)), "-")
	region, err := language.ParseRegion(country)
	if len(country) != 2 || err != nil || !region.IsCountry() || more && !subdivision(state) {
		return "", false
	}
	country = region.Canonicalize().String() // UK is GB
	if more {
		country += "-" + state
	}
	return country, true
}

// subdivision: ISO 3166-2 has one to three letters or digits behind the hyphen.
func subdivision(s string) bool {
	other := func(c rune) bool { return (c < 'A' || c > 'Z') && (c < '0' || c > '9') }
	return len(s) >= 1 && len(s) <= 3 && strings.IndexFunc(s, other) < 0
}

// abouts numbers the different ones from 1, in the order in which they come: those that most customers have are among the first.
type abouts struct {
	sync.Mutex
	numbers map[about]uint16
	list    []about
}

var errManyAbouts = fmt.Errorf("there are more than %d different pairs of locale and country", maxAbouts)

func (t *abouts) number(a about) (uint16, error) {
	if a == (about{}) {
		return 0, nil
	}
	t.Lock()
	defer t.Unlock()
	if n := t.numbers[a]; n > 0 {
		return n, nil
	}
	if len(t.list) == maxAbouts {
		return 0, errManyAbouts
	}
	if t.numbers == nil {
		t.numbers = map[about]uint16{}
	}
	t.list = append(t.list, a)
	t.numbers[a] = uint16(len(t.list))
	return uint16(len(t.list)), nil
}

// aboutCache remembers a worker's answers by how they were written, since a language takes a microsecond to parse.
type aboutCache map[string]uint16

const maxAboutCache = 4096

// aboutNumber is the number of what a row says about its customer. What is wrong with it is noted.
func (w *digesting) aboutNumber(c *customer) uint16 {
	if len(c.locale) == 0 && len(c.country) == 0 {
		return 0
	}
	w.record = append(append(append(w.record[:0], c.locale...), 0), c.country...)
	if n, ok := w.cache[string(w.record)]; ok {
		return n
	}
	written, problems := string(w.record), w.report.BadFields
	n, err := w.abouts.number(c.about(w.badField(c)))
	if err != nil {
		w.badField(c)("country", err.Error())
	}
	if w.cache == nil {
		w.cache = aboutCache{}
	}
	if w.report.BadFields == problems && len(w.cache) < maxAboutCache {
		w.cache[written] = n
	}
	return n
}

func (w *digesting) badField(c *customer) func(field, message string) {
	return func(field, message string) {
		w.report.BadFields++
		w.report.problem(c.line, field, message)
	}
}

// appendAbout and cutAbout: two texts, each behind its length.
func appendAbout(dst []byte, a about) []byte {
	dst = append(append(dst, byte(len(a.locale))), a.locale...)
	return append(append(dst, byte(len(a.country))), a.country...)
}

func cutAbout(b []byte) (a about, rest []byte, err error) {
	for _, f := range []struct {
		field *string
		most  int
	}{{&a.locale, maxLocale}, {&a.country, maxCountry}} {
		if len(b) == 0 || int(b[0]) > f.most || len(b) <= int(b[0]) {
			return a, nil, errAbout
		}
		n := 1 + int(b[0])
		*f.field, b = string(b[1:n]), b[n:]
	}
	return a, b, nil
}

var errAbout = errors.New("what it says about customers is corrupt")

// packNumber and unpackNumber: one byte for the first 127, two for the others.
func packNumber(dst []byte, n uint16) []byte {
	if n < 1<<7 {
		return append(dst, byte(n))
	}
	return append(dst, 1<<7|byte(n), byte(n>>7))
}

func unpackNumber(b []byte) (n uint16, rest []byte, ok bool) {
	switch {
	case len(b) > 0 && b[0] < 1<<7:
		return uint16(b[0]), b[1:], true
	case len(b) > 1 && b[1] < 1<<7:
		return uint16(b[0]&^(1<<7)) | uint16(b[1])<<7, b[2:], true
	}
	return 0, nil, false
}

// idSize is how many bytes the first customer of a bucket takes, with the number of what is known about them and up to the next; 0 where
// there is none.
func (h *header) idSize(b []byte) int {
	n := packedSize(b)
	if n > 0 && len(h.abouts) > 0 {
		_, rest, ok := unpackNumber(b[n:])
		if !ok {
			return 0
		}
		n = len(b) - len(rest)
	}
	return min(h.padded(n), len(b))
}

func (s *snapshot) about(id string, hash uint64) about {
	_, n, ok := s.refOf(id, hash)
	if !ok || n == 0 || int(n) > len(s.abouts) {
		return about{}
	}
	return s.abouts[n-1]
}

// about is what was said last of a customer who was added.
func (s *changes) about(id string) (a about) {
	for _, l := range s.layers {
		b := l.abouts[id]
		a = about{cmp.Or(b.locale, a.locale), cmp.Or(b.country, a.country)}
	}
	return a
}
