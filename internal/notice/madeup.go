package notice

import "candor.example"

// MadeUp is a person who does not exist, for previews and seeds: what was shown of anybody was shown of them.
func MadeUp(f Facts, law Law, lang string) Person {
	p := Person{Owner: "0000", Name: "Alex Example", Locale: lang, Kinds: f.Kinds, Viewers: 3, Times: 4, First: f.First, Last: f.Last, Credentials: f.Credentials, Looked: f.Looked, Code: "DEM0-DEM0-DEM0"}
	if p.Country = "IE"; law == California {
		p.Country = "US"
	}
	if p.Looked == "" {
		p.Looked = candor.LookedPart
	}
	return p
}
