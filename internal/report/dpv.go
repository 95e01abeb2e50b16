package report

import (
	"maps"
	"slices"
	"strings"
	"time"

	"candor.example/verify"
)

// DPVVersion is the version of the Data Privacy Vocabulary (W3C Data Privacy Vocabularies and Controls Community Group) whose terms ExportDPV uses.
const DPVVersion = "https://w3id.org/dpv/2.3"

// node is an object of JSON-LD.
type node map[string]any

// dpvContext is all that is needed to expand the document: no context is fetched.
var dpvContext = node{
	"dpv": "https://w3id.org/dpv#", "risk": "https://w3id.org/dpv/risk#", "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#", "pd": "https://w3id.org/dpv/pd#",
	"dct": "http://purl.org/dc/terms/", "schema": "https://schema.org/", "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "xsd": "http://www.w3.org/2001/XMLSchema#",
}

// ExportDPV writes a report in the W3C Data Privacy Vocabulary, as JSON-LD 1.1. What the report does not say is left out.
func ExportDPV(r verify.Report) map[string]any {
	n := node{"@context": dpvContext, "@id": "urn:candor:incident:" + r.Incident, "@type": dpvTypes(r), "dct:conformsTo": node{"@id": DPVVersion}, "dct:identifier": r.Incident,
		"dpv:hasDataController": node{"@type": "dpv:DataController", "schema:legalName": r.Publisher.LegalName, "schema:url": node{"@id": "https://" + r.Publisher.Domain + "/"}},
		"dct:isReferencedBy":    node{"@type": "eu-gdpr:DataBreachReport", "schema:version": r.Revision, "dct:issued": dpvTime(r.PublishedAt)}}
	n.put("dct:description", dpvWords(valueOr(r.Cause.Summary)))
	n.put("dpv:hasDataSubject", dpvPeople(r))
	n.put("dpv:hasPersonalData", dpvData(r))
	n.put("dpv:hasSeverity", dpvSeverity(r))
	n.put("dpv:hasConsequence", dpvConsequence(r))
	n.put("dpv:hasStatus", dpvStatus(r))
	n.put("dpv:isMitigatedByMeasure", dpvMeasures(r))
	n.put("dpv:hasNotice", dpvNotices(r))
	n.put("schema:startDate", dpvMoment(r.Timeline.First.Fact))
	n.put("schema:endDate", dpvMoment(r.Timeline.Last.Fact))
	return n
}

// put leaves out what is not there.
func (n node) put(name string, value any) {
	switch v := value.(type) {
	case nil:
		return
	case []any:
		if len(v) == 0 {
			return
		}
	case node:
		if len(v) == 0 {
			return
		}
	}
	n[name] = value
}

func id(term string) node { return node{"@id": term} }

func dpvTime(t time.Time) node {
	return node{"@type": "xsd:dateTime", "@value": t.UTC().Format(time.RFC3339)}
}

func dpvMoment(f verify.Fact[time.Time]) any {
	if f.Value == nil {
		return nil
	}
	return dpvTime(*f.Value)
}

func dpvWords(w verify.Words) (list []any) {
	for _, lang := range slices.Sorted(maps.Keys(w)) {
		list = append(list, node{"@language": lang, "@value": w[lang]})
	}
	return list
}

// dpvTypes: a breach of confidentiality by accident; where somebody used a mistake on purpose, deliberate.
func dpvTypes(r verify.Report) []any {
	how := "risk:AccidentalIncident"
	if _, action := verisCause(r); action["hacking"] != nil {
		how = "risk:DeliberateIncident"
	}
	return []any{"eu-gdpr:DataBreach", "eu-gdpr:ConfidentialityBreach", "risk:ConfidentialityIncident", how}
}

func dpvPeople(r verify.Report) node {
	p := r.HowMany.People.Value
	if p == nil {
		return nil
	}
	n := node{"@type": []any{"dpv:DataSubject", "dpv:Customer"}}
	if p.Exact != nil {
		n["dct:extent"] = node{"rdf:value": *p.Exact, "schema:unitText": "people"}
	} else {
		n["dct:extent"] = node{"schema:minValue": p.Lower, "schema:maxValue": p.Upper, "schema:unitText": "people"}
	}
	return n
}

// dpvData are the kinds of data: what the vocabulary has no word for is personal data.
func dpvData(r verify.Report) (list []any) {
	for _, field := range valueOr(r.HowMany.Disclosed) {
		term := "dpv:PersonalData"
		switch {
		case field == "name":
			term = "pd:Name"
		case field == "email":
			term = "pd:EmailAddress"
		case field == "phone":
			term = "pd:TelephoneNumber"
		case strings.HasPrefix(field, "email-"): // a hash of an address
			term = "dpv:PseudonymisedData"
		}
		list = append(list, node{"@type": term, "dct:title": field})
	}
	return list
}

// dpvSeverity: ENISA's four bands on the scale of five that begins at very low.
func dpvSeverity(r verify.Report) any {
	s := r.HowMany.Severity.Value
	if s == nil {
		return nil
	}
	return map[string]any{"low": id("risk:LowSeverity"), "medium": id("risk:ModerateSeverity"), "high": id("risk:HighSeverity"), "very high": id("risk:VeryHighSeverity")}[s.Band]
}

func dpvConsequence(r verify.Report) node {
	words := dpvWords(valueOr(r.Consequences))
	if len(words) == 0 {
		return nil
	}
	return node{"@type": "dpv:Consequence", "dct:description": words}
}

// dpvStatus is where the incident stands, and whether an authority has to be told under the GDPR.
func dpvStatus(r verify.Report) []any {
	list := []any{id("risk:IncidentOngoing")}
	switch {
	case r.Fix.FixedAt.Value != nil:
		list[0] = id("risk:IncidentMitigated")
	case r.Fix.ContainedAt.Value != nil:
		list[0] = id("risk:IncidentTerminated")
	}
	for _, g := range valueOr(r.Regulators) {
		if g.Duty == "yes" && isGDPR(g) {
			return append(list, id("eu-gdpr:DPABreachNotificationNeeded"))
		}
	}
	return list
}

func isGDPR(g verify.Regulator) bool { return strings.HasPrefix(g.Law, "GDPR") }

func dpvMeasures(r verify.Report) (list []any) {
	add := func(what any, at any) {
		n := node{"@type": "risk:IncidentMitigationMeasure", "dct:description": what}
		n.put("dct:date", at)
		list = append(list, n)
	}
	if how := r.Fix.ContainedHow.Value; how != nil {
		add(*how, dpvMoment(r.Fix.ContainedAt))
	}
	for _, p := range valueOr(r.Fix.Prevention) {
		add(dpvWords(p.Action), nil)
	}
	return list
}

// dpvNotices are those to people and those to authorities.
func dpvNotices(r verify.Report) (list []any) {
	if t := r.Told; t.Accepted+t.OtherChannel > 0 {
		n := node{"@type": "eu-gdpr:DataSubjectBreachNotice", "dpv:hasNoticeStatus": id("dpv:NoticeCommunicated"), "dct:extent": node{"rdf:value": t.Accepted + t.OtherChannel, "schema:unitText": "people"}}
		if !t.FirstAt.IsZero() {
			n["dct:issued"] = dpvTime(t.FirstAt)
		}
		list = append(list, n)
	}
	for _, g := range valueOr(r.Regulators) {
		if !g.Filed.IsZero() {
			list = append(list, dpvFiling(g))
		}
	}
	return list
}

func dpvFiling(g verify.Regulator) node {
	n := node{"@type": "dpv:DataBreachNotice", "dpv:hasNoticeStatus": id("dpv:NoticeCommunicated"), "dct:issued": dpvTime(g.Filed), "dct:audience": g.Authority}
	switch {
	case isGDPR(g) && g.Phase == Initial:
		n["@type"] = "eu-gdpr:DPABreachInitialNotice"
	case isGDPR(g):
		n["@type"] = "eu-gdpr:DPAPhasedBreachNotice"
	}
	if g.Reference != "" {
		n["dct:identifier"] = g.Reference
	}
	return n
}
