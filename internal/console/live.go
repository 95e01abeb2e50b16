package console

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"time"
)

// refreshAfter is how old "12 s ago" may get on an open page while nothing else changes.
const refreshAfter = 10 * time.Second

// events tells an open page, once a second, of a state that is another than before: the page then fetches itself. It ends
// with the session.
func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for last := ""; c.sessions.has(r); {
		state, err := c.state(r)
		if err != nil {
			return
		}
		if state != last {
			last = state
			fmt.Fprintf(w, "data: %s\n\n", state)
			if http.NewResponseController(w).Flush() != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// state is another when anything that a page may show is. Each page carries the one that it was made from, so that nothing
// is missed between the page and its first event.
func (c *Console) state(r *http.Request) (string, error) {
	applied, err := c.o.Ledger.Applied(r.Context())
	if err != nil {
		return "", err
	}
	delivered, err := c.o.Ledger.Deliveries(r.Context())
	if err != nil {
		return "", err
	}
	status, err := json.Marshal(c.o.Status())
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %d %d %s", applied, delivered, c.o.Now().Unix()/int64(refreshAfter.Seconds()), status)
	return fmt.Sprintf("%016x", h.Sum64()), err
}
