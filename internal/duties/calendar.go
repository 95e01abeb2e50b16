package duties

import "time"

// brasilia is UTC-3, the year round since 2019 (Decreto 9.772/2019) [M].
var brasilia = time.FixedZone("-03", -3*60*60)

// businessDays is the end of the nth business day in Brazil after the day of start: the first day is left out, the last one counts
// (Lei 9.784/1999 art. 66) [M].
func businessDays(start time.Time, n int) time.Time {
	day := start.In(brasilia)
	for n > 0 {
		day = day.AddDate(0, 0, 1)
		if !holidayBR(day) && day.Weekday() != time.Saturday && day.Weekday() != time.Sunday {
			n--
		}
	}
	return time.Date(day.Year(), day.Month(), day.Day(), 23, 59, 59, 0, brasilia).UTC()
}

// holidayBR reports whether a day is a national holiday in Brazil: Lei 662/1949 as amended by Lei 10.607/2002 (1 January, 21 April, 1 May,
// 7 September, 2 and 15 November, 25 December), Lei 6.802/1980 (12 October), Lei 14.759/2023 (20 November, from 2024) [S], and Good Friday,
// which Lei 9.093/1995 leaves to the municipalities and the federal calendar lists as a holiday [S]. Carnival and Corpus Christi are
// days off at choice (ponto facultativo), and states and towns have their own: these count as business days here, so that a deadline
// comes too early rather than too late.
func holidayBR(day time.Time) bool {
	switch day.Format("01-02") {
	case "01-01", "04-21", "05-01", "09-07", "10-12", "11-02", "11-15", "12-25":
		return true
	case "11-20":
		return day.Year() >= 2024
	}
	friday := easter(day.Year()).AddDate(0, 0, -2)
	return day.Month() == friday.Month() && day.Day() == friday.Day()
}

// easter is Easter Sunday of a Gregorian year: the anonymous algorithm, Nature 13 (1876) p. 487; Meeus, Astronomical Algorithms, ch. 8 [M].
func easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(year, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}
