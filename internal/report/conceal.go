package report

import (
	"slices"

	"candor.example/verify"
)

// together are facts that say the same: who withholds one withholds the other. Candor detects with the first exposure.
var together = [][2]string{{"/fix/contained_at", "/timeline/contained"}, {"/fix/fixed_at", "/timeline/fixed"}, {"/timeline/first_exposure", "/timeline/detected"}}

// counts are facts out of which others can be computed: regions and course sum up to people, and the hash of all figures can be found by trying.
var counts = []string{"/which/sites", "/which/surfaces", "/how_many/people", "/how_many/prevented", "/how_many/possible", "/how_many/records", "/how_many/viewers_count", "/how_many/exposures",
	"/how_many/fields_disclosed", "/timeline/first_exposure", "/timeline/last_exposure", "/timeline/detected", "/cause/trigger"}

// conceal takes out what would tell what is withheld.
func (d *drafter) conceal(r *verify.Report) {
	for _, pair := range together {
		a, _ := fieldAt(r, pair[0])
		b, _ := fieldAt(r, pair[1])
		d.alike(a, b)
		d.alike(b, a)
	}
	if p := r.HowMany.People; p.Status == verify.Withheld {
		regions, _ := fieldAt(r, "/which/regions")
		regions.withhold(p.AsOf, nil, p.Reason)
		r.Course.Points, r.Told = []verify.Point{}, verify.Told{Notices: r.Told.Notices}
	}
	if r.Timeline.First.Status == verify.Withheld || r.Timeline.Last.Status == verify.Withheld {
		r.Course.Points, r.Course.Releases = []verify.Point{}, []verify.Release{}
	}
	if r.HowMany.Prevented.Status == verify.Withheld {
		for i := range r.Course.Points {
			r.Course.Points[i].Prevented = 0
		}
		r.Course.Points = slices.DeleteFunc(r.Course.Points, func(p verify.Point) bool { return p.Exposed == 0 })
	}
	if r.Cause.Trigger.Status == verify.Withheld {
		r.Course.Releases = []verify.Release{}
		if v := r.Which.Sites.Value; v != nil {
			for i := range *v {
				(*v)[i].Version = ""
			}
		}
	}
	d.hideFigures(r)
}

func (d *drafter) alike(a, b field) {
	if a.status() == verify.Withheld && b.status() != verify.Withheld {
		b.withhold(d.now, nil, a.reason())
	}
}

// hideFigures: where one of the figures is withheld, the hash over all of them is said nowhere.
func (d *drafter) hideFigures(r *verify.Report) {
	all := fields(r)
	if !slices.ContainsFunc(all, func(f field) bool { return f.status() == verify.Withheld && slices.Contains(counts, f.pointer) }) {
		return
	}
	for _, f := range all {
		kept := slices.DeleteFunc(slices.Clone(f.evidence()), func(h string) bool { return h == d.figures })
		f.evidenceIs(kept)
	}
}
