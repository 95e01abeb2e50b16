package notice

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hedges is N16.
func (j *judge) hedges() {
	j.faults("hedge", "the set of people is exact: this one is affected, or gets no letter")
}

// phrases is N17.
func (j *judge) phrases() { j.faults("phrase", "says nothing that a reader can check") }

// agent is N18.
func (j *judge) agent() {
	j.faults("faceless", "hides who did it")
	if !j.any("we") {
		j.missing(`nobody says "we"`)
	}
}

// commercial is N21.
func (j *judge) commercial() { j.faults("commercial", "has no place in a notice") }

// subject is N22.
func (j *judge) subject() {
	subject := j.letter.Subject
	line := 1
	if h := j.letter.header("Subject"); len(h) > 0 {
		line = h[0].Line
	}
	if strings.TrimSpace(subject) == "" {
		j.missing("it has no subject")
		return
	}
	s := &sentence{raw: subject, folded: foldText(subject), lang: j.lang, block: &Block{Text: subject}}
	f := Finding{Text: subject, Line: line, Column: 1}
	if j.letter.Headers != nil {
		f.Part = "header"
	}
	titled := strings.Contains(s.text, fold(californiaTitle))
	switch {
	case j.law == California && j.lang == "en" && !titled:
		f.Why = "it is not \"" + californiaTitle + "\""
	case !titled && !j.has(s, "subject"):
		f.Why = "it does not say what this is"
	default:
		return
	}
	j.add(f)
}

// apology is N32.
func (j *judge) apology() {
	n := 0
	for _, s := range j.main {
		where := s.find(j.w, "apology")
		if len(where) == 0 || s.block.Kind == Quote {
			continue
		}
		if n++; n > 1 {
			j.at(s, where[0], "one apology is enough")
		}
	}
	if n == 0 {
		j.missing("it does not apologise")
	}
}

// Limits of N23. Japanese does not part words: three characters count as one.
const (
	longSentence = 30
	meanSentence = 20
	highestGrade = 8
	perWord      = 3
)

// readable is N23.
func (j *judge) readable() {
	words, syllables, sentences := 0, 0, 0
	for _, s := range j.main {
		if !prose(s) {
			continue
		}
		n, y := measure(s.raw, j.lang)
		words, syllables, sentences = words+n, syllables+y, sentences+1
		if n > longSentence {
			j.at(s, []int{0, len(s.text)}, "a sentence of %d words: %d at most", n, longSentence)
		}
	}
	if sentences == 0 {
		return
	}
	mean := float64(words) / float64(sentences)
	if mean > meanSentence {
		j.missing("its sentences have %.1f words on average: %d at most", mean, meanSentence)
	}
	// Flesch-Kincaid grade level (Kincaid and others, 1975), which is for English alone.
	if grade := 0.39*mean + 11.8*float64(syllables)/float64(max(1, words)) - 15.59; j.lang == "en" && grade > highestGrade {
		j.missing("it takes %.1f years of school to read (Flesch-Kincaid): %d at most", grade, highestGrade)
	}
}

// prose: a sentence that ends as one does, and is not an address, a date or a list of contacts.
func prose(s *sentence) bool {
	last, _ := utf8.DecodeLastRuneInString(s.raw)
	return (s.block.Kind == Paragraph || s.block.Kind == Item) && strings.ContainsRune(".!?。！？", last) && !company.MatchString(s.raw)
}

var notSpoken = regexp.MustCompile(`https?://\S+|\S+@\S+|\S+\.\S+/\S*`)

// measure counts words and, for English, syllables. An address of a page or of mail is one word of one syllable, and so is a number.
func measure(raw, lang string) (words, syllables int) {
	raw = notSpoken.ReplaceAllString(raw, "it")
	if lang == "ja" {
		n := 0
		for _, c := range raw {
			if !unicode.IsSpace(c) && !unicode.IsPunct(c) {
				n++
			}
		}
		return (n + perWord - 1) / perWord, 0
	}
	for word := range strings.FieldsFuncSeq(raw, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '\'' && c != '’' }) {
		if !strings.ContainsFunc(word, unicode.IsLetter) {
			continue // a date or a time is read at a glance, and counts by its month and zone
		}
		words++
		syllables += syllablesIn(strings.ToLower(word))
	}
	return words, syllables
}

// syllablesIn counts groups of vowels in an English word: a silent e at the end is none ("made", but "table"), nor is that of "-ed" after other
// letters than t and d, nor that of "-es" where it is not spoken. At least one. A plain count that is off by one in about a tenth of the words.
func syllablesIn(word string) int {
	letters := strings.TrimFunc(word, func(c rune) bool { return !unicode.IsLetter(c) })
	n, before := 0, false
	for _, c := range letters {
		vowel := strings.ContainsRune("aeiouy", c)
		if vowel && !before {
			n++
		}
		before = vowel
	}
	mute := func(end, but string) bool {
		stem, ok := strings.CutSuffix(letters, end)
		return ok && stem != "" && !strings.ContainsAny(stem[len(stem)-1:], "aeiouy"+but)
	}
	switch {
	case strings.HasSuffix(letters, "le"):
	case mute("e", ""), mute("ed", "td"), mute("es", "cgsxzh"):
		n--
	}
	return max(1, n)
}

// language is N24.
func (j *judge) language() {
	declared, _, _ := strings.Cut(strings.ToLower(j.letter.Lang), "-")
	if j.letter.HTML != nil && declared == "" {
		j.missing("its HTML has no lang")
	}
	if declared != "" && j.guessed != "" && declared != j.guessed {
		j.missing("it says that it is in %q, and its words are in %q", declared, j.guessed)
	}
	if j.lang == "" {
		j.missing("rules about words have no lists for %q: they were not judged", j.letter.Lang)
	}
	if j.person == nil || j.person.Locale == "" {
		return
	}
	theirs, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(j.person.Locale, "_", "-")), "-")
	if slices.Contains(Languages, theirs) && j.lang != theirs {
		j.missing("the person reads %q", theirs)
	}
}

var cardNumber = regexp.MustCompile(`\b(?:\d[ -]?){13,18}\d\b`)

// greeting is N26.
func (j *judge) greeting() {
	named := j.person == nil && j.facts == nil || j.person != nil && j.person.Name != ""
	if named && j.lang != "" {
		j.faults("greeting-generic", "greets nobody in particular")
	}
	if j.person != nil && j.person.Name != "" && !j.says(j.person.Name) && !strings.Contains(strings.ReplaceAll(j.text(), " ", ""), strings.ReplaceAll(fold(j.person.Name), " ", "")) {
		j.missing("the person's name is known, and is not in it")
	}
	for _, sentences := range j.all {
		for _, s := range sentences {
			for _, m := range mailAddress.FindAllStringIndex(s.raw, -1) {
				if j.foreign(s.raw[m[0]:m[1]]) {
					j.leak(s, m[0], "repeats an e-mail address that is not the publisher's")
				}
			}
			for _, m := range cardNumber.FindAllStringIndex(s.raw, -1) {
				if luhn(s.raw[m[0]:m[1]]) {
					j.leak(s, m[0], "repeats the number of a card")
				}
			}
		}
	}
}

// leak tells of somebody's data without repeating it.
func (j *judge) leak(s *sentence, at int, why string) {
	line, column := s.block.Place(s.start + at)
	part := ""
	if j.letter.Headers != nil {
		part = s.part.Type
	}
	j.add(Finding{Why: why, Part: part, Line: line, Column: column})
}

// foreign: an address of somebody else than who writes. Without facts only the recipient's own is known to be one.
func (j *judge) foreign(address string) bool {
	if slices.ContainsFunc(j.letter.To, func(to string) bool { return strings.EqualFold(to, address) }) {
		return true
	}
	if j.facts == nil {
		return false
	}
	p := j.facts.Publisher
	_, host, _ := strings.Cut(address, "@")
	return !leadsTo(strings.ToLower(host), p.Domain) && !strings.EqualFold(address, p.Contact.Email) && !strings.EqualFold(address, p.DPO.Email)
}

// luhn is the check digit of ISO/IEC 7812-1.
func luhn(s string) bool {
	sum, n := 0, 0
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < '0' || s[i] > '9' {
			continue
		}
		d := int(s[i] - '0')
		if n%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		n++
	}
	return sum%10 == 0 && sum > 0
}
