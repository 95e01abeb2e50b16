package suites

import "testing"

// Every deviation belongs to a listed suite, is declared once and says why.
func TestDeviations(t *testing.T) {
	seen := map[string]bool{}
	for i, row := range rows(t, deviations) {
		if New(t, row[0]); seen[row[0]+row[1]] || row[1] == "" || row[2] == "" {
			t.Errorf("deviations.csv, row %d: a case is declared once, with its reason", i+2)
		}
		seen[row[0]+row[1]] = true
	}
}
