package console

import (
	"net/http"

	"candor.example/internal/ledger"
)

func (c *Console) latent(r *http.Request) (any, error) {
	list, err := c.o.Ledger.Latent(r.Context())
	if list == nil {
		list = []ledger.Latent{}
	}
	return list, err
}
