package incident

import (
	"fmt"
	"strings"

	"candor.example"
)

const (
	// harvest is how many people one viewer may have been shown without it being a sign. A household, a shared computer or a reload in a bad
	// hour show a few; guard's links use the same five (guard.Links.MaxWalk).
	harvest = 5
	// enoughViewers is how many viewers there must be before anything can be said of how people are spread over them: of fewer, ten at
	// the top are more than half of all by themselves.
	enoughViewers = 20
)

// Harvesting says from the figures whether somebody collected people, or why that cannot be said. Scrapers (OWASP Automated Threats, OAT-011) show
// as one viewer with many people; one that changes its address with each request shows as many anonymous viewers with one new person each,
// so where that is the picture, nothing is said.
func Harvesting(s Spread) string {
	figures := fmt.Sprintf("%s shown to %s; no viewer was shown more than %d, and the ten who were shown the most were shown %d of %d in all",
		count(s.Owners, "person was", "people were"), count(s.Viewers, "viewer", "viewers"), s.MostOwners, topTen(s), s.Pairs)
	switch {
	case s.Owners == 0:
		return "Nobody was shown to anybody."
	case s.MostOwners > harvest:
		return fmt.Sprintf("One viewer was shown %d of %s: that may be harvesting.", s.MostOwners, count(s.Owners, "person", "people"))
	case s.machines() > 0:
		return fmt.Sprintf("%s among the viewers, and may have kept copies: %s.", count(s.machines(), "crawler or script was", "crawlers or scripts were"), figures)
	case s.Viewers < enoughViewers:
		return fmt.Sprintf("Too few viewers to say whether anybody was harvesting: %s.", figures)
	case 2*s.kind("anonymous") > s.Viewers && 10*s.Owners >= 9*s.Pairs:
		return fmt.Sprintf("Whether anybody was harvesting cannot be said: most viewers were anonymous and each was shown somebody else, as one who changes address would be. %s.", sentence(figures))
	}
	return fmt.Sprintf("No sign of harvesting: %s.", figures)
}

func topTen(s Spread) (n int) {
	for i, v := range s.Top {
		if i < 10 {
			n += v.Owners
		}
	}
	return n
}

// machines are viewers that keep what they are shown, or may.
func (s Spread) machines() int {
	return s.kind("crawler") + s.kind("claimed-crawler") + s.kind("script")
}

func (s Spread) kind(kind string) (n int) {
	for _, k := range s.Kinds {
		if k.Kind == kind {
			n += k.Count
		}
	}
	return n
}

// Beside says which credentials stood in the responses with somebody's data, and how far that can be relied upon: looked is as in
// candor.Disclosure.
func Beside(kinds []string, looked string) string {
	switch {
	case len(kinds) > 0:
		return strings.Join(kinds, ", ")
	case looked == candor.LookedAll:
		return "none, and all of these responses were looked at"
	}
	return "none seen, but not all of these responses were looked at for them"
}
