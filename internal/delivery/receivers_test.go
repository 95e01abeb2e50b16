package delivery

import (
	"context"
	"fmt"
	"maps"
	"net"
	"testing"

	"candor.example"
	"candor.example/internal/notice"
	"candor.example/internal/seal"
)

// People are counted by who runs their mail. A receiver with nine is not told by its name, one with ten is; whose seal does not open is said.
func TestReceivers(t *testing.T) {
	var all []Recipient
	add := func(n int, domain string) {
		for range n {
			owner := fmt.Sprint(len(all))
			all = append(all, Recipient{N: len(all), Person: notice.Person{Owner: owner}, Sealed: []candor.Sealed{sealed(t, owner, "email", "p"+owner+"@"+domain)}})
		}
	}
	add(6, "one.example")
	add(4, "two.example") // by the same provider
	add(9, "few.example")
	add(1, "gone.example")
	all = append(all, Recipient{N: len(all), Person: notice.Person{Owner: "x"}, Sealed: all[0].Sealed}, Recipient{N: len(all) + 1, Person: notice.Person{Owner: "y"}})
	recipients := func(_ context.Context, from, limit int) ([]Recipient, error) {
		return all[min(from, len(all)):min(from+limit, len(all))], nil
	}
	lookup := func(_ context.Context, domain string) ([]*net.MX, error) {
		if domain == "one.example." || domain == "two.example." {
			return []*net.MX{{Host: "mx1.provider.example."}}, nil
		}
		return nil, &net.DNSError{IsNotFound: true}
	}
	ring := map[string]seal.PrivateKey{keys().seal.Public().ID(): keys().seal}
	people, unopened, err := Receivers(t.Context(), ring, lookup, recipients)
	if want := map[string]int{"provider.example": 10, "other": 10}; err != nil || unopened != 2 || !maps.Equal(people, want) {
		t.Error(people, unopened, err)
	}
	if people, _, err := Receivers(t.Context(), ring, nil, recipients); err != nil || !maps.Equal(people, map[string]int{"other": 20}) {
		t.Error("without DNS:", people, err)
	}
}
