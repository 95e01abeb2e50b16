package console

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"candor.example/internal/incident"
	"candor.example/internal/ledger"
)

// explanation is the page that shows where an incident's numbers come from.
type explanation struct {
	Incident incident.Incident `json:"incident"`
	Figures  []figure          `json:"figures"`
	Agree    bool              `json:"agree"` // all of them do
}

type figure struct {
	ledger.Figure
	Same bool `json:"agrees"`
}

func (c *Console) explanation(r *http.Request) (any, error) {
	ctx, id := r.Context(), r.PathValue("id")
	i, err := c.o.Ledger.Incident(ctx, id)
	if errors.Is(err, ledger.ErrNoIncident) {
		return nil, missing("There is no such incident.")
	} else if err != nil {
		return nil, err
	}
	list, err := c.o.Ledger.Explain(ctx, id)
	e := explanation{Incident: i, Figures: []figure{}, Agree: true}
	for _, f := range list {
		e.Figures = append(e.Figures, figure{f, f.Agrees()})
		e.Agree = e.Agree && f.Agrees()
	}
	return e, err
}

// Anchor is the figure's name in an address.
func (f figure) Anchor() string { return strings.ReplaceAll(f.Name, " ", "-") }

// Said is a value as people read it: times are stored in nanoseconds.
func (f figure) Said(v int64) string {
	if strings.HasSuffix(f.Name, " seen") {
		return time.Unix(0, v).UTC().Format("2 Jan 2006, 15:04:05.000 UTC")
	}
	return number(v)
}
