package notice

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/notices.md")

// The rules in docs/notices.md are made from rules.yaml, and its places are those that there are.
func TestTheDocumentationIsMadeFromTheRules(t *testing.T) {
	const file, begin, end = "../../docs/notices.md", "<!-- rules -->\n", "<!-- /rules -->\n"
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		if !strings.Contains(string(have), "`{"+p+"}`") {
			t.Errorf("docs/notices.md does not name {%s}", p)
		}
	}
	before, rest, found := strings.Cut(string(have), begin)
	_, after, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatal("docs/notices.md has lost the comments between which the rules are")
	}
	want := before + begin + rulesTable() + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(have) {
		t.Error("docs/notices.md is not as the rules are: go test ./internal/notice -run Documentation -update")
	}
}

func rulesTable() string {
	var b strings.Builder
	b.WriteString("| rule | | what | what Candor looks at | after |\n|---|---|---|---|---|\n")
	for _, r := range Rules() {
		level := r.Level
		if r.Viewers {
			level += " V"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.ID, level, r.Title, strings.ReplaceAll(r.Looks, "|", "\\|"), r.Source)
	}
	return b.String()
}
