package console

import (
	"errors"
	"net/http"

	"candor.example/internal/incident"
	"candor.example/internal/ledger"
)

func (c *Console) incidents(r *http.Request) (any, error) {
	list, err := c.o.Ledger.Incidents(r.Context())
	if list == nil {
		list = []incident.Incident{}
	}
	return list, err
}

// account is the page of one incident.
type account struct {
	ledger.Account
	Questions []incident.Answer `json:"questions"`
	Affected  []incident.Person `json:"affected"`
	Next      string            `json:"next,omitempty"` // owner to go on behind; empty: these are all
	After     string            `json:"-"`              // owner behind whom this page begins; empty: the first page
	plot      plot
}

// Plot is what the template draws; the JSON has the series itself.
func (a account) Plot() plot { return a.plot }

const peopleAPage = 50

func (c *Console) incident(r *http.Request) (any, error) {
	ctx, id := r.Context(), r.PathValue("id")
	a := account{After: r.URL.Query().Get("after")}
	var err error
	if a.Account, err = c.o.Ledger.Account(ctx, id); errors.Is(err, ledger.ErrNoIncident) {
		return nil, missing("There is no such incident.")
	} else if err != nil {
		return nil, err
	}
	a.Questions = incident.Questions(a.Incident, c.o.Now())
	// One more than are shown: it tells whether there is a next page.
	if a.Affected, err = c.o.Ledger.Affected(ctx, id, a.After, peopleAPage+1); err != nil {
		return nil, err
	}
	a.Affected, a.Next = firstOwners(a.Affected, peopleAPage)
	a.plot = newPlot(a.Series, a.Releases, c.o.Now())
	return a, nil
}

// firstOwners cuts a list after n owners, whose rows stand together, and names the last of them if there are more.
func firstOwners(list []incident.Person, n int) (first []incident.Person, next string) {
	for i := range list {
		if i > 0 && list[i].Owner != list[i-1].Owner {
			if n--; n == 0 {
				return list[:i], list[i-1].Owner
			}
		}
	}
	return append([]incident.Person{}, list...), ""
}
