package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"candor.example"
)

// someCaptures are captures of every sort: HARs, plain and gzip, and raw files, with a body at the limit of what is kept and one past it, one that is cut off, and one that is not there.
func someCaptures(t *testing.T) (list []Source) {
	text := map[string]string{"at": strings.Repeat("x", aheadBody), "past": strings.Repeat("y", aheadBody+1), "empty": "", "cut": inHAR(entry("/cut", "a"))[:100],
		"gzip": packed(testdata(t, "shop.har"))}
	for i := range 12 {
		var entries []string
		for n := range 1 + i*17%150 { // also more than aheadExchanges
			entries = append(entries, entry(fmt.Sprintf("/%d/%d", i, n), strings.Repeat("z", n*100)))
		}
		text[fmt.Sprintf("har%d", i)] = inHAR(entries...)
	}
	for name, s := range text {
		list = append(list, Source{name, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }})
	}
	return append(list, Source{"absent", func() (io.ReadCloser, error) { return nil, errors.New("absent: there is no such file") }})
}

func entry(path, body string) string {
	return fmt.Sprintf(`{"startedDateTime":"2018-11-20T10:00:00Z","request":{"method":"GET","url":"https://shop.example%s","headers":[]},"response":{"status":200,"headers":[],"content":{"text":%q}}}`, path, body)
}

// TestReadAhead: reading several captures at once is reading them one by one.
func TestReadAhead(t *testing.T) {
	sources := someCaptures(t)
	var want []string
	for i, s := range sources {
		var stats Stats
		r, err := s.Open()
		if err == nil {
			stats, err = Read(context.Background(), s.Name, r, func(x *candor.Exchange) error {
				want = append(want, fmt.Sprint(i, line(t, x)))
				return nil
			})
		}
		want = append(want, fmt.Sprint(i, stats, err))
	}
	for _, workers := range []int{1, 2, 5, 100} {
		var got []string
		err := ReadAhead(context.Background(), sources, workers, func(i int, x *candor.Exchange) error {
			got = append(got, fmt.Sprint(i, line(t, x)))
			return nil
		}, func(i int, s Stats, err error) { got = append(got, fmt.Sprint(i, s, err)) })
		if err != nil {
			t.Fatal(err)
		}
		check(t, fmt.Sprint(workers, " workers"), strings.Join(got, "\n") == strings.Join(want, "\n"), true)
	}
}

// TestReadAheadStops: an error of yield ends one capture, a cancelled context all of them, wherever their readers wait.
func TestReadAheadStops(t *testing.T) {
	enough := errors.New("enough")
	for _, after := range []int{0, 1, 70} {
		sources, n, stopped, others := someCaptures(t), 0, 0, 0
		err := ReadAhead(context.Background(), sources, 3, func(i int, _ *candor.Exchange) error {
			if n++; n == after+1 {
				return enough
			}
			return nil
		}, func(_ int, _ Stats, err error) {
			if others++; errors.Is(err, enough) {
				stopped++
			}
		})
		check(t, "what ended", fmt.Sprint(stopped, others, err), fmt.Sprint(1, len(sources), nil))
		ctx, cancel := context.WithCancel(context.Background())
		n = 0
		err = ReadAhead(ctx, someCaptures(t), 3, func(int, *candor.Exchange) error {
			if n++; n > after {
				cancel()
			}
			return nil
		}, func(int, Stats, error) {})
		check(t, "the error of ctx", errors.Is(err, context.Canceled), true)
		cancel()
	}
}
