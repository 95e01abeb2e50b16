package notice

import (
	"testing"
	"time"
)

func TestFeasible(t *testing.T) {
	// 1,000 an hour, doubling each half hour, up to 50,000: 500, 1,000, 2,000, 4,000, 8,000, 16,000, then 25,000 in a half hour.
	people := map[string]int{"big.example": 400_000, "small.example": 500, "other": 100_000}
	f := Feasible(people, Limits{}, 72*time.Hour)
	if !f.InTime || f.Late != 0 || f.Last != "big.example" || f.Needs.Round(time.Minute) != 3*time.Hour+442*time.Minute {
		t.Errorf("%+v", f)
	}
	if got := f.Providers[1]; got.Name != "small.example" || got.Needs != 30*time.Minute {
		t.Errorf("%+v", got)
	}
	f = Feasible(people, Limits{}, 3*time.Hour)
	if f.InTime || f.Late != 400_000-31_500 {
		t.Errorf("%+v", f)
	}
	at, past := Feasible(map[string]int{"p.example": 31_500}, Limits{}, 3*time.Hour), Feasible(map[string]int{"p.example": 31_501}, Limits{}, 3*time.Hour)
	if !at.InTime || at.Late != 0 || past.InTime || past.Late != 1 {
		t.Errorf("at the limit %+v, one past it %+v", at, past)
	}
	f = Feasible(people, Limits{Total: 1000}, 72*time.Hour)
	if f.InTime || f.Late != 500_500-72_000 || f.Needs != 500*time.Hour+30*time.Minute {
		t.Errorf("%+v", f)
	}
	if f := Feasible(nil, Limits{}, 0); !f.InTime {
		t.Errorf("nobody: %+v", f)
	}
}
