package notice

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// day is a date as a letter says it, without a zone.
type day struct{ year, month, day int }

func dayOf(t time.Time) day { return day{t.Year(), int(t.Month()), t.Day()} }

func (d day) valid() bool {
	t := time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC)
	return dayOf(t) == d
}

func (d day) time() time.Time {
	return time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC)
}

// figures are what a text says in figures, each with its place in the folded text.
type figures struct {
	days    []figure[day]
	clocks  []figure[int] // minutes of the day
	numbers []figure[int]
}

type figure[T comparable] struct {
	value      T
	start, end int
}

func values[T comparable](list []figure[T]) (out []T) {
	for _, f := range list {
		out = append(out, f.value)
	}
	return out
}

// monthNames, folded, in the nine languages. Short forms lose their full stop.
var monthNames = func() map[string]int {
	m := map[string]int{}
	for names := range strings.SplitSeq(`january jan januar janvier janv enero ene gennaio gen januari stycznia styczen styczniu janeiro janner
february feb februar fevrier fevr febrero febbraio febr februari lutego luty lutym fevereiro fev feber
march mar marz mars marzo mrz maart mrt marca marzec marcu marco
april apr avril avr abril abr aprile kwietnia kwiecien kwietniu
may mai mayo maggio mag mei maja maj maio
june jun juni juin junio giugno giu czerwca czerwiec czerwcu junho
july jul juli juillet juil julio luglio lug lipca lipiec lipcu julho
august aug aout agosto ago augustus sierpnia sierpien sierpniu
september sep sept septembre septiembre settembre set wrzesnia wrzesien wrzesniu setembro
october oct oktober okt octobre octubre ottobre ott pazdziernika pazdziernik pazdzierniku outubro out
november nov novembre noviembre novembro listopada listopad listopadzie
december dec dezember dez decembre diciembre dic dicembre grudnia grudzien grudniu dezembro`, "\n") {
		m[""]++
		for name := range strings.FieldsSeq(names) {
			m[name] = m[""]
		}
	}
	delete(m, "")
	return m
}()

var (
	monthWord = `(` + strings.Join(longestFirst(monthNames), "|") + `)(?:\.|\b)`
	isoDay    = regexp.MustCompile(`\b(\d{4})-(\d{1,2})-(\d{1,2})\b`)
	japanDay  = regexp.MustCompile(`(\d{4}) ?年 ?(\d{1,2}) ?月 ?(\d{1,2}) ?日`)
	japanEra  = regexp.MustCompile(`(平成|令和) ?(\d{1,2}|元) ?年 ?(\d{1,2}) ?月 ?(\d{1,2}) ?日`)
	japanPart = regexp.MustCompile(`(\d{1,2}) ?月 ?(\d{1,2}) ?日`)
	dotDay    = regexp.MustCompile(`\b(\d{1,2})[./-] ?(\d{1,2})[./-] ?(\d{4})\b`)
	dayMonth  = regexp.MustCompile(`\b(\d{1,2})(?:\.|st|nd|rd|th|er|º|o)? (?:de |of )?` + monthWord + `(?:,? (?:de |del )?(\d{4})\b)?`)
	monthDay  = regexp.MustCompile(`\b` + monthWord + ` (\d{1,2})(?:st|nd|rd|th)?\b(?:,? (\d{4})\b)?`)
	clock     = regexp.MustCompile(`\b(\d{1,2})(?::|\.| ?h ?|u)(\d{2})(?::\d{2})?z?(?: ?(a\.?m|p\.?m))?\b`)
	clockHour = regexp.MustCompile(`\b(\d{1,2}) ?(a\.?m\b|p\.?m\b|uhr\b|uur\b|heures?\b)`)
	clockJa   = regexp.MustCompile(`(午前|午後)? ?(\d{1,2}) ?時(?: ?(\d{1,2}) ?分)?`)
	grouped   = regexp.MustCompile(`\d{1,3}(?:[.,'  ]\d{3})+|\d+`)
	tenKs     = regexp.MustCompile(`(\d+) ?万 ?(\d{1,2}(?:,?\d{3})|\d{1,4})?`)
	// elsewhere are figures that count nothing: addresses of pages and mail, telephone numbers, codes, references.
	elsewhere = regexp.MustCompile(`https?://[!-~]+|[a-z0-9._%+-]+@[a-z0-9.-]+|\b[a-z0-9.-]+\.[a-z]{2,}(?:/[!-~]*)?|\+\d[\d ()/.-]{5,}\d|\b[0-9a-z]{4}(?:-[0-9a-z]{4}){2,}\b|\b[0-9a-f]{16,}\b|\b[a-z]+-?\d[a-z0-9-]*\b`)
)

func longestFirst(m map[string]int) (list []string) {
	for name := range m {
		list = append(list, name)
	}
	slices.SortFunc(list, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return list
}

// figuresIn reads dates, times of day and numbers in folded text. Each figure is one of these: what is read is blanked.
// monthFirst: "11/20/2018" is the twentieth of November; where only one order makes a date, it is that one.
func figuresIn(text string, monthFirst bool) (f figures) {
	b := []byte(text)
	blank := func(start, end int) {
		for i := start; i < end; i++ {
			b[i] = ' '
		}
	}
	add := func(d day, start, end int) {
		if !d.valid() {
			return
		}
		f.days = append(f.days, figure[day]{d, start, end})
		blank(start, end)
	}
	each := func(re *regexp.Regexp, take func(m []int, g func(int) string)) {
		now := string(b)
		for _, m := range re.FindAllStringSubmatchIndex(now, -1) {
			take(m, func(i int) string {
				if m[2*i] < 0 {
					return ""
				}
				return now[m[2*i]:m[2*i+1]]
			})
		}
	}
	each(isoDay, func(m []int, g func(int) string) { add(day{numeral(g(1)), numeral(g(2)), numeral(g(3))}, m[0], m[1]) })
	each(elsewhere, func(m []int, _ func(int) string) {
		if !dayAt(string(b[m[0]:m[1]])) {
			blank(m[0], m[1])
		}
	})
	each(japanEra, func(m []int, g func(int) string) {
		year := max(1, numeral(g(2))) + 1988
		if g(1) == "令和" {
			year += 30
		}
		add(day{year, numeral(g(3)), numeral(g(4))}, m[0], m[1])
	})
	each(japanDay, func(m []int, g func(int) string) { add(day{numeral(g(1)), numeral(g(2)), numeral(g(3))}, m[0], m[1]) })
	each(dotDay, func(m []int, g func(int) string) {
		d, month := numeral(g(1)), numeral(g(2))
		if month > 12 || monthFirst && d <= 12 && strings.Contains(text[m[0]:m[1]], "/") {
			d, month = month, d
		}
		add(day{numeral(g(3)), month, d}, m[0], m[1])
	})
	each(dayMonth, func(m []int, g func(int) string) {
		add(day{numeral(g(3)), monthNames[g(2)], numeral(g(1))}, m[0], m[1])
	})
	each(monthDay, func(m []int, g func(int) string) {
		add(day{numeral(g(3)), monthNames[g(1)], numeral(g(2))}, m[0], m[1])
	})
	each(japanPart, func(m []int, g func(int) string) { add(day{0, numeral(g(1)), numeral(g(2))}, m[0], m[1]) })
	f.dateYears()
	minute := func(h, min int, half string, m []int) {
		switch {
		case strings.HasPrefix(half, "p") && h < 12, half == "午後" && h < 12:
			h += 12
		case strings.HasPrefix(half, "a") && h == 12, half == "午前" && h == 12:
			h = 0
		}
		if h <= 24 && min < 60 {
			f.clocks = append(f.clocks, figure[int]{h*60 + min, m[0], m[1]})
			blank(m[0], m[1])
		}
	}
	each(clock, func(m []int, g func(int) string) { minute(numeral(g(1)), numeral(g(2)), g(3), m) })
	each(clockHour, func(m []int, g func(int) string) { minute(numeral(g(1)), 0, g(2), m) })
	each(clockJa, func(m []int, g func(int) string) { minute(numeral(g(2)), numeral(g(3)), g(1), m) })
	each(tenKs, func(m []int, g func(int) string) {
		f.numbers = append(f.numbers, figure[int]{numeral(g(1))*10000 + numeral(g(2)), m[0], m[1]})
		blank(m[0], m[1])
	})
	each(grouped, func(m []int, g func(int) string) {
		f.numbers = append(f.numbers, figure[int]{numeral(g(0)), m[0], m[1]})
	})
	return f
}

// dayAt: what looks like a host may be a date, "20.nov" or "20.11.2018".
func dayAt(s string) bool { return dotDay.MatchString(s) }

// dateYears gives a day without a year the year of the next one that has it, or the one before: "from 18 to 20 November 2018".
func (f *figures) dateYears() {
	slices.SortFunc(f.days, func(a, b figure[day]) int { return a.start - b.start })
	year := 0
	for i := len(f.days) - 1; i >= 0; i-- {
		if f.days[i].value.year > 0 {
			year = f.days[i].value.year
		} else {
			f.days[i].value.year = year
		}
	}
	for i := range f.days {
		if f.days[i].value.year > 0 {
			year = f.days[i].value.year
		} else {
			f.days[i].value.year = year
		}
	}
}

// numberWords are 1 to 10, folded, in the nine languages.
var numberWords = func() map[string]int {
	m := map[string]int{}
	for i, names := range strings.Split(`one ein eine einer einem einen einzigen un une uno una een jeden jedna jednej jednemu um uma
two zwei deux dos due twee dwa dwie dwom dwoch dois duas
three drei trois tres tre drie trzy trzem trzech
four vier quatre cuatro quattro cztery czterem czterech quatro
five funf cinq cinco cinque vijf piec pieciu
six sechs seis sei zes szesc szesciu
seven sieben sept siete sette zeven siedem siedmiu sete
eight acht huit ocho otto osiem osmiu oito
nine neun neuf nueve nove negen dziewiec dziewieciu
ten zehn dix diez dieci tien dziesiec dziesieciu dez`, "\n") {
		for name := range strings.FieldsSeq(names) {
			m[name] = i + 1
		}
	}
	return m
}()

// numeral reads digits, whatever groups them. What is too long to count anything is -1.
func numeral(s string) int {
	var digits []byte
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			digits = append(digits, s[i])
		}
	}
	if len(digits) == 0 {
		return 0
	}
	n, err := strconv.Atoi(string(digits))
	if err != nil || len(digits) > 12 {
		return -1
	}
	return n
}
