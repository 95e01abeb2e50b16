package incident

import (
	"math"
	"strings"
	"testing"

	"candor.example"
)

func TestPresume(t *testing.T) {
	both := []candor.Kind{"email", "name"}
	customers := []ViewerCount{{"customer", 3}}
	strangers := []ViewerCount{{"customer", 3}, {"anonymous", 1}}
	for name, test := range map[string]struct {
		f       SeverityFacts
		dpc, ei float64
		cb      float64
		level   Level
	}{
		"origin, viewers known":      {SeverityFacts{Kinds: both, Viewers: customers}, 1, 1, .25, Low},
		"origin, viewers unknown":    {SeverityFacts{Kinds: both, Viewers: strangers}, 1, 1, .5, Low},
		"a crawler is not known":     {SeverityFacts{Kinds: both, Viewers: []ViewerCount{{"crawler", 1}}}, 1, 1, .5, Low},
		"nobody knows the viewers":   {SeverityFacts{Kinds: both}, 1, 1, .5, Low},
		"luxury":                     {SeverityFacts{Trade: Luxury, Kinds: both, Viewers: customers}, 2, 1, .25, Medium},
		"adult":                      {SeverityFacts{Trade: Adult, Kinds: both, Viewers: strangers}, 3, 1, .5, High},
		"pharmacy":                   {SeverityFacts{Trade: Pharmacy, Kinds: both, Viewers: strangers}, 4, 1, .5, VeryHigh},
		"political":                  {SeverityFacts{Trade: Political, Kinds: both, Viewers: strangers}, 3, 1, .5, High},
		"religious":                  {SeverityFacts{Trade: Religious, Kinds: both, Viewers: customers}, 3, 1, .25, High},
		"cards":                      {SeverityFacts{Kinds: both, Credentials: []string{"card-number", "password"}, Viewers: customers}, 3, 1, .25, High},
		"password":                   {SeverityFacts{Kinds: both, Credentials: []string{"password"}, Viewers: customers}, 2, 1, .25, Medium},
		"a password in a pharmacy":   {SeverityFacts{Trade: Pharmacy, Kinds: both, Credentials: []string{"password"}, Viewers: customers}, 4, 1, .25, VeryHigh},
		"address alone":              {SeverityFacts{Kinds: []candor.Kind{"email"}, Viewers: customers}, 1, .75, .25, Low},
		"name alone":                 {SeverityFacts{Kinds: []candor.Kind{"name"}, Countries: []string{"DE"}, Viewers: customers}, 1, .25, .25, Low},
		"name alone, small country":  {SeverityFacts{Kinds: []candor.Kind{"name"}, Countries: []string{"DE", "MT"}, Viewers: customers}, 1, .5, .25, Low},
		"hash alone":                 {SeverityFacts{Kinds: []candor.Kind{"email-md5"}, Viewers: customers}, 1, .5, .25, Low},
		"on purpose, at the limit 2": {SeverityFacts{Kinds: both, Viewers: strangers, Walked: true}, 1, 1, 1, Medium},
	} {
		s := Presume(test.f)
		if s.DPC != test.dpc || s.EI != test.ei || s.CB != test.cb || s.Level != test.level || s.SE != test.dpc*test.ei+test.cb {
			t.Errorf("%s: %+v", name, s)
		}
		sum := map[string]float64{}
		for _, step := range s.Steps {
			sum[step.Part] += step.Add
			if step.Why == "" || step.What == "" {
				t.Errorf("%s: a step without a reason: %+v", name, step)
			}
		}
		if math.Min(sum["dpc"], 4) != s.DPC || sum["ei"] != s.EI || sum["cb"] != s.CB {
			t.Errorf("%s: the steps do not add up to the score: %v, %+v", name, sum, s)
		}
	}
}

func TestLevels(t *testing.T) {
	for se, want := range map[float64]Level{0: Low, 1.75: Low, 2: Medium, 2.75: Medium, 3: High, 3.75: High, 4: VeryHigh, 6: VeryHigh} {
		if got := levelOf(se); got != want {
			t.Errorf("%g is %q, want %q", se, got, want)
		}
	}
	if n := len(Presume(SeverityFacts{People: 100}).Flags); n != 0 {
		t.Error("100 people are flagged")
	}
	if n := len(Presume(SeverityFacts{People: 101}).Flags); n != 1 {
		t.Error("101 people are not flagged")
	}
}

func TestDeparture(t *testing.T) {
	ok := candor.Action{What: candor.Assessed, By: "counsel", Why: "no page showed what was bought", Details: map[string]string{"dpc": "3", "ei": "1", "cb": "0.25"}}
	presumed := Presume(SeverityFacts{Trade: Pharmacy})
	a, err := Assess(presumed, []candor.Action{{What: candor.Confirmed}, ok})
	if err != nil || a.Presumed.SE != 4.5 || a.Departed.SE != 3.25 || a.Holds().Level != High || a.By != "counsel" || a.Why == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	if a, _ := Assess(presumed, nil); a.Departed != nil || a.Holds().SE != 4.5 {
		t.Errorf("without an action: %+v", a)
	}
	for name, change := range map[string]func(*candor.Action){
		"needs a reason": func(a *candor.Action) { a.Why = " " },
		"dpc must be":    func(a *candor.Action) { a.Details["dpc"] = "5" },
		"ei must be":     func(a *candor.Action) { a.Details["ei"] = "0.3" },
		"cb must be":     func(a *candor.Action) { a.Details["cb"] = "NaN" },
	} {
		bad := ok
		bad.Details = map[string]string{"dpc": "3", "ei": "1", "cb": "0.25"}
		change(&bad)
		if _, err := Assess(presumed, []candor.Action{bad}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q, got %v", name, err)
		}
	}
}

func TestParseTrade(t *testing.T) {
	for _, name := range Trades() {
		if got, err := ParseTrade(name); err != nil || string(got) != name {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := ParseTrade(""); err != nil || got != General {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseTrade("chemist"); err == nil || !strings.Contains(err.Error(), "pharmacy") {
		t.Errorf("an unknown trade: %v", err)
	}
}
