package candor

import "slices"

// Facts are what Classify decides from.
type Facts struct {
	Owners  []string // who the identifier belongs to; more than one where customers share an address
	Viewer  Viewer
	Echoed  bool // the request's path, query, headers, cookies or the first 64 KiB of its body carried the identifier
	Allowed bool // a policy rule or the list of public addresses permits it
	// Link is the digest of the one unguessable token (64 bits or more) in the request's URL or body; empty when there
	// is none. LinkBroken says why it no longer counts as one: see Disclosure.Reason.
	Link       string
	LinkBroken string
	// ThirdParty: the identifier stands in a URL that browsers load from another site unasked. Then it is disclosed to that site, whoever
	// the viewer is.
	ThirdParty bool
}

// Classify names a match, in the order of DESIGN §2. A signed-in customer who opens somebody else's link is not given
// the benefit of Link: a link is for whoever is anonymous or not yet known.
func Classify(f Facts) Class {
	switch {
	case f.ThirdParty && !f.Allowed:
		return Disclosed
	case f.Viewer.Customer != "" && slices.Contains(f.Owners, f.Viewer.Customer):
		return Own
	case f.Echoed:
		return Echo
	case f.Allowed:
		return Allowed
	case f.Link != "" && f.LinkBroken == "" && f.Viewer.Customer == "" && f.Viewer.Crawler == "":
		return Link
	}
	return Disclosed
}
