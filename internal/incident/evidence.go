package incident

import "candor.example"

// Evidence is what is stored of one incident, and all that its cause is decided from: the same evidence gives the same verdict, now and
// when a new rule is tried on an old incident.
type Evidence struct {
	// Responses is a sample of the responses with a disclosure: the first Sample of them by their ID, which is random, so that it is
	// the same sample however the journal was cut into batches. Total is how many there were.
	Responses []candor.Response
	Total     int

	Kinds     []candor.Kind
	Encodings []string
	// Disclosures counts owner, kind and response; InURL those with CWE-598, ThirdParty those that another site was sent, InHeader
	// those in a response header.
	Disclosures, InURL, ThirdParty, InHeader int

	Spread Spread
	// Personal is what the route does when all is well: the viewer's own data, by place.
	Personal []candor.Personal
}

// Sample is how many responses of an incident are kept as evidence.
const Sample = 1000

// Spread is how an incident's people are spread over its viewers: one viewer with ten thousand owners is another story than ten
// thousand viewers with one.
type Spread struct {
	Owners     int           `json:"owners"`
	Viewers    int           `json:"viewers"`
	Pairs      int           `json:"pairs"`       // of an owner and a viewer
	MostOwners int           `json:"most_owners"` // that one viewer was shown
	MostViews  int           `json:"most_viewers"`
	Kinds      []ViewerCount `json:"kinds"`
	Top        []ViewerSeen  `json:"top"` // the ten viewers who were shown the most people
}

// ViewerSeen is one viewer, by digest.
type ViewerSeen struct {
	Digest string `json:"digest"`
	Kind   string `json:"kind"`
	Owners int    `json:"owners"`
}
