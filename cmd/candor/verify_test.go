package main

import (
	"testing"

	"candor.example"
)

// What counts as an answer to somebody who matters.
func TestAnswers(t *testing.T) {
	nobody, synthetic := SyntheticViewer{Name: "anonymous"}, SyntheticViewer{Name: "first", Customer: "900001"}
	for _, test := range []struct {
		method, recorded string
		who              SyntheticViewer
		status           int
		want             bool
	}{
		{"GET", "customer", synthetic, 200, true}, {"GET", "customer", synthetic, 204, true},
		{"GET", "customer", synthetic, 403, true}, {"GET", "customer", synthetic, 404, true}, {"GET", "customer", synthetic, 410, true},
		{"GET", "customer", synthetic, 401, false}, {"GET", "customer", synthetic, 302, false}, {"GET", "customer", synthetic, 429, false}, {"GET", "customer", synthetic, 400, false},
		{"GET", "customer", nobody, 401, false}, {"GET", "customer", nobody, 302, false}, {"GET", "customer", nobody, 404, false},
		{"GET", "anonymous", nobody, 401, true}, {"GET", "anonymous", nobody, 303, true}, {"GET", "anonymous", nobody, 403, true}, {"GET", "script", nobody, 200, true},
		{"POST", "customer", synthetic, 200, true}, {"POST", "customer", synthetic, 403, false}, {"POST", "anonymous", nobody, 401, false},
	} {
		if got := answers(candor.Response{Method: test.method, Viewer: test.recorded, Status: 200}, test.who, test.status); got != test.want {
			t.Errorf("%s, seen by %s, asked by %s: %d counts %v", test.method, test.recorded, test.who.Name, test.status, got)
		}
	}
}

// Clean is said only where every request has an answer.
func TestJudge(t *testing.T) {
	for v, want := range map[string]verification{
		"disclosing": {Asked: 2, Disclosing: 1, Open: 1}, "inconclusive": {Asked: 4, Answered: 2, Open: 1}, "clean": {Asked: 4, Answered: 2},
	} {
		if want.judge(); want.Result != v {
			t.Errorf("%+v", want)
		}
	}
	none := verification{}
	if none.judge(); none.Result != "inconclusive" {
		t.Error("nothing asked is nothing proved")
	}
}
