package console

import (
	"net/http"

	"candor.example/internal/ledger"
)

func (c *Console) links(r *http.Request) (any, error) {
	list, err := c.o.Ledger.Links(r.Context())
	if list == nil {
		list = []ledger.Link{}
	}
	return list, err
}
