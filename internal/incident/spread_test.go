package incident

import (
	"strings"
	"testing"
)

func TestHarvesting(t *testing.T) {
	few := func(viewers, most int, kinds ...ViewerCount) Spread {
		s := Spread{Owners: viewers, Viewers: viewers, Pairs: viewers, MostOwners: most, Kinds: kinds}
		for range min(10, viewers) {
			s.Top = append(s.Top, ViewerSeen{Owners: 1})
		}
		return s
	}
	for _, test := range []struct {
		s    Spread
		want string
	}{
		{Spread{}, "Nobody was shown"},
		{few(20, 5), "No sign of harvesting: 20 people were shown to 20 viewers; no viewer was shown more than 5, and the ten who were shown the most were shown 10 of 20 in all."},
		{few(20, 6), "One viewer was shown 6 of 20 people: that may be harvesting."},
		{few(19, 5), "Too few viewers"},
		{few(20, 1, ViewerCount{"crawler", 1}), "1 crawler or script was among the viewers"},
		{few(20, 1, ViewerCount{"anonymous", 10}, ViewerCount{"customer", 10}), "No sign"},
		{few(20, 1, ViewerCount{"anonymous", 11}, ViewerCount{"customer", 9}), "cannot be said"},
		{Spread{Owners: 17, Viewers: 20, Pairs: 20, MostOwners: 1, Kinds: []ViewerCount{{"anonymous", 20}}}, "No sign"}, // some were shown twice
		{Spread{Owners: 18, Viewers: 20, Pairs: 20, MostOwners: 1, Kinds: []ViewerCount{{"anonymous", 20}}}, "cannot be said"},
		{Spread{Owners: 10000, Viewers: 1, Pairs: 10000, MostOwners: 10000}, "One viewer was shown 10000 of 10000 people"},
	} {
		if got := Harvesting(test.s); !strings.Contains(got, test.want) {
			t.Errorf("%+v: %s", test.s, got)
		}
	}
}
