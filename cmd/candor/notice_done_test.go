package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// A notice that is done says who was perhaps not told, and how to see who they are; one that told everybody says nothing of it.
func TestStatusOfWhatIsDone(t *testing.T) {
	c := notice.Campaign{ID: "not-1-a-1", Incident: "inc-1", Kind: notice.Affected, Phase: notice.Done, People: 10, Began: time.Unix(1, 0)}
	for _, test := range []struct {
		kind  notice.Kind
		tally map[notice.State]int
		want  []string
		not   string
	}{
		{notice.Affected, map[notice.State]int{notice.Accepted: 10}, nil, "candor notice people"},
		{notice.Affected, map[notice.State]int{notice.Accepted: 4, notice.InDoubt: 1, notice.Bounced: 2, notice.Withheld: 3}, []string{"1 person in doubt", "2 people bounced", "3 people withheld",
			"candor notice people not-1-a-1)", "candor notice people not-1-a-1 --state withheld"}, "queued"},
		// Nobody writes letters to viewers: where they live is not known.
		{notice.Viewers, map[notice.State]int{notice.Bounced: 1, notice.Withheld: 9}, []string{"1 person bounced", "9 people withheld", "--channel site"}, "notice export"},
	} {
		c.Kind = test.kind
		var b bytes.Buffer
		if err := printStatus(&b, c, ledger.Tally{Affected: 10, States: test.tally}); err != nil {
			t.Fatal(err)
		}
		for _, want := range test.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("without %q:\n%s", want, b.String())
			}
		}
		if strings.Contains(b.String(), test.not) {
			t.Errorf("with %q:\n%s", test.not, b.String())
		}
	}
}
