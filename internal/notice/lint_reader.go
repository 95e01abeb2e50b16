package notice

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// consequences is N08.
func (j *judge) consequences() {
	for _, s := range j.main {
		if s.block.Kind != Heading && s.block.Kind != Quote && (j.has(s, "consequence") || s.section == "topic-consequence") {
			return
		}
	}
	j.missing("it does not say what may follow")
}

// advice is N09.
func (j *judge) advice() {
	steps := slices.ContainsFunc(j.main, func(s *sentence) bool { return s.block.Kind == Item && s.block.Number > 0 })
	idle := false
	for i, s := range j.main {
		where := s.find(j.w, "no-action")
		if len(where) == 0 || s.quoted(where[0][0], where[0][1]) {
			continue
		}
		idle = true
		next := i+1 < len(j.main) && j.main[i+1].block == s.block && j.has(j.main[i+1], "reason")
		switch {
		case steps:
			j.at(s, where[0], "contradicts the steps in the same letter")
		case !j.has(s, "reason") && !next:
			j.at(s, where[0], "gives no reason")
		}
	}
	if !steps && !idle {
		j.missing("it has no numbered steps")
	}
}

var (
	mailAddress = regexp.MustCompile(`[\pL\pN._%+-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)+`)
	telephone   = regexp.MustCompile(`\+\d[\d ()/.-]{6,}\d|\b0[\d ()/.-]{6,}\d|\b1-\d{3}-\d{3}-\d{4}\b|\(\d{3}\) ?\d{3}-\d{4}\b|\b\d{3}-\d{3}-\d{4}\b`)
)

// contact is N11.
func (j *judge) contact() {
	j.faults("no-reply", "nobody can answer this")
	if re, from := j.w.of("no-reply", ""), fold(j.letter.From); len(findAll(re, from)) > 0 {
		local, _, _ := strings.Cut(from, "@")
		j.add(Finding{Why: "nobody reads answers to the sender's address", Text: "From: " + local + "@…", Part: "header", Line: j.letter.header("From")[0].Line})
	}
	var address, phone, role bool
	for _, s := range j.main {
		address = address || mailAddress.MatchString(s.raw) && !j.has(s, "no-reply")
		phone = phone || hasTelephone(s.raw) || j.has(s, "form")
		role = role || j.has(s, "role")
	}
	for _, l := range j.letter.Links {
		address = address || strings.HasPrefix(l.Target, "mailto:")
		phone = phone || strings.HasPrefix(l.Target, "tel:")
	}
	if f := j.facts; f != nil {
		role = role || j.says(f.Publisher.Contact.Role) || j.says(f.Publisher.DPO.Role)
	}
	for _, m := range []struct {
		there bool
		why   string
	}{{role, "no role that can be asked"}, {address, "no e-mail address to write to"}, {phone, "neither a telephone number nor a form"}} {
		if !m.there {
			j.missing("%s", m.why)
		}
	}
	if f := j.facts; f != nil && address && f.Publisher.Contact.Email+f.Publisher.DPO.Email != "" && !j.says(f.Publisher.Contact.Email) && !j.says(f.Publisher.DPO.Email) {
		j.missing("the contact is another than the publisher's")
	}
}

func hasTelephone(raw string) bool {
	for _, m := range telephone.FindAllString(raw, -1) {
		if !dotDay.MatchString(m) && !isoDay.MatchString(m) && strings.Count(m, "")-1 >= 7 {
			return true
		}
	}
	return false
}

// says: the main part has these words, whatever their case and spaces. It does not have none.
func (j *judge) says(words string) bool {
	want := fold(words)
	return want != "" && strings.Contains(j.text(), want)
}

// text is the main part's text, folded.
func (j *judge) text() string {
	var b strings.Builder
	for _, s := range j.main {
		b.WriteString(s.text + " ")
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

var (
	company = regexp.MustCompile(`(?:^|[^\pL\pN])(?:Ltd|Limited|plc|PLC|LLP|LLC|Inc|Corp|Corporation|Company|GmbH|AG|SE|KG|KGaA|OHG|UG|e\.K\.|eG|SAS|SARL|SA|S\.A\.|S\.A\.S|S\.L\.|S\.L\.U|SL|S\.p\.A|SpA|S\.r\.l|Srl|SRL|B\.V|BV|N\.V|NV|[Ss]p\. ?z ?o\. ?o|Lda|Ltda|EIRELI|AB|ApS|A/S|Oy|AS|Kft)(?:$|[^\pL\pN])|株式会社|合同会社|有限会社|合資会社`)
	// postcodes: with what stands beside them, so that a year or a number of people is none.
	postcode = regexp.MustCompile(`\b\d{5} \pL|\pL[,.]? \d{5}(?:-\d{4})?\b|, (?:[A-Z]{1,2}-)?\d{4} \p{Lu}|\b\d{2}-\d{3} \pL|\b\d{4}-\d{3} \pL|\b\d{4} ?[A-Z]{2}\b|〒? ?\d{3}-\d{4}|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b[A-Z]\d\d ?[A-Z\d]{4}\b|\b[A-Z]{2,3} \d{4}\b|\b[A-Z]\d[A-Z] ?\d[A-Z]\d\b|\b\d{5}-\d{3}\b`)
)

// identity is N12.
func (j *judge) identity() {
	var named, placed bool
	for _, b := range j.letter.parts()[0].Blocks {
		named = named || company.MatchString(b.Text)
		placed = placed || postcode.MatchString(b.Text)
	}
	if f := j.facts; f != nil {
		named = j.says(f.Publisher.LegalName)
		placed = j.says(f.Publisher.Address)
	}
	if !named {
		j.missing("it does not give the legal name of who writes")
	}
	if !placed {
		j.missing("it gives no postal address")
	}
}

// late is after how many days since the discovery a letter has to say why: the longest that a law with a number allows is 30.
const late = 30

// dated is N13.
func (j *judge) dated() {
	date, ok := j.noticeDay()
	if !ok {
		j.missing("it has no date of its own")
	}
	delayed := j.any("delay") || j.any("police")
	if found := j.discovered(); ok && !found.IsZero() && date.time().Sub(found) > late*24*time.Hour && !delayed {
		j.missing("it comes %d days after the discovery, and does not say why", int(date.time().Sub(found).Hours()/24))
	}
	if j.facts != nil {
		if why := j.facts.DelayReason[j.lang]; why != "" && !j.says(why) {
			j.missing("the reason for the delay is not in it")
		}
	}
	switch {
	case j.law != California || j.any("police"):
	case j.facts != nil && j.facts.PoliceDelay == nil: // whoever judges a draft can know; nobody should write it because a rule asks for it
		j.add(Finding{Level: "W", Why: "nobody has said whether law enforcement held it: candor.yaml, notice.police_delay"})
	default:
		j.missing("it does not say whether law enforcement held it")
	}
}

// noticeDay is the day of the letter: a short line with a date and a word such as "Date", or little else; or the mail's.
func (j *judge) noticeDay() (day, bool) {
	for _, s := range j.main {
		f := j.figuresOf(s)
		if len(f.days) != 1 || utf8.RuneCountInString(s.raw) > 80 || j.has(s, "discover") {
			continue
		}
		left := s.text[:f.days[0].start] + s.text[f.days[0].end:]
		if j.has(s, "notice-date") && len(left) < 50 || utf8.RuneCountInString(left) <= 25 {
			return f.days[0].value, true
		}
	}
	if !j.letter.Date.IsZero() {
		return dayOf(j.letter.Date), true
	}
	return day{}, false
}

func (j *judge) discovered() (t time.Time) {
	if j.facts != nil {
		return j.facts.Detected
	}
	for _, s := range j.main {
		if !j.has(s, "discover") {
			continue
		}
		for _, d := range values(j.figuresOf(s).days) {
			if d.year > 0 && (t.IsZero() || d.time().Before(t)) {
				t = d.time()
			}
		}
	}
	return t
}

// California's words, which must stand as they are (Civil Code 1798.82(d)(1)(A)).
const californiaTitle = "Notice of Data Breach"

var californiaHeadings = []string{"What Happened", "What Information Was Involved", "What We Are Doing", "What You Can Do", "For More Information"}

// template is N14.
func (j *judge) template() {
	for _, m := range j.letter.Marks {
		if m.Rule == "N14" {
			j.mark(m)
		}
	}
	if j.law != California {
		return
	}
	// Nobody sees the <title> of a page: a subject counts where there is one.
	page := j.letter.Headers == nil && j.letter.HTML != nil
	if !j.hasLine(californiaTitle) && (page || !strings.HasPrefix(fold(j.letter.Subject), fold(californiaTitle))) {
		j.missing("it has no title %q", californiaTitle)
	}
	last := -1
	for _, h := range californiaHeadings {
		at := j.line(h)
		switch {
		case at < 0:
			j.missing("it has no heading %q", h)
		case at < last:
			j.missing("the heading %q stands too early or too late", h)
		}
		last = max(last, at)
	}
}

func (j *judge) hasLine(words string) bool { return j.line(words) >= 0 }

// line is the index of the first line, in the main part, that has these words and no others, but for a translation; -1: none.
func (j *judge) line(words string) int {
	n := 0
	for _, part := range j.letter.parts()[:min(1, len(j.letter.parts()))] {
		for _, b := range part.Blocks {
			for i, s := range b.at {
				end := len(b.Text)
				if i+1 < len(b.at) {
					end = b.at[i+1].offset
				}
				said, _, _ := strings.Cut(b.Text[s.offset:end], " / ") // "What Happened / Was geschehen ist"
				if strings.EqualFold(strings.Trim(said, " .:*_—–-"), words) {
					return n
				}
				n++
			}
		}
	}
	return -1
}

// regulators is N15.
func (j *judge) regulators() {
	named := j.any("regulator")
	if j.facts != nil {
		for _, r := range j.facts.Regulators {
			said := j.says(r.Authority)
			named = named || said
			if !r.Filed.IsZero() && !said {
				j.missing("%s was told, and the letter does not say so", r.Authority)
			}
		}
	}
	if !named {
		j.missing("it does not say which authority was told, or why none was")
	}
}
