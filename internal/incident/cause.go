package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// CauseID names a cause, for programs: it does not change.
type CauseID string

// The causes that are told apart. A latent finding is none of them: nothing has leaked.
const (
	CauseSharedCache    CauseID = "shared-cache"
	CauseCoalesced      CauseID = "coalesced"
	CauseDeception      CauseID = "web-cache-deception"
	CauseObjectAccess   CauseID = "broken-object-authorisation"
	CauseExcessiveData  CauseID = "excessive-data"
	CauseAuthentication CauseID = "missing-authentication"
	CauseMixUp          CauseID = "session-mix-up"
	CauseFragment       CauseID = "cached-fragment"
	CauseMemory         CauseID = "memory-disclosure"
	CauseErrorPage      CauseID = "error-page"
	CauseURL            CauseID = "address-in-url"
	CauseHashed         CauseID = "hashed-twin"
	CauseListing        CauseID = "bulk-listing"
	CauseUndetermined   CauseID = "undetermined"
)

// Taxonomy is a cause in the words of those who list such things.
type Taxonomy struct {
	CWE     string `json:"cwe"` // of MITRE's list, 4.x
	CWEName string `json:"cwe_name"`
	// OWASP is a category with its name; List says of which list it is: the API Security Top 10 of 2023 has no word for some causes.
	OWASP string `json:"owasp"`
	List  string `json:"owasp_list"`
	// Action and Variety are VERIS 1.4.0's (action.error.variety, action.hacking.variety); its vector is "Web application" for all of them.
	Action  string `json:"veris_action"`
	Variety string `json:"veris_variety"`
}

const (
	api2023 = "OWASP API Security Top 10 2023"
	top2021 = "OWASP Top 10 2021"
)

// known is a cause as it is told, and the rule that decides it.
type known struct {
	id    CauseID
	title string // reads on behind "Cause: "
	Taxonomy
	rule func(*facts) finding
}

// causes, those that show in a single response first: of two candidates with as much to speak for them, the first is named first.
// CWE-488 and CWE-524 are children of CWE-668, which OWASP's list of 2021 counts to A01, as CWE-200, of which CWE-125's consequence is one.
var causes = []known{
	{CauseMemory, "memory disclosure: data behind the end of the document", Taxonomy{"CWE-125", "Out-of-bounds Read", "A01:2021 Broken Access Control", top2021, "error", "Programming error"}, memory},
	{CauseErrorPage, "an error or debug page showed what the shop was working on", Taxonomy{"CWE-209", "Generation of Error Message Containing Sensitive Information", "API8:2023 Security Misconfiguration", api2023, "error", "Misconfiguration"}, errorPage},
	{CauseDeception, "web cache deception: a personal page was asked for under a static file's name, and kept", Taxonomy{"CWE-524", "Use of Cache Containing Sensitive Information", "API8:2023 Security Misconfiguration", api2023, "hacking", "Exploit misconfig"}, deception},
	{CauseCoalesced, "requests were coalesced on a page that may not be shared", Taxonomy{"CWE-488", "Exposure of Data Element to Wrong Session", "API8:2023 Security Misconfiguration", api2023, "error", "Misconfiguration"}, coalesced},
	{CauseSharedCache, "shared cache kept a personal page", Taxonomy{"CWE-524", "Use of Cache Containing Sensitive Information", "API8:2023 Security Misconfiguration", api2023, "error", "Misconfiguration"}, sharedCache},
	{CauseFragment, "a fragment of a page was cached across people", Taxonomy{"CWE-524", "Use of Cache Containing Sensitive Information", "A01:2021 Broken Access Control", top2021, "error", "Programming error"}, fragment},
	{CauseMixUp, "sessions or connections were mixed up", Taxonomy{"CWE-488", "Exposure of Data Element to Wrong Session", "A01:2021 Broken Access Control", top2021, "error", "Programming error"}, mixUp},
	{CauseListing, "a bulk listing or export of people was open", Taxonomy{"CWE-862", "Missing Authorization", "API5:2023 Broken Function Level Authorization", api2023, "error", "Publishing error"}, listing},
	{CauseHashed, "a hash of the address, which is as good as the address, was shown", Taxonomy{"CWE-359", "Exposure of Private Personal Information to an Unauthorized Actor", "API3:2023 Broken Object Property Level Authorization", api2023, "error", "Programming error"}, hashed},
	{CauseURL, "an address was put into a URL", Taxonomy{CWE598, "Use of GET Request Method With Sensitive Query Strings", "A04:2021 Insecure Design", top2021, "error", "Programming error"}, inURL},
	{CauseAuthentication, "missing authentication: personal data was given to whoever asked", Taxonomy{"CWE-306", "Missing Authentication for Critical Function", "API2:2023 Broken Authentication", api2023, "error", "Programming error"}, authentication},
	{CauseObjectAccess, "broken object-level authorisation: whoever was signed in could open what is another's", Taxonomy{"CWE-639", "Authorization Bypass Through User-Controlled Key", "API1:2023 Broken Object Level Authorization", api2023, "error", "Programming error"}, objectAccess},
	{CauseExcessiveData, "excessive data in a response: it says more of people than the page needs", Taxonomy{"CWE-213", "Exposure of Sensitive Information Due to Incompatible Policies", "API3:2023 Broken Object Property Level Authorization", api2023, "error", "Programming error"}, excessiveData},
}

// CWE598 is what an identifier in a URL is recorded with (candor.Disclosure.CWE).
const CWE598 = "CWE-598"

// Verdict is what caused an incident, with what it rests on. How certain it is, its evidence says, and no percentage.
type Verdict struct {
	Cause CauseID `json:"cause"`
	Title string  `json:"title"`
	Taxonomy
	// Decided is the evidence that decided, in sentences with figures; for CauseUndetermined, what there is to go by.
	Decided []string `json:"decided"`
	// RuledOut are the causes that the evidence contradicts, with what contradicts them.
	RuledOut []Considered `json:"ruled_out"`
	// Candidates are the two that remain when nothing was decided, with what speaks for each; empty otherwise.
	Candidates []Considered `json:"candidates,omitempty"`
}

// Considered is a cause that is not the verdict.
type Considered struct {
	Cause CauseID `json:"cause"`
	Title string  `json:"title"`
	Why   string  `json:"why"`
}

// finding is what one rule makes of the evidence.
type finding struct {
	cause    *known
	pro, con []string // sentences; one con rules the cause out
	fits     int      // how many responses show what this cause would
	enough   bool     // what speaks for it would decide, if nothing contradicts it
}

func (f *finding) speaks(is bool, format string, a ...any) {
	if is {
		f.pro = append(f.pro, fmt.Sprintf(format, a...))
	}
}

func (f *finding) contradicts(is bool, format string, a ...any) {
	if is {
		f.con = append(f.con, fmt.Sprintf(format, a...))
	}
}

// Decide says what caused an incident. It asks every rule what speaks for its cause and what against it; when exactly one has enough to speak
// for it and nothing against, that is the verdict, and else it is undetermined.
func Decide(e Evidence) Verdict {
	f := gather(e)
	all := make([]finding, len(causes))
	for i := range causes {
		all[i] = causes[i].rule(f)
		all[i].cause = &causes[i]
	}
	var decided []finding
	for _, one := range all {
		if one.enough && len(one.con) == 0 {
			decided = append(decided, one)
		}
	}
	if len(decided) == 1 {
		return verdict(f, decided[0], all)
	}
	return undetermined(f, all)
}

func verdict(f *facts, one finding, all []finding) Verdict {
	v := Verdict{Cause: one.cause.id, Title: one.cause.title, Taxonomy: one.cause.Taxonomy, Decided: append(one.pro, f.basis())}
	if rest := f.n - one.fits; rest > 0 && one.fits > 0 {
		v.Decided = append(v.Decided, fmt.Sprintf("%s not show this, and may have another cause.", count(rest, "response does", "responses do")))
	}
	v.RuledOut = ruledOut(all, one.cause.id)
	return v
}

// undetermined names the two causes that remain: those that nothing contradicts, and of these what most responses fit.
func undetermined(f *facts, all []finding) Verdict {
	left := slices.Clone(all)
	slices.SortStableFunc(left, func(a, b finding) int {
		return cmp.Or(cmp.Compare(len(a.con), len(b.con)), -cmp.Compare(number(a.enough), number(b.enough)), -cmp.Compare(a.fits, b.fits))
	})
	v := Verdict{Cause: CauseUndetermined, Title: Undetermined, Decided: []string{f.basis()}}
	if len(f.Responses) == 0 {
		return v // nothing is known of any response: every cause remains
	}
	for _, c := range left[:2] {
		why := append(slices.Clone(c.pro), c.con...)
		if len(why) == 0 {
			why = []string{"Nothing contradicts it."}
		}
		v.Candidates = append(v.Candidates, c.cause.considered(why))
	}
	v.RuledOut = ruledOut(all, left[0].cause.id, left[1].cause.id)
	return v
}

func ruledOut(all []finding, but ...CauseID) (list []Considered) {
	for _, one := range all {
		if len(one.con) > 0 && !slices.Contains(but, one.cause.id) {
			list = append(list, one.cause.considered(one.con))
		}
	}
	return list
}

func (k *known) considered(why []string) Considered {
	return Considered{k.id, k.title, strings.Join(why, " ")}
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// String is the verdict in one sentence: "Shared cache kept a personal page (CWE-524, API8:2023 Security Misconfiguration)".
func (v Verdict) String() string {
	if v.Cause != CauseUndetermined {
		return fmt.Sprintf("%s (%s, %s)", sentence(v.Title), v.CWE, v.OWASP)
	}
	if len(v.Candidates) < 2 {
		return sentence(Undetermined)
	}
	return fmt.Sprintf("Undetermined: either %s, or %s", v.Candidates[0].Title, v.Candidates[1].Title)
}

// sentence begins with a capital.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
