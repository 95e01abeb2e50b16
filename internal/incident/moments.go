package incident

import "time"

// Moment is one of Moments by its name, with who or what set it.
type Moment struct {
	Name string    `json:"name"`
	Time time.Time `json:"time,omitzero"` // zero: not yet
	By   string    `json:"by"`
}

// List has all moments in the order in which they should happen.
func (m Moments) List() []Moment {
	by := func(name, usual string) string {
		if who := m.By[name]; who != "" {
			return who
		}
		return usual
	}
	return []Moment{
		{"introduced", m.Introduced, by("introduced", "the release before the first disclosure")},
		{"first disclosure", m.First, "candor"},
		{"detected", m.Detected, "candor"},
		{"aware", m.Aware, by("aware", "")},
		{"contained", m.Contained, by("contained", "")},
		{"determined", m.Determined, by("determined", "")},
		{"last disclosure", m.Last, "candor"},
		{"fixed", m.Fixed, by("fixed", "")},
		{"verified", m.Verified, by("verified", "")},
		{"reopened", m.Reopened, by("reopened", "candor")},
		{"closed", m.Closed, by("closed", "")},
	}
}
