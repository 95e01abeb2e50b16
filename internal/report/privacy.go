package report

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"candor.example/internal/duties"
	"candor.example/verify"
)

// Together is the country of those that are inReasons together.
const Together = "other"

// merged counts the people of countries with fewer than least people together. Where these are few as well, so that the sum less what is named would tell of
// one country, the smallest that is named joins them. All that is left may be one row.
func merged(countries map[string]int, least int) []verify.Region {
	names := slices.Collect(maps.Keys(countries))
	slices.SortFunc(names, func(a, b string) int {
		if countries[a] != countries[b] {
			return countries[b] - countries[a]
		}
		return strings.Compare(a, b)
	})
	names = slices.DeleteFunc(names, func(c string) bool { return countries[c] == 0 })
	list, other := []verify.Region{}, 0
	for n := len(names) - 1; n >= 0 && (countries[names[n]] < least || 0 < other && other < least); n-- {
		other += countries[names[n]]
		names = names[:n]
	}
	for _, c := range names {
		list = append(list, verify.Region{Country: c, People: countries[c]})
	}
	if other > 0 {
		list = append(list, verify.Region{Country: Together, People: other})
	}
	return list
}

// plainSegment is a segment of a path that names a page and nobody: letters, a file's ending, and no digits but those of an API's version.
var plainSegment = regexp.MustCompile(`^(v[0-9]{1,2}|[A-Za-z][A-Za-z_-]{0,31}(\.[a-z]{2,5})?|\{[A-Za-z]{0,16}\}|)$`)

// publicRoute is a route as a report names it: a segment that may be somebody's, because it has digits, an at-sign or is long, becomes {}. What a site has learned
// to be variable has braces already.
func publicRoute(route string) string {
	method, path, ok := strings.Cut(route, " ")
	if !ok {
		method, path = "GET", route
	}
	path, _, _ = strings.Cut(path, "?")
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if !plainSegment.MatchString(s) {
			segments[i] = "{}"
		}
	}
	return method + " " + strings.Join(segments, "/")
}

// inReasons are the ways in which a duty's reason says how many people are somewhere. The limits are the law's, and stay.
var inReasons = []struct {
	words *regexp.Regexp
	with  string
}{
	{regexp.MustCompile(`\b\d+ people there, more than (\d+)`), "more than $1 people there"},
	{regexp.MustCompile(`\b\d+ people there, not more than (\d+)`), "not more than $1 people there"},
	{regexp.MustCompile(`\b\d+ people there, and the duty begins with (\d+)`), "fewer people there than the $1 with whom the duty begins"},
	{regexp.MustCompile(`\b\d+ people are known to be there and \d+ more may be`), "where some of the people live is not known"},
}

// withoutCounts takes out of duties what a report merges: places with fewer people than are named, and how many people are anywhere.
func withoutCounts(a duties.Answer, filed []Filed, least int) duties.Answer {
	var list []duties.Duty
	for _, d := range a.Duties {
		if d.People < least && len(filedUnder(d.ID, filed)) == 0 {
			continue
		}
		for _, c := range inReasons {
			d.Why = c.words.ReplaceAllString(d.Why, c.with)
		}
		list = append(list, d)
	}
	a.Duties = list
	return a
}
