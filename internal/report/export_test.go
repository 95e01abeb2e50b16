package report

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/piprate/json-gold/ld"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"candor.example/internal/incident"
	"candor.example/verify"
)

// rich is a report in which everything is said that can be.
func rich(t *testing.T) verify.Report {
	t.Helper()
	data, err := os.ReadFile("testdata/rich.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// generic is a value as JSON has it.
func generic(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func verisSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile("testdata/veris/verisc-merged.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("veris.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("veris.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every cause, of a report that says everything and of one that says next to nothing, is as VERIS's published schema wants it.
func TestVERISIsValid(t *testing.T) {
	schema := verisSchema(t)
	for id := range verisErrors {
		full, empty := rich(t), verify.Report{Incident: "i", PublishedAt: nov(22, 9, 0)}
		full.Cause.Mechanism.Value = &verify.Mechanism{ID: string(id), Title: "a title"}
		empty.Cause.Mechanism.Value = full.Cause.Mechanism.Value
		for _, r := range []verify.Report{full, empty} {
			v := ExportVERIS(r)
			if err := schema.Validate(generic(t, v)); err != nil {
				t.Errorf("%s: %v", id, err)
			}
			variety := v.Action["error"].(verisAction).Variety
			if !slices.Equal(variety, []string{verisErrors[id]}) {
				t.Errorf("%s: %v", id, variety)
			}
		}
	}
	if err := schema.Validate(generic(t, map[string]any{"incident_id": "i"})); err == nil {
		t.Error("the schema takes anything")
	}
}

// The causes are all that a verdict may name.
func TestVERISKnowsEveryCause(t *testing.T) {
	for _, id := range []incident.CauseID{incident.CauseSharedCache, incident.CauseCoalesced, incident.CauseDeception, incident.CauseObjectAccess, incident.CauseExcessiveData, incident.CauseAuthentication,
		incident.CauseMixUp, incident.CauseFragment, incident.CauseMemory, incident.CauseErrorPage, incident.CauseURL, incident.CauseHashed, incident.CauseListing, incident.CauseUndetermined} {
		if verisErrors[id] == "" {
			t.Errorf("%s has no variety", id)
		}
	}
}

func TestVERISSaysWhatTheReportSays(t *testing.T) {
	v := ExportVERIS(rich(t))
	c := v.Attribute.Confidentiality
	if v.SecurityIncident != "Confirmed" || c.Disclosure != "Yes" || c.Total != 6377 || v.Timeline.Incident != (verisDay{2026, 11, 20}) || *v.Timeline.Containment != (verisSpan{"Hours", 1}) {
		t.Errorf("%+v", v)
	}
	if _, hacked := v.Action["hacking"]; hacked {
		t.Error("a mistake is no attack")
	}
	r := rich(t)
	r.Cause.Mechanism.Value.ID = string(incident.CauseDeception)
	if v := ExportVERIS(r); v.Action["hacking"] == nil || v.Actor["external"] == nil {
		t.Errorf("%+v", v)
	}
}

// dpvTerms are the terms of DPV 2.3 that were read in its sources: github.com/w3c/dpv, 2.3/risk/modules/incident.ttl and 2.3/legal/eu/gdpr/modules/data_breach.ttl at
// commit b70b397; 2.2's modules incident_status, risk_levels, risk, notice, personal_data, entities_datasubject, entities_legalrole and pd/extended at 996cbd91.
var dpvTerms = map[string][]string{
	"https://w3id.org/dpv/risk#":          {"ConfidentialityIncident", "AccidentalIncident", "DeliberateIncident", "IncidentMitigationMeasure", "IncidentOngoing", "IncidentMitigated", "IncidentTerminated", "LowSeverity", "ModerateSeverity", "HighSeverity", "VeryHighSeverity"},
	"https://w3id.org/dpv/legal/eu/gdpr#": {"DataBreach", "ConfidentialityBreach", "DataBreachReport", "DataSubjectBreachNotice", "DPABreachInitialNotice", "DPAPhasedBreachNotice", "DPABreachNotificationNeeded"},
	"https://w3id.org/dpv/pd#":            {"Name", "EmailAddress", "TelephoneNumber"},
	"https://w3id.org/dpv#": {"DataController", "DataSubject", "Customer", "Consequence", "DataBreachNotice", "NoticeCommunicated", "PersonalData", "PseudonymisedData", "hasDataController", "hasDataSubject",
		"hasPersonalData", "hasSeverity", "hasConsequence", "hasStatus", "isMitigatedByMeasure", "hasNotice", "hasNoticeStatus"},
}

// offline refuses to fetch a context.
type offline struct{ t *testing.T }

func (o offline) LoadDocument(u string) (*ld.RemoteDocument, error) {
	o.t.Errorf("the document wants %s to be fetched", u)
	return nil, os.ErrNotExist
}

// Expanded, every name is an IRI, and every one of DPV's is a term that it has.
func TestDPVExpands(t *testing.T) {
	everything := rich(t)
	everything.HowMany.Disclosed.Value = &[]string{"name", "email", "phone", "email-md5", "card-number"}
	list := append(*everything.Regulators.Value, verify.Regulator{Authority: "ICO", Law: "UK GDPR art. 33(1)", Duty: "yes", Filed: nov(22, 9, 0), Phase: Initial}, verify.Regulator{Authority: "CNIL", Law: "GDPR art. 33(1)", Filed: nov(23, 9, 0), Phase: FollowUp})
	everything.Regulators.Value = &list
	for name, r := range map[string]verify.Report{"rich": everything, "bare": {Incident: "i", PublishedAt: nov(22, 9, 0)}} {
		options := ld.NewJsonLdOptions("")
		options.DocumentLoader = offline{t}
		var doc any
		data, err := json.Marshal(ExportDPV(r))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		expanded, err := ld.NewJsonLdProcessor().Expand(doc, options)
		if err != nil || len(expanded) != 1 {
			t.Fatalf("%s: %v, %v", name, expanded, err)
		}
		iris := irisOf(expanded)
		for _, iri := range iris {
			space, term, _ := strings.Cut(iri, "#")
			terms, ours := dpvTerms[space+"#"]
			if ours && !slices.Contains(terms, term) || !ours && strings.Contains(iri, "w3id.org/dpv") && iri != DPVVersion {
				t.Errorf("%s: %s is no term that was read in DPV's sources", name, iri)
			}
		}
		if name == "rich" && len(iris) < 60 {
			t.Errorf("only %d names came out of it: some were dropped", len(iris))
		}
		dropped(t, doc, iris)
	}
}

// irisOf are the names of properties, types and things in an expanded document.
func irisOf(v any) (list []string) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			list = append(list, irisOf(one)...)
		}
	case map[string]any:
		for name, value := range v {
			if !strings.HasPrefix(name, "@") {
				list = append(list, name)
			}
			if text, ok := value.(string); ok && (name == "@id" || name == "@type") {
				list = append(list, text)
			}
			if types, ok := value.([]any); ok && name == "@type" {
				for _, one := range types {
					list = append(list, one.(string))
				}
			}
			list = append(list, irisOf(value)...)
		}
	}
	return list
}

// dropped finds names that expansion left out because they have no meaning in the context.
func dropped(t *testing.T, v any, iris []string) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			dropped(t, one, iris)
		}
	case map[string]any:
		for name, value := range v {
			prefix, term, _ := strings.Cut(name, ":")
			if name == "@context" {
				continue
			}
			if space, known := dpvContext[prefix].(string); !strings.HasPrefix(name, "@") && (!known || !slices.Contains(iris, space+term)) {
				t.Errorf("%s was dropped", name)
			}
			dropped(t, value, iris)
		}
	}
}

func TestDPVCountsAsTheReport(t *testing.T) {
	n := ExportDPV(rich(t))
	if n["dpv:hasDataSubject"].(node)["dct:extent"].(node)["rdf:value"] != 3210 {
		t.Errorf("%v", n["dpv:hasDataSubject"])
	}
	if len(n["dpv:hasNotice"].([]any)) != 2 {
		t.Errorf("%v", n["dpv:hasNotice"])
	}
}
