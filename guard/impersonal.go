package guard

import (
	"net/url"
	"strings"

	"candor.example/directory"
	"candor.example/scan"
)

// What is kept or printed of a request, its URL and its route, holds no customer's name or telephone number: "/u/anna-muster",
// "?q=Anna+Muster", "?phone=0151…". Addresses are masked without asking whose they are.

// impersonalRoute has {id} where a customer's name or number stands in a route.
func impersonalRoute(d *directory.Directory, route string) string {
	if !d.Holds(scan.Name) && !d.Holds(scan.Phone) {
		return route
	}
	method, path, _ := strings.Cut(route, " ")
	path, changed := impersonalPath(d, path, "{id}")
	if !changed {
		return route
	}
	return method + " " + path
}

// impersonalURL has asterisks there.
func impersonalURL(d *directory.Directory, u *url.URL) *url.URL {
	if !d.Holds(scan.Name) && !d.Holds(scan.Phone) {
		return u
	}
	kept := *u
	if path, changed := impersonalPath(d, u.EscapedPath(), "****"); changed {
		kept.RawPath = path
		kept.Path, _ = url.PathUnescape(path)
	}
	fields := strings.Split(string(maskOwned(d, []byte(u.RawQuery))), "&")
	for i, field := range fields {
		if key, value, ok := strings.Cut(field, "="); ok && isPersonal(d, value) {
			fields[i] = key + "=****"
		} else if isPersonal(d, key) {
			fields[i] = "****"
		}
	}
	kept.RawQuery = strings.Join(fields, "&")
	return &kept
}

// maskOwned masks what a query says by its keys: "firstName=Anna&lastName=Muster".
func maskOwned(d *directory.Directory, query []byte) []byte {
	var hits []scan.Match
	f := scan.Finder{Names: true, Phones: true}
	f.Found = func(m scan.Match) bool {
		owned := d.Known(m.Kind, m.Value)
		if owned {
			hits = append(hits, m)
		}
		return owned
	}
	f.Find(query, true)
	for _, m := range hits {
		m.Mask(query[m.Offset : m.Offset+m.Length])
	}
	return query
}

func impersonalPath(d *directory.Directory, path, instead string) (_ string, changed bool) {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if isPersonal(d, s) {
			segments[i], changed = instead, true
		}
	}
	return strings.Join(segments, "/"), changed
}

// impersonalPlace has {} where a customer's name stands in a place.
func impersonalPlace(d *directory.Directory, place string) string {
	if !d.Holds(scan.Name) && !d.Holds(scan.Phone) {
		return place
	}
	start, changed := 0, ""
	for i := 0; i <= len(place); i++ {
		if i < len(place) && strings.IndexByte(".[]:$", place[i]) < 0 {
			continue
		}
		if name := place[start:i]; isPersonal(d, name) {
			changed += "{}"
		} else {
			changed += name
		}
		if i < len(place) {
			changed += place[i : i+1]
		}
		start = i + 1
	}
	return changed
}

// isPersonal: a part of a URL is a customer's name or number, with whatever joins words in URLs.
func isPersonal(d *directory.Directory, s string) bool {
	if len(s) < 4 {
		return false
	}
	if plain, err := url.PathUnescape(s); err == nil {
		s = plain
	}
	for _, number := range []string{s, "+" + s} { // a plus is a space in a query, and is left out
		if n, ok := scan.NormalizePhone(nil, []byte(number)); ok && d.Known(scan.Phone, n) {
			return true
		}
	}
	n, ok := scan.NormalizeName(nil, []byte(joiners.Replace(s)))
	return ok && d.Known(scan.Name, n)
}

var joiners = strings.NewReplacer("_", " ", "+", " ", "~", " ")
