package duties

import (
	"fmt"
	"slices"
	"strings"

	"candor.example"
	"candor.example/internal/incident"
)

// triggered judges one word of the vocabulary.
func triggered(word string, f Facts) (Ruling, string) {
	switch word {
	case "any":
		return Due, "any personal data"
	case "processor":
		return when(f.Processor, "the site is run for somebody else", "the operator is the controller")
	case "risk":
		if secret(f) {
			return Due, shown(f)
		}
		return unless(f, first(graver(incident.Medium, f)))
	case "high-risk":
		return graver(incident.High, f)
	case "serious-harm":
		if secret(f) {
			return Due, shown(f)
		}
		return unless(f, first(graver(incident.High, f)))
	case "listed":
		return listed(f)
	case "listed-or-login":
		return listedOrLogin(f)
	case "relevant-risk":
		return relevant(f)
	}
	return Undecided, "the rule's trigger is not known" // Parse lets none through
}

func when(held bool, yes, no string) (Ruling, string) {
	if held {
		return Due, yes
	}
	return None, no
}

// verdict is a ruling with its reason.
type verdict struct {
	ruling Ruling
	why    string
}

func first(r Ruling, why string) verdict { return verdict{r, why} }

// unless turns "no duty" into "undecided" where a credential may have been overlooked.
func unless(f Facts, v verdict) (Ruling, string) {
	if v.ruling == None && f.Looked != candor.LookedAll && len(f.Credentials) == 0 {
		return Undecided, v.why + "; but not all of it was looked at for passwords and card numbers"
	}
	return v.ruling, v.why
}

var levels = []incident.Level{incident.Low, incident.Medium, incident.High, incident.VeryHigh}

func graver(than incident.Level, f Facts) (Ruling, string) {
	said := fmt.Sprintf("the severity is %s (%g)", f.Severity.Level, f.Severity.SE)
	at := slices.Index(levels, f.Severity.Level)
	if at < 0 {
		return Undecided, "the severity is not known"
	}
	return when(at >= slices.Index(levels, than), said, said+", below "+string(than))
}

func has(f Facts, credentials ...string) bool {
	return slices.ContainsFunc(credentials, func(c string) bool { return slices.Contains(f.Credentials, c) })
}

func secret(f Facts) bool { return has(f, "password", "session-token", "card-number") }

func shown(f Facts) string { return "shown beside it: " + strings.Join(f.Credentials, ", ") }

// listed is a name with an element of the law's list. Of these lists Candor sees card numbers; it does not look for social security,
// licence or bank account numbers, and cannot tell what a pharmacy's page says of somebody's health.
func listed(f Facts) (Ruling, string) {
	named := slices.Contains(f.Kinds, "name")
	switch {
	case named && has(f, "card-number"):
		return Due, "a name with a card number; some laws ask for its security code as well, which Candor does not look for"
	case has(f, "card-number"):
		return Undecided, "a card number, but no name was recognised: look whether the page shows one"
	case named && f.Trade == incident.Pharmacy:
		return Undecided, "a name, and a pharmacy's pages may show medical information, which some laws list: look at the page"
	}
	return unless(f, verdict{None, "no name with an element that the law lists, as far as Candor looks: it sees card numbers, no social security or licence numbers"})
}

func listedOrLogin(f Facts) (Ruling, string) {
	address := slices.Contains(f.Kinds, "email")
	switch {
	case address && has(f, "password"):
		return Due, "an e-mail address with a password"
	case has(f, "password"):
		return Undecided, "a password, but no address was recognised: look whether the page shows a user name"
	}
	held, why := listed(f)
	if held == None && address && has(f, "password-hash", "session-token") {
		return Undecided, "an e-mail address with a password's hash or a session: whether these permit access is for a lawyer"
	}
	return held, why
}

// relevant is Brazil's and Japan's list, as far as Candor can see it.
func relevant(f Facts) (Ruling, string) {
	if secret(f) || has(f, "password-hash", "api-key") {
		return Due, shown(f)
	}
	switch f.Trade {
	case incident.Pharmacy, incident.Adult, incident.Political, incident.Religious:
		return Due, "the trade makes the data sensitive: " + string(f.Trade)
	}
	return unless(f, verdict{None, "neither credentials nor sensitive data"})
}
