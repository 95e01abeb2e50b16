package console

import (
	"cmp"
	"net/http"
	"slices"

	"candor.example"
)

// share is one reason's part of all responses.
type share struct {
	Reason    string  `json:"reason"` // "inspected", or why not
	Responses int64   `json:"responses"`
	Bytes     int64   `json:"bytes"`
	Percent   float64 `json:"percent"` // of responses
}

const inspected = "inspected"

func reasonOf(s candor.Skip) string { return cmp.Or(string(s), inspected) }

func (c *Console) shares(r *http.Request) ([]share, error) {
	sums, err := c.o.Ledger.Coverage(r.Context(), c.o.Now().Add(-day))
	return sharesOf(sums), err
}

// sharesOf adds up by reason: what was inspected first, then the reasons by how often they were given.
func sharesOf(sums []candor.Coverage) []share {
	list := []share{}
	var all int64
	for _, v := range sums {
		i := slices.IndexFunc(list, func(s share) bool { return s.Reason == reasonOf(v.Skip) })
		if i < 0 {
			i, list = len(list), append(list, share{Reason: reasonOf(v.Skip)})
		}
		list[i].Responses += v.Responses
		list[i].Bytes += v.Bytes
		all += v.Responses
	}
	for i := range list {
		list[i].Percent = 100 * float64(list[i].Responses) / float64(max(1, all))
	}
	slices.SortStableFunc(list, func(a, b share) int {
		switch inspected {
		case a.Reason:
			return -1
		case b.Reason:
			return 1
		}
		return cmp.Compare(b.Responses, a.Responses)
	})
	return list
}

// routeRows is how many sums by route and reason the page of coverage shows, the largest first.
const routeRows = 300

// covered is the page of what was inspected and what was not.
type covered struct {
	Shares []share           `json:"shares"`
	Routes []candor.Coverage `json:"routes"`
	Cut    bool              `json:"cut,omitempty"` // there are more routes than are listed
}

func (c *Console) coverage(r *http.Request) (any, error) {
	shares, err := c.shares(r)
	if err != nil {
		return nil, err
	}
	routes, err := c.o.Ledger.RouteCoverage(r.Context(), c.o.Now().Add(-day), routeRows+1)
	v := covered{Shares: shares, Routes: append([]candor.Coverage{}, routes[:min(routeRows, len(routes))]...), Cut: len(routes) > routeRows}
	return v, err
}

// reasons says what the skips of guard and capture mean.
var reasons = map[string]string{
	inspected:             "looked at to the last byte",
	"media":               "pictures, video, sound and fonts",
	"websocket":           "another protocol took over the connection",
	"websocket-binary":    "binary WebSocket messages",
	"unknown-encoding":    "a content coding that Candor cannot decode",
	"malformed-encoding":  "broken compression",
	"document-encrypted":  "documents with a password",
	"document-malformed":  "broken documents",
	"document-unreadable": "documents that show pictures of text",
	"limit":               "decodes to more than the limit",
	"partial":             "a part of a file: what crosses its edges cannot be seen",
	"body-missing":        "the capture does not hold it",
	"failed":              "inspection broke",
	"stale":               "looked at, but with a directory that lacks new customers",
	"tripped":             "answered by Candor itself: the route was switched off",
	"absent":              "before Candor inspected this route at all", // incident.SkipAbsent
}
