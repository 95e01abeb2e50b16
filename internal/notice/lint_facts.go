package notice

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/scan"
)

// fieldLists are the kinds of data that letters name.
var fieldLists = []string{"field-name", "field-email", "field-phone", "field-address", "field-password", "field-card", "field-order", "field-birth"}

var fieldWords = map[string]string{"field-name": "name", "field-email": "e-mail address", "field-phone": "telephone number", "field-address": "postal address",
	"field-password": "password", "field-card": "payment data", "field-order": "order history", "field-birth": "date of birth"}

// claim is where a letter says of a field that it was shown, or was not.
type claim struct {
	list  string
	s     *sentence
	where []int
	not   bool
}

// claims are what the main part says of fields. A clause with a word of denial denies its fields. Items of a list follow the sentence that opens it.
func (j *judge) claims() (list []claim) {
	opened, not := false, false // an open list's sentence was about disclosure, and denied it
	var later *Block            // what this block says next is about what may follow
	for _, s := range j.main {
		tells := j.has(s, "disclose")
		if s.block.Kind != Heading && j.has(s, "consequence") && !tells {
			later = s.block
		}
		switch {
		case s.block.Kind == Heading:
			opened, not = tells || j.has(s, "topic-information"), j.has(s, "not")
			continue
		case s.block.Kind == Quote || s.section == "topic-advice" || s.section == "topic-contact" || s.section == "topic-consequence" || s.block == later:
			continue
		case j.has(s, "sought"):
			list = append(list, j.fieldsIn(s, 0, len(s.text), true)...)
			later = s.block // "so please act as if yours was there"
			continue
		case s.block.Kind == Item && s.block.Number > 0:
			continue // a step of advice
		case s.block.Kind == Item && opened && !tells && !j.has(s, "not"):
			list = append(list, j.fieldsIn(s, 0, len(s.text), not)...)
			continue
		case tells || s.section == "topic-information" || j.has(s, "not") && j.has(s, "unknown"):
			list = append(list, j.clauses(s)...)
			opened, not = true, j.has(s, "not")
		default:
			opened = opened && s.block.Kind == Item
		}
	}
	return list
}

// clauses parts a sentence at "but" and at a comma before a denial: "your name was shown, not your password".
func (j *judge) clauses(s *sentence) (list []claim) {
	nots := s.find(j.w, "not")
	cuts := []int{0}
	for _, b := range s.find(j.w, "but") {
		cuts = append(cuts, b[0])
	}
	for i, c := range s.text {
		if c == ';' {
			cuts = append(cuts, i)
		}
	}
	for _, n := range nots {
		if strings.HasSuffix(strings.TrimRight(s.text[:n[0]], " "), ",") {
			cuts = append(cuts, n[0])
		}
	}
	slices.Sort(cuts)
	cuts = append(cuts, len(s.text))
	for i := range len(cuts) - 1 {
		from, to := cuts[i], cuts[i+1]
		at := sortedAt(nots, from)
		list = append(list, j.fieldsIn(s, from, to, at < len(nots) && nots[at][0] < to)...)
	}
	return list
}

func (j *judge) fieldsIn(s *sentence, from, to int, not bool) (list []claim) {
	for _, field := range fieldLists {
		for _, where := range s.find(j.w, field) {
			if where[0] >= from && where[1] <= to {
				list = append(list, claim{field, s, where, not})
				break
			}
		}
	}
	return list
}

// evidence are the fields that were shown, as lists.
func (j *judge) evidence() (shown map[string]bool) {
	shown = map[string]bool{}
	for _, k := range j.kinds() {
		switch k {
		case scan.Name:
			shown["field-name"] = true
		case scan.Phone:
			shown["field-phone"] = true
		default: // an address, or a digest of one, which names the same person
			shown["field-email"] = true
		}
	}
	for _, c := range j.credentials() {
		switch c {
		case scan.Password, scan.PasswordHash:
			shown["field-password"] = true
		case scan.CardNumber:
			shown["field-card"] = true
		}
	}
	return shown
}

func (j *judge) kinds() []candor.Kind {
	if j.person != nil {
		return j.person.Kinds
	}
	if j.facts != nil {
		return j.facts.Kinds
	}
	return nil
}

func (j *judge) credentials() []string {
	if j.person != nil {
		return j.person.Credentials
	}
	if j.facts != nil {
		return j.facts.Credentials
	}
	return nil
}

func (j *judge) looked() string {
	if j.person != nil {
		return j.person.Looked
	}
	if j.facts != nil {
		return j.facts.Looked
	}
	return ""
}

func (j *judge) known() bool { return j.facts != nil || j.person != nil }

// fields is N01.
func (j *judge) fields() {
	shown := map[string]claim{}
	for _, c := range j.claims() {
		if _, there := shown[c.list]; !there && !c.not {
			shown[c.list] = c
		}
	}
	if len(shown) == 0 {
		for _, s := range j.main {
			if vague := s.find(j.w, "field-vague"); len(vague) > 0 && s.section != "topic-contact" {
				j.at(s, vague[0], "names no field")
				return
			}
		}
		j.missing("it does not say what was disclosed")
		return
	}
	if !j.known() {
		return
	}
	evidence := j.evidence()
	for _, field := range fieldLists {
		c, said := shown[field]
		switch {
		case evidence[field] && !said:
			j.missing("evidence has the %s, and the letter does not say that it was shown", fieldWords[field])
		case said && !evidence[field]:
			j.at(c.s, c.where, "evidence has no %s", fieldWords[field])
		}
	}
}

// notDisclosed is N10.
func (j *judge) notDisclosed() {
	var none []claim
	for _, c := range j.claims() {
		if c.not {
			none = append(none, c)
		}
	}
	if len(none) == 0 && len(j.credentials()) > 0 {
		return // what was looked for was there
	}
	if len(none) == 0 {
		j.missing("it does not say what was not disclosed, or that this is not known")
		return
	}
	if !j.known() {
		return
	}
	evidence := j.evidence()
	for _, c := range none {
		secret := c.list == "field-password" || c.list == "field-card"
		switch {
		case j.has(c.s, "unknown"), j.has(c.s, "sought") && j.has(c.s, "not") && !j.has(c.s, "disclose"): // "we did not search for passwords"
		case evidence[c.list] && secret:
			j.at(c.s, c.where, "evidence has the %s", fieldWords[c.list])
		case secret && j.looked() != candor.LookedAll:
			j.at(c.s, c.where, "not all responses were looked at for it: nobody can say that it was not shown")
		}
	}
}

// toWhom is N02.
func (j *judge) toWhom() {
	told, number := false, false
	n := j.viewers()
	for _, s := range j.main {
		if !j.has(s, "viewer") || s.section == "topic-contact" {
			continue
		}
		told = told || j.has(s, "disclose", "unknown", "not")
		number = number || slices.Contains(values(j.figuresOf(s).numbers), n) || slices.ContainsFunc(strings.Fields(s.text), func(word string) bool { return numberWords[word] == n })
	}
	switch {
	case !told:
		j.missing("it does not say who saw it")
	case n > 0 && !number:
		j.missing("it does not say that %d saw it", n)
	}
}

// viewers is how many saw it, by evidence; 0: not known.
func (j *judge) viewers() (n int) {
	if j.person != nil {
		return j.person.Viewers
	}
	if j.facts != nil {
		for _, v := range j.facts.Viewers {
			n += v.Count
		}
	}
	return n
}

// when is N03.
func (j *judge) when() {
	var days, found []day
	var clocks []int
	zone := false
	for _, s := range j.main {
		f := j.figuresOf(s)
		zone = zone || j.has(s, "zone")
		if j.has(s, "discover") {
			found = append(found, values(f.days)...)
		}
		if s.block.Kind == Quote {
			continue
		}
		days = append(days, values(f.days)...)
		clocks = append(clocks, values(f.clocks)...)
	}
	distinct := slices.Compact(slices.SortedFunc(slices.Values(days), func(a, b day) int { return a.time().Compare(b.time()) }))
	switch {
	case len(days) == 0:
		j.missing("it does not say when")
	case len(clocks) < 2 && len(distinct) < 2+min(1, len(found)) && !j.instant():
		j.missing("it does not say from when to when")
	case len(clocks) > 0 && !zone:
		j.missing("its times have no zone")
	}
	if len(found) == 0 {
		j.missing("it does not say when it was discovered")
	}
	if j.facts != nil {
		j.compareTimes(days, found, clocks)
	}
}

// instant: all of it was in one minute.
func (j *judge) instant() bool {
	first, last := j.period()
	return !first.IsZero() && first.Truncate(time.Minute).Equal(last.Truncate(time.Minute))
}

// period is when it was shown, by evidence, in the publisher's zone.
func (j *judge) period() (first, last time.Time) {
	switch {
	case j.person != nil:
		first, last = j.person.First, j.person.Last
	case j.facts != nil:
		first, last = j.facts.First, j.facts.Last
	}
	return first.In(j.zone()), last.In(j.zone())
}

func (j *judge) zone() *time.Location {
	if j.facts != nil {
		if l, err := time.LoadLocation(j.facts.Publisher.Zone); err == nil {
			return l
		}
	}
	return time.UTC
}

func (j *judge) compareTimes(days, found []day, clocks []int) {
	first, last := j.period()
	for _, t := range []time.Time{first, last} {
		switch {
		case t.IsZero():
		case !slices.Contains(days, dayOf(t)):
			j.missing("evidence says %s, and the letter does not have this day", t.Format("2006-01-02"))
		case !slices.Contains(clocks, t.Hour()*60+t.Minute()):
			j.missing("evidence says %s, and the letter does not have this time", t.Format("2006-01-02 15:04 MST"))
		}
	}
	if d := j.facts.Detected.In(j.zone()); !j.facts.Detected.IsZero() && len(found) > 0 && !slices.Contains(found, dayOf(d)) {
		j.missing("it was discovered on %s, and the letter does not say so", d.Format("2006-01-02"))
	}
}

var hostName = regexp.MustCompile(`(?:^|[^a-z0-9@._-])((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z])`)

// hostsIn are the host names in folded text, not those of mail addresses.
func hostsIn(text string) (list []string) {
	for _, m := range hostName.FindAllStringSubmatchIndex(text, -1) {
		if m[3] < len(text) && text[m[3]] == '@' {
			continue
		}
		list = append(list, text[m[2]:m[3]])
	}
	return list
}

// where is N04.
func (j *judge) where() {
	named, page, right := false, false, false
	for _, s := range j.main {
		hosts := hostsIn(s.text)
		if len(hosts) == 0 && !j.has(s, "app-store") {
			continue
		}
		if j.facts != nil && slices.ContainsFunc(hosts, func(h string) bool { return sameHost(h, j.facts.Site) }) {
			right = true
		}
		if s.section == "topic-contact" || !j.has(s, "disclose", "page", "app-store") {
			continue
		}
		named = true
		page = page || j.has(s, "page", "app-store") || strings.Contains(s.text, "/")
	}
	switch {
	case !named:
		j.missing("it does not name the site or app")
	case j.facts != nil && !right:
		j.missing("it was on %s, and the letter does not say so", j.facts.Site)
	case !page:
		j.missing("it does not name the page")
	}
}

func sameHost(a, b string) bool {
	return strings.TrimPrefix(fold(a), "www.") == strings.TrimPrefix(fold(b), "www.")
}

// causeLists say by which words a letter states a verdict; a cause that is not here needs words of any cause.
var causeLists = map[incident.CauseID]string{
	incident.CauseSharedCache: "cause-cache", incident.CauseDeception: "cause-cache", incident.CauseFragment: "cause-cache",
	incident.CauseObjectAccess: "cause-access", incident.CauseAuthentication: "cause-access", incident.CauseListing: "cause-access",
	incident.CauseMixUp: "cause-mixup",
}

// cause is N05. Words of a cause count in sentences on what happened, not in advice.
func (j *judge) cause() {
	undetermined := j.facts != nil && j.facts.Cause == incident.CauseUndetermined
	list := "cause"
	if j.facts != nil && causeLists[j.facts.Cause] != "" {
		list = causeLists[j.facts.Cause]
	}
	stated, open := false, false
	for _, s := range j.main {
		if s.section == "topic-advice" || s.section == "topic-contact" || s.block.Kind == Heading || s.block.Kind == Quote {
			continue
		}
		if s.section == "topic-doing" || j.has(s, "prevention") {
			continue // "we now test each release" is no cause
		}
		stated = stated || j.has(s, list)
		open = open || j.has(s, "unknown")
	}
	if stated && !undetermined || undetermined && open {
		return
	}
	before := len(j.found)
	j.faults("cause-bare", "says nothing of the cause")
	switch {
	case len(j.found) > before:
	case undetermined:
		j.missing("the cause is not known yet, and the letter does not say so")
	case list != "cause":
		j.missing("the verdict is %q, and the letter does not say so in words", j.facts.Cause)
	default:
		j.missing("it does not state the cause")
	}
}

// fix is N06.
func (j *judge) fix() {
	var days []day
	done, dated, prevented := false, false, false
	for _, s := range j.main {
		if s.section == "topic-advice" || s.section == "topic-contact" || s.block.Kind == Quote {
			continue
		}
		prevented = prevented || j.has(s, "prevention")
		if !j.has(s, "fix") {
			continue
		}
		f := j.figuresOf(s)
		done, dated = true, dated || len(f.days)+len(f.clocks) > 0
		days = append(days, values(f.days)...)
		bare := s.find(j.w, "fix-bare")
		if len(bare) > 0 && j.facts != nil && j.facts.Fixed.IsZero() && !j.has(s, "not", "not-fixed") {
			j.at(s, bare[0], "it is not fixed yet, by the record")
		}
	}
	switch {
	case !done:
		j.missing("it does not say what was done")
	case !dated && !prevented:
		j.bareFix("says neither how, nor when, nor what keeps it from coming back")
	case !dated:
		j.bareFix("does not say when")
	case !prevented:
		j.missing("it does not say what keeps it from coming back")
	}
	if f := j.facts; dated && f != nil && !f.Fixed.IsZero() && !slices.Contains(days, dayOf(f.Fixed.In(j.zone()))) {
		j.missing("it was fixed on %s, and the letter does not say so", f.Fixed.In(j.zone()).Format("2006-01-02"))
	}
}

func (j *judge) bareFix(why string) {
	for _, s := range j.main {
		if bare := s.find(j.w, "fix-bare"); len(bare) > 0 {
			j.at(s, bare[0], "%s", why)
			return
		}
	}
	j.missing("what was done: it %s", why)
}

// peopleIn are numbers that count people, in front of the word or, in Japanese, before a counter.
func (j *judge) peopleIn(s *sentence) (list []figure[int]) {
	people := s.find(j.w, "people")
	for _, n := range j.figuresOf(s).numbers {
		at := sortedAt(people, n.end)
		if at < len(people) && people[at][0]-n.end <= 40 && !strings.ContainsAny(s.text[n.end:people[at][0]], "0123456789.;:") {
			list = append(list, n)
		}
	}
	return list
}

// howMany is N07.
func (j *judge) howMany() {
	said, later := false, false
	for _, s := range j.main {
		if s.block.Kind == Quote || s.section == "topic-contact" {
			continue
		}
		later = later || j.has(s, "update", "unknown") && len(j.figuresOf(s).days) > 0
		numbers := j.peopleIn(s)
		if len(numbers) == 0 || j.has(s, "viewer") && !j.has(s, "affected") {
			continue
		}
		if j.facts == nil || slices.ContainsFunc(numbers, func(n figure[int]) bool { return n.value == j.facts.People }) {
			said = true
		}
	}
	switch {
	case said:
	case j.facts != nil:
		j.missing("%d people were exposed, and the letter does not say so", j.facts.People)
	case !later:
		j.missing("it does not say how many people are affected")
	}
}

// numbers is N29: of one letter, every number of people is one that the facts have.
func (j *judge) numbers() {
	if j.facts == nil {
		return
	}
	f := j.facts
	known := map[int]bool{f.People: true, f.Prevented: true, f.Possible: true, f.Replayed: true, int(f.CleanSince): true}
	sum := 0
	for _, v := range f.Viewers {
		sum += v.Count
		known[v.Count] = true
	}
	known[sum] = true
	if p := j.person; p != nil {
		known[p.Viewers], known[p.Times] = true, true
	}
	for _, s := range j.main {
		for _, n := range j.peopleIn(s) {
			if !known[n.value] && s.block.Kind != Quote {
				j.at(s, []int{n.start, n.end}, "this number is not one of the facts")
			}
		}
	}
	if f.Report != nil && j.letter.Headers != nil && !slices.ContainsFunc(j.letter.Headers, func(h Header) bool { return strings.Contains(h.Value, f.Report.Hash) }) {
		j.add(Finding{Why: "no header carries the hash of the report", Part: "header"})
	}
}
