package notice

import (
	"bytes"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folded is text as words are compared: lower case, compatibility forms and accents resolved (NFKD without U+0300–036F), every space one space,
// quotation marks and hyphens of one kind. Kana keep their voicing marks. It knows where each byte comes from.
type folded struct {
	text string
	from []int32 // from[i] is the offset in the original of text[i]; one more at the end
}

func foldText(s string) folded {
	f := folder{from: make([]int32, 0, len(s)+1)}
	for i, c := range s {
		f.rune(c, int32(i))
	}
	return folded{f.text.String(), append(f.from, int32(len(s)))}
}

// fold is for what needs no places.
func fold(s string) string { return strings.TrimSpace(foldText(s).text) }

type folder struct {
	text  bytes.Buffer
	from  []int32
	space bool // the last byte is one
	wide  bool // what stands in front of that space is written without spaces
}

func (f *folder) rune(c rune, at int32) {
	if c < utf8.RuneSelf {
		f.put(c, at)
		return
	}
	switch c {
	case '\u00ad', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff': // seen by nobody
		return
	case '’', '‘', 'ʼ', '`', '´':
		f.put('\'', at)
		return
	case '‐', '‑', '‒':
		f.put('-', at)
		return
	case 'ł', 'Ł':
		f.put('l', at) // no decomposition
		return
	}
	for _, d := range norm.NFKD.String(string(c)) {
		if d < 0x300 || d > 0x36f {
			f.put(d, at)
		}
	}
}

func (f *folder) put(c rune, at int32) {
	if unicode.IsSpace(c) {
		if f.space {
			return
		}
		c = ' '
	}
	if f.space && f.wide && wide(c) { // a line that was broken within Japanese
		f.text.Truncate(f.text.Len() - 1)
		f.from = f.from[:len(f.from)-1]
	}
	if f.space = c == ' '; !f.space {
		f.wide = wide(c)
	}
	n, _ := f.text.WriteRune(unicode.ToLower(c))
	for range n {
		f.from = append(f.from, at)
	}
}

// original is where folded offsets stand in the text as it came.
func (f folded) original(start, end int) (int, int) {
	return int(f.from[start]), int(f.from[end])
}

// sentence is one sentence of a block, or a heading.
type sentence struct {
	part    *Part
	block   *Block
	section string // topic of the heading above: see Topics in lint_words.yaml
	start   int    // in the block's text
	raw     string
	folded
	lang  string
	cache map[string][][]int
}

// sentences are all of a part's, in order. lang is the key of the word lists.
func (p *Part) sentences(lang string, w *wordLists) (list []*sentence) {
	section := ""
	for i := range p.Blocks {
		b := &p.Blocks[i]
		for _, cut := range cutSentences(b.Text, lang, w) {
			s := &sentence{part: p, block: b, section: section, start: cut[0], raw: b.Text[cut[0]:cut[1]], folded: foldText(b.Text[cut[0]:cut[1]]), lang: lang}
			if b.Kind == Heading {
				section = w.topic(lang, s)
			}
			list = append(list, s)
		}
	}
	return list
}

// cutSentences returns where sentences stand in a text. A full stop ends one where a space follows, and no abbreviation or number precedes it in
// front of a small letter or a digit.
func cutSentences(text, lang string, w *wordLists) (cuts [][2]int) {
	start := 0
	for i, c := range text {
		end := i + utf8.RuneLen(c)
		if !strings.ContainsRune(".!?。！？", c) || !ends(text, start, i, end, lang, w) {
			continue
		}
		cuts = appendCut(cuts, text, start, end)
		start = end
	}
	return appendCut(cuts, text, start, len(text))
}

func appendCut(cuts [][2]int, text string, start, end int) [][2]int {
	trimmed := strings.TrimSpace(text[start:end])
	if trimmed == "" {
		return cuts
	}
	start += strings.Index(text[start:end], trimmed)
	return append(cuts, [2]int{start, start + len(trimmed)})
}

func ends(text string, start, dot, end int, lang string, w *wordLists) bool {
	if text[dot] != '.' {
		return text[dot] >= utf8.RuneSelf || end == len(text) || text[end] == ' ' || strings.ContainsAny(text[end:end+1], `"')`)
	}
	if end < len(text) && text[end] != ' ' {
		return false
	}
	word := text[max(start, strings.LastIndexByte(text[:dot], ' ')+1):dot]
	next, _ := utf8.DecodeRuneInString(strings.TrimLeft(text[end:], " "))
	switch {
	case next == utf8.RuneError:
		return true
	case w.abbreviation(lang, word):
		return false
	case len(word) <= 2 && strings.Trim(word, "0123456789") == "" && word != "":
		return false // "20. November"
	}
	return !unicode.IsLower(next)
}

// place is where folded bytes of the sentence stand in the file.
func (s *sentence) place(start int) (line, column int) {
	o, _ := s.original(start, start)
	return s.block.Place(s.start + o)
}

// said is the text of folded bytes as it came.
func (s *sentence) said(start, end int) string {
	a, b := s.original(start, end)
	return s.raw[a:b]
}

// quoted: these folded bytes stand between quotation marks: they tell what somebody said.
func (s *sentence) quoted(start, end int) bool {
	open := strings.LastIndexAny(s.text[:start], `"“”„«»「」『』`)
	if open < 0 {
		return false
	}
	mark, size := utf8.DecodeRuneInString(s.text[open:])
	closed := strings.ContainsAny(s.text[end:], `"“”«»」』`)
	if mark == '"' && strings.Count(s.text[:open+size], `"`)%2 == 0 {
		return false
	}
	return closed && !strings.ContainsRune("」』", mark)
}

// find are the places, in folded bytes, of a list's words.
func (s *sentence) find(w *wordLists, list string) [][]int {
	if got, ok := s.cache[list]; ok {
		return got
	}
	var got [][]int
	if re := w.of(list, s.lang); re != nil {
		got = findAll(re, s.text)
	}
	if s.cache == nil {
		s.cache = map[string][][]int{}
	}
	s.cache[list] = got
	return got
}

func (s *sentence) has(w *wordLists, lists ...string) bool {
	for _, l := range lists {
		if len(s.find(w, l)) > 0 {
			return true
		}
	}
	return false
}

// sortedAt is the index of the first place at or after a byte.
func sortedAt(places [][]int, at int) int {
	return sort.Search(len(places), func(i int) bool { return places[i][0] >= at })
}
