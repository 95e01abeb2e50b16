package report

import (
	"encoding/json"
	"slices"
	"time"

	"candor.example"
	"candor.example/internal/incident"
)

// The forms of evidence that a report names by its hash, beside rows of the audit, drafts of notices and frozen sets.
const (
	FiguresSchema = "candor.figures/v1"
	VerdictSchema = "candor.verdict/v1"
)

// figures are the numbers of an incident as the ledger had them when the report was drafted.
type figures struct {
	Schema      string                 `json:"schema"`
	Incident    string                 `json:"incident"`
	Site        string                 `json:"site"`
	Route       string                 `json:"route"`
	Release     string                 `json:"release"`
	People      int                    `json:"people"`
	Prevented   int                    `json:"prevented"`
	Possible    int                    `json:"possible"`
	Records     int                    `json:"records"`
	Exposures   int                    `json:"exposures"`
	Viewers     []incident.ViewerCount `json:"viewers"`
	Kinds       []candor.Kind          `json:"kinds"`
	Credentials []string               `json:"credentials"`
	Looked      string                 `json:"looked"`
	First       time.Time              `json:"first"`
	Last        time.Time              `json:"last"`
	Detected    time.Time              `json:"detected"`
}

// Evidence are the documents whose hashes a draft of the same Input names: whoever has them can compute the hashes. They hold no country, because what a
// report merges must not be found by trying.
func Evidence(in Input) []candor.Document {
	f := in.Facts
	return []candor.Document{
		document(FiguresSchema, figures{FiguresSchema, f.Incident, f.Site, f.Route, f.Release, f.People, f.Prevented, f.Possible, in.Records, in.Exposures, f.Viewers, f.Kinds, f.Credentials, f.Looked,
			f.First, f.Last, f.Detected}),
		document(VerdictSchema, in.Verdict),
	}
}

func document(schema string, v any) candor.Document {
	body, _ := json.Marshal(v) // numbers, texts and times always can be
	return candor.Document{Hash: candor.HashOf(body), Type: schema, Body: body}
}

// Source is what a hash of a draft's evidence is of, and how whoever has the ledger computes it.
type Source struct {
	Hash string `json:"hash"`
	What string `json:"what"`
	How  string `json:"how"`
}

// Sources lists what the hashes that a draft of the same Input may name are of.
func Sources(in Input) []Source {
	list := []Source{}
	for _, d := range Evidence(in) {
		list = append(list, Source{d.Hash, d.Type, "candor report evidence " + in.Facts.Incident + " " + d.Hash + " | sha256sum"})
	}
	for _, a := range in.Actions {
		if slices.Contains(moments, a.What) {
			list = append(list, Source{a.Hash, "the audit until " + a.What + " at " + a.Time.UTC().Format(time.RFC3339), "candor incident audit --json: hash; 'candor incident audit' follows the chain of them"})
		}
	}
	for _, h := range in.Told.Drafts {
		list = append(list, Source{h, "the notice as it was approved", "candor notice list --json: draft"})
	}
	for _, h := range in.Told.Sets {
		list = append(list, Source{h, "the set of people who are told", "candor notice list --json: set; a line for each person, as docs/report.md says"})
	}
	return list
}

// moments are the actions whose rows of the audit are evidence.
var moments = []string{candor.Confirmed, candor.Contained, candor.Determined, candor.Fixed, candor.Verified, candor.Assessed, candor.NoticeStarted, candor.ReportSet, candor.Filed}
