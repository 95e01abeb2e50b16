package report

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/duties"
	"candor.example/internal/incident"
	"candor.example/internal/notice"
	"candor.example/verify"
)

func TestCountriesWithFewPeopleAreMerged(t *testing.T) {
	for _, c := range []struct {
		countries map[string]int
		want      string
	}{
		{map[string]int{}, ""},
		{map[string]int{"DE": 10}, "DE 10"},
		{map[string]int{"DE": 9}, "other 9"},
		{map[string]int{"DE": 90, "LI": 10}, "DE 90, LI 10"},
		{map[string]int{"DE": 90, "FR": 50, "LI": 9}, "DE 90, other 59"}, // alone, other would be Liechtenstein
		{map[string]int{"DE": 90, "FR": 50, "LI": 5, "MC": 5}, "DE 90, FR 50, other 10"},
		{map[string]int{"DE": 90, "FR": 50, "LI": 4, "MC": 5}, "DE 90, other 59"},
		{map[string]int{"DE": 90, "": 3}, "other 93"},
		{map[string]int{"DE": 90, "": 12, "US-CA": 11}, "DE 90,  12, US-CA 11"},
		{map[string]int{"DE": 1, "FR": 0}, "other 1"},
	} {
		var got []string
		for _, r := range merged(c.countries, 10) {
			got = append(got, fmt.Sprint(r.Country, " ", r.People))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%v: %q, want %q", c.countries, strings.Join(got, ", "), c.want)
		}
	}
}

// However few people there are anywhere, no row is of fewer than ten but a lone one, and sums stay.
func TestNoCountryIsGivenAway(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		countries, sum := map[string]int{}, 0
		for range r.IntN(8) {
			n := 1 + r.IntN(25)
			countries[string([]byte{'A' + byte(r.IntN(26)), 'A' + byte(r.IntN(26))})] = n
		}
		for _, n := range countries {
			sum += n
		}
		list := merged(countries, 10)
		for _, one := range list {
			sum -= one.People
			if one.People < 10 && len(list) > 1 || one.People < 10 && one.Country != Together {
				t.Fatalf("%v: %v", countries, list)
			}
		}
		if sum != 0 {
			t.Fatalf("%v: %v: the sum is lost", countries, list)
		}
	}
}

func TestNoStepSinglesOut(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 500 {
		d := drafter{merge: 10}
		at, exposed, prevented := nov(20, 10, 0), 0, 0
		for range 1 + r.IntN(n+1) {
			p := incident.Point{Time: at, Exposed: r.IntN(4), Prevented: r.IntN(3)}
			if r.IntN(10) == 0 {
				p.Exposed = r.IntN(60)
			}
			exposed, prevented, at = exposed+p.Exposed, prevented+p.Prevented, at.Add(time.Duration(1+r.IntN(500))*incident.Step)
			d.Series = append(d.Series, p)
		}
		c := d.course()
		if len(c.Points) > maxPoints {
			t.Fatalf("%d points", len(c.Points))
		}
		for i, p := range c.Points {
			exposed, prevented = exposed-p.Exposed, prevented-p.Prevented
			lone := func(n int) bool { return n > 0 && n < 10 }
			if lone(p.Exposed) && slices.ContainsFunc(c.Points, func(o verify.Point) bool { return o != p && o.Exposed > 0 }) || lone(p.Prevented) && slices.ContainsFunc(c.Points, func(o verify.Point) bool { return o != p && o.Prevented > 0 }) {
				t.Fatalf("%+v of %+v", p, c.Points)
			}
			if i > 0 && !c.Points[i-1].Time.Before(p.Time) || p.Time.Unix()%int64(c.Step) != 0 {
				t.Fatalf("%+v: steps of %d s", c.Points, c.Step)
			}
		}
		if exposed != 0 || prevented != 0 {
			t.Fatalf("the sums are lost: %d, %d", exposed, prevented)
		}
	}
}

func TestRoutesNameNobody(t *testing.T) {
	for route, want := range map[string]string{
		"GET /orders/{id}":                                 "GET /orders/{id}",
		"GET /api/v2/orders":                               "GET /api/v2/orders",
		"GET /":                                            "GET /",
		"GET /orders/100234":                               "GET /orders/{}",
		"GET /u/anna.schmidt%40mail.example":               "GET /u/{}",
		"GET /u/anna@mail.example/orders":                  "GET /u/{}/orders",
		"GET /c-100234/x?id=100234":                        "GET /{}/x",
		"POST /graphql:OrderById":                          "POST /{}",
		"GET /dGhpcyBpcyBhIGxvbmcgdG9rZW4gb2Ygc29tZWJvZHk": "GET /{}",
		"GET /u/anna.schmidt":                              "GET /u/{}",
		"GET /static/orders.html":                          "GET /static/orders.html",
		"/orders":                                          "GET /orders",
	} {
		if got := publicRoute(route); got != want {
			t.Errorf("%s: %s, want %s", route, got, want)
		}
	}
}

// Reasons of duties say limits, which are the law's, and no count; a place with few people is not named unless its regulator was told.
func TestRegulatorsGiveNoCountsAway(t *testing.T) {
	number, limited := regexp.MustCompile(`[0-9]+`), 0
	for _, people := range []map[string]int{{"DE": 137, "FR": 3, "US-TX": 77}, {"DE": 37, "BR": 4, "US-CA": 61, "US": 17, "": 41}, {"JP": 1777, "": 13}, {"LI": 1}, {"IN": 9, "GB": 19}} {
		in := shop()
		in.Countries, in.Facts.People = people, 0
		for _, n := range people {
			in.Facts.People += n
		}
		in.Duties = duties.Shipped().Judge(duties.Facts{Kinds: in.Facts.Kinds, Looked: candor.LookedPart, People: people, Moments: in.Moments, Severity: in.Severity.Holds(), Now: in.Facts.AsOf})
		r, err := Draft(in)
		if err != nil {
			t.Fatal(err)
		}
		sums := map[int]bool{in.Facts.People: true} // of a law's places, such as the Union's countries
		for _, duty := range in.Duties.Duties {
			sums[duty.People] = true
		}
		for _, one := range *r.Regulators.Value {
			limited += strings.Count(one.Reason, "not more than ") + strings.Count(one.Reason, "; more than ")
			for _, n := range number.FindAllString(one.Reason, -1) {
				for sum := range sums {
					if n == fmt.Sprint(sum) && sum != 100 {
						t.Errorf("%v: %q says how many are there", people, one.Reason)
					}
				}
			}
			for _, n := range number.FindAllString(one.Reason, -1) {
				for _, count := range people {
					if n == fmt.Sprint(count) || n == fmt.Sprint(in.Facts.People) {
						t.Errorf("%v: %q says how many", people, one.Reason)
					}
				}
			}
			for place, prefix := range map[string]string{"IN": "DPDP", "BR": "LGPD"} {
				if n := people[place]; n > 0 && n < 10 && strings.HasPrefix(one.Law, prefix) {
					t.Errorf("%v: %s is named", people, one.Law)
				}
			}
		}
	}
	if limited == 0 {
		t.Error("no reason says a limit: this tests nothing")
	}
}

// The hash of a set with one person can be turned back by trying every id: it is not said.
func TestHashesOfFewAreNotSaid(t *testing.T) {
	for people, said := range map[int]bool{1: false, MergeBelow - 1: false, MergeBelow: true} {
		in := shop()
		in.Facts.People, in.Countries, in.Series = people, map[string]int{"DE": people}, nil
		in.Told.States = map[notice.State]int{notice.Accepted: 1}
		r, err := Draft(in)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(b), in.Told.Sets[0]); got != said {
			t.Errorf("%d people: the hash of the set is said: %t", people, got)
		}
		if people < MergeBelow && strings.Contains(string(b), `"DE"`) {
			t.Errorf("%d people: their country is said", people)
		}
	}
}

// What is withheld stands nowhere else, and cannot be computed from what is said.
func TestWithheldNumbersAreHidden(t *testing.T) {
	for field, gone := range map[string][]string{
		"/how_many/people":         {`160`, `"DE"`},
		"/timeline/first_exposure": {"2018-11-20T10:00:00Z\",\n      \"status", `"exposed": `},
		"/cause/trigger":           {"2018.47.2"},
		"/fix/fixed_at":            {"2018-11-21T08:00:00Z"},
		"/timeline/contained":      {"2018-11-20T10:38:00Z\",\n      \"by"},
		"/how_many/prevented":      {`"value": 40`},
		"/how_many/fields_disclosed": {`"value": [
        "name"`},
	} {
		in := shop()
		in.Facts.Replayed, in.Records, in.Exposures = 31, 321, 481
		in.Actions = append(in.Actions, set(field, "withheld", "", "The police ask us to."))
		r, err := Draft(in)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Marshal(r)
		if err != nil {
			t.Fatal(field, err)
		}
		for _, text := range gone {
			if strings.Contains(string(b), text) {
				t.Errorf("%s is withheld, and %q is said", field, text)
			}
		}
		if figures := Evidence(in)[0].Hash; slices.Contains(counts, field) && strings.Contains(string(b), figures) {
			t.Errorf("%s is withheld, and the hash of all figures is said", field)
		}
		if len(Ready(r)) > 0 {
			t.Error(field, Ready(r))
		}
		for _, lang := range notice.Languages {
			s, err := StatementOf(r, in.Facts, lang)
			if err != nil {
				t.Fatal(err)
			}
			if field == "/how_many/people" && strings.Contains(s.Text(), "160") {
				t.Errorf("%s: the statement says how many", lang)
			}
		}
	}
}

// Nobody's name is in it, whoever did what.
func TestNobodyIsNamed(t *testing.T) {
	in := shop()
	for i := range in.Actions {
		in.Actions[i].By = "Eve Beispiel"
	}
	for k := range in.Moments.By {
		in.Moments.By[k] = "Eve Beispiel"
	}
	in.Severity.By = "Eve Beispiel"
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "Eve") {
		t.Error("somebody is named")
	}
}

// An address in whatever is not a number is found, in any encoding.
func TestAddressesAreFound(t *testing.T) {
	in := map[string]func(*Input, string){
		"release":    func(in *Input, text string) { in.Facts.Release = text },
		"reference":  func(in *Input, text string) { in.Facts.FixReference = "mail of " + text },
		"prevention": func(in *Input, text string) { in.Facts.Prevention = notice.Words{"en": "We told " + text} },
		"surface":    func(in *Input, text string) { in.Facts.Surface = map[string]string{"en": "the page of " + text} },
		"severity":   func(in *Input, text string) { in.Severity.Why = "ask " + text },
		"releases":   func(in *Input, text string) { in.Releases[0].Name = text },
		"regulator": func(in *Input, text string) {
			in.Facts.Regulators = []notice.Regulator{{Authority: "ICO", Law: "UK GDPR", Reason: text}}
		},
	}
	const plain = "anna.schmidt@mail.example"
	for name, put := range in {
		addressIsFound(t, name, plain, put)
	}
	for _, text := range []string{"anna.schmidt%40mail.example", "YW5uYS5zY2htaWR0QG1haWwuZXhhbXBsZQ==", "anna.schmidt&#64;mail.example", `anna.schmidt\u0040mail.example`} {
		addressIsFound(t, "reference", text, in["reference"])
	}
}

func addressIsFound(t *testing.T, where, text string, put func(*Input, string)) {
	t.Helper()
	in := shop()
	put(&in, text)
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	if errs := Ready(r); len(errs) == 0 || strings.Contains(fmt.Sprint(errs), "anna.schmidt@") {
		t.Errorf("%s in %s: %v", text, where, errs)
	}
}

// A hash is bytes like any others, and some look like an address: what Candor puts in by itself keeps no report from being published.
func TestHashesAreNoAddresses(t *testing.T) {
	var hash string
	for n := 0; AddressIn(hash, nil) == ""; n++ {
		hash = fmt.Sprintf("%x", sha256.Sum256([]byte{byte(n), byte(n >> 8), byte(n >> 16)}))
	}
	r, err := Draft(shop())
	if err != nil {
		t.Fatal(err)
	}
	r.Previous, r.Told.Notices = hash, []string{hash}
	for _, f := range fields(&r) {
		f.evidenceIs([]string{hash})
	}
	for _, err := range addresses(r) {
		t.Errorf("%s: %v", hash, err)
	}
	r.Fix.Reference.Value = &hash
	if addresses(r) == nil {
		t.Error("and where somebody types, it is taken for what it looks like")
	}
}
