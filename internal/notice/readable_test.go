package notice

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// TestReadable: short sentences in every language, and English for eight years of school (N23). Japanese, which has no spaces, is counted
// in characters: 60 is what style guides ask for at most, and 100 is what no sentence passes.
func TestReadable(t *testing.T) {
	worst := map[string]float64{}
	each(t, func(t *testing.T, f Facts, p Person, m Message) {
		sentences := sentencesOf(m.Text)
		words, syllables := 0, 0
		for _, s := range sentences {
			n := len(s)
			if m.Lang == "ja" {
				n = len([]rune(strings.Join(s, ""))) * 30 / 100
			}
			if n > 30 {
				t.Errorf("%d words: %s", n, strings.Join(s, " "))
			}
			words += n
			for _, w := range s {
				syllables += syllablesOf(w)
			}
		}
		mean := float64(words) / float64(len(sentences))
		if mean > 20 {
			t.Errorf("%.1f words a sentence", mean)
		}
		worst[m.Lang] = math.Max(worst[m.Lang], mean)
		if m.Lang == "en" {
			grade := 0.39*mean + 11.8*float64(syllables)/float64(words) - 15.59
			if worst["grade"] = math.Max(worst["grade"], grade); grade > 8 {
				t.Errorf("Flesch-Kincaid grade %.1f", grade)
			}
		}
	})
	t.Logf("most words a sentence, and the highest grade of English: %v", worst)
}

var (
	sentenceEnd = regexp.MustCompile(`[.!?:][”»’)]*(\s+|$)|[。：]|\n\n`)
	abbreviated = regexp.MustCompile(`\b(Art|godz)\. `)
	listSign    = regexp.MustCompile(`(?m)^(\d+\. |- |[-=]+$)`)
)

// sentencesOf is the prose of a text, sentence by sentence, as words: not the signature's addresses, codes and hashes.
func sentencesOf(text string) (out [][]string) {
	text = abbreviated.ReplaceAllString(listSign.ReplaceAllString(text, ""), "$1 ")
	text = regexp.MustCompile(`(\d)\. (\pL)`).ReplaceAllString(text, "$1 $2")
	for _, s := range sentenceEnd.Split(text, -1) {
		var words []string
		for _, w := range strings.Fields(s) {
			if strings.ContainsFunc(w, unicode.IsLetter) || strings.ContainsFunc(w, unicode.IsDigit) {
				words = append(words, w)
			}
		}
		if len(words) > 0 {
			out = append(out, words)
		}
	}
	return out
}

// syllablesOf counts groups of vowels, less a silent e at the end, as Flesch's followers do; figures, hosts and addresses count one.
func syllablesOf(word string) int {
	word = strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }))
	if strings.ContainsAny(word, "@/.0123456789") {
		return 1
	}
	n, vowel := 0, false
	for _, r := range word {
		is := strings.ContainsRune("aeiouyäöü", r)
		if is && !vowel {
			n++
		}
		vowel = is
	}
	if strings.HasSuffix(word, "e") && !strings.HasSuffix(word, "le") || strings.HasSuffix(word, "ed") && !strings.HasSuffix(word, "ted") && !strings.HasSuffix(word, "ded") {
		n--
	}
	return max(n, 1)
}
