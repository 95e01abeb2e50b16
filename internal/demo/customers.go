package demo

import (
	"embed"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

//go:embed web
var web embed.FS

// Customer is a made-up person with an account, or a guest with one order. It prints without its name and address.
type Customer struct {
	ID, Email, Name, Locale, Country string
	guest                            bool
	orders                           []*order
}

// Format keeps a customer's name and address out of logs and errors, whatever the verb.
func (c *Customer) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "customer:%s", c.ID) }

// password is what a simulated shopper types. A guest has none.
func (c *Customer) password() string { return "loom-" + c.ID }

// short is how a review is signed in public: "Amélie L."
func (c *Customer) short() string {
	first, rest, ok := strings.Cut(c.Name, " ")
	if !ok {
		return c.Name // written without a space: the family name cannot be told from it here
	}
	initial, _ := utf8.DecodeRuneInString(rest)
	return first + " " + string(initial) + "."
}

// WriteCustomers writes the customer file that `--customers` takes (DESIGN §7): CSV with a header.
func (s *Shop) WriteCustomers(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"id", "email", "name", "locale", "country"})
	for _, c := range s.customers {
		out.Write([]string{c.ID, c.Email, c.Name, c.Locale, c.Country})
	}
	out.Flush()
	return out.Error() // of any of the writes
}

// random is a source of its own for each purpose, so that a change to one leaves the others as they were.
func random(seed uint64, purpose string) *rand.Rand {
	var key [32]byte
	copy(key[:], fmt.Sprintf("%016x %s", seed, purpose))
	return rand.New(rand.NewChaCha8(key))
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

type people struct {
	locale, country, order string
	given, family          []spelling
}

type spelling struct{ written, latin string }

func makeCustomers(seed uint64, n int) []*Customer {
	r := random(seed, "customers")
	all := readPeople()
	ids, emails := map[string]bool{}, map[string]bool{}
	list := make([]*Customer, n)
	for i := range list {
		p := pick(r, all)
		given, family := pick(r, p.given), pick(r, p.family)
		list[i] = &Customer{
			ID:      newID(r, ids),
			Email:   newEmail(r, emails, given.latin, family.latin, p.country),
			Name:    p.fullName(given.written, family.written),
			Locale:  p.locale,
			Country: p.country,
			guest:   i%12 == 5,
		}
	}
	return list
}

// readPeople reads names.txt: a line that starts a group, then its given and its family names, indented.
func readPeople() []people {
	file, err := web.ReadFile("web/names.txt")
	if err != nil {
		panic(err) // embedded: cannot be missing
	}
	var all []people
	for line := range strings.Lines(string(file)) {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "#"):
		case !strings.HasPrefix(line, " "):
			all = append(all, people{locale: words[0], country: words[1], order: words[2]})
		case all[len(all)-1].given == nil:
			all[len(all)-1].given = spellings(words)
		default:
			all[len(all)-1].family = spellings(words)
		}
	}
	return all
}

func spellings(words []string) []spelling {
	list := make([]spelling, len(words))
	for i, w := range words {
		list[i].written, list[i].latin, _ = strings.Cut(w, "=")
	}
	return list
}

func (p people) fullName(given, family string) string {
	switch p.order {
	case "fg":
		return family + " " + given
	case "FG":
		return family + given
	}
	return given + " " + family
}

func newID(r *rand.Rand, taken map[string]bool) string {
	for {
		id := fmt.Sprintf("c_%010x", r.Uint64()>>24)
		if !taken[id] {
			taken[id] = true
			return id
		}
	}
}

// newEmail makes an address that nobody else has in any case of letters.
func newEmail(r *rand.Rand, taken map[string]bool, given, family, country string) string {
	domain := newDomain(r, family, country)
	local := newLocal(r, given, family)
	address := local + "@" + domain
	for n := 2; taken[strings.ToLower(address)]; n++ {
		address = fmt.Sprintf("%s%d@%s", local, n, domain)
	}
	taken[strings.ToLower(address)] = true
	if r.IntN(14) == 0 { // an address is one address in any case (RFC 5321 §2.4 frowns; every shop does it)
		return capitals(r, address)
	}
	return address
}

func newLocal(r *rand.Rand, given, family string) string {
	switch r.IntN(12) {
	case 0, 1:
		return given[:1] + "." + family
	case 2:
		return family + "." + given
	case 3:
		return given + "_" + family
	case 4:
		return fmt.Sprintf("%s%02d", given, 50+r.IntN(50))
	case 5:
		return given + "." + family + "+" + pick(r, []string{"shop", "lantern", "orders", "loom", "2018"})
	case 6:
		return given + "-" + family
	}
	return given + "." + family
}

func newDomain(r *rand.Rand, family, country string) string {
	switch r.IntN(24) {
	case 0, 1:
		return "fam-" + family + ".example"
	case 2:
		return family + ".example"
	case 3: // internationalised (RFC 5891), written as people write them
		return pick(r, []string{"müller-post.example", "bücherwurm.example", "почта.example", "post.blåbär.example"})
	case 4, 5, 6:
		return "mail." + strings.ToLower(country) + ".example"
	}
	return pick(r, []string{"mail.example", "post.example", "inbox.example", "webmail.example", "letterbox.example", "briefkasten.example"})
}

func capitals(r *rand.Rand, address string) string {
	local, domain, _ := strings.Cut(address, "@")
	switch r.IntN(3) {
	case 0:
		return strings.ToUpper(address)
	case 1:
		return strings.ToUpper(local) + "@" + domain
	}
	return strings.ToUpper(local[:1]) + local[1:] + "@" + domain
}
