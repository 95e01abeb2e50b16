package directory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// readAll reads a source to its end: its rows as "line id email name country phone", what is wrong with them, and its error.
func readAll(t testing.TB, file string) (list []string, err error) {
	src, err := openSource(strings.NewReader(file), "new")
	if err != nil {
		return nil, err
	}
	for last := 0; ; {
		var c customer
		var bad badRow
		err := src.read(&c)
		switch {
		case err == io.EOF:
			return list, nil
		case errors.As(err, &bad):
			c.line = bad.line
			list = append(list, fmt.Sprintf("%d %s!%s", bad.line, bad.field, bad.message))
		case err != nil:
			return list, err
		default:
			list = append(list, fmt.Sprintf("%d %s %s %s %s %s", c.line, c.id, c.email, c.name, c.country, c.phone))
		}
		if c.line <= last {
			t.Fatalf("line %d comes behind line %d", c.line, last)
		}
		last = c.line
	}
}

func TestJSONLines(t *testing.T) {
	long := func(n int) string { return `{"id":1,"name":"` + strings.Repeat("x", n-18) + `"}` }
	for file, want := range map[string]string{
		`{"id":1,"email":" a@b.example ","name":"A B","country":"DE","phone":"1","shoe":{"size":[40]}}`: "1 1 a@b.example A B DE 1",
		"\xef\xbb\xbf \n{\"ID\":\"x\",\"Email\":null}\r\n\n{\"id\":-1.5e3}":                             "2 x    |4 -1.5e3    ",
		`{"id":true}`:                    "1 !a value is neither a text nor a number",
		`{"id":["a@b.example"]}`:         "1 !a value is neither a text nor a number",
		`{"id":"a@b.example"`:            "1 !it is no JSON object: the fault is at character 19",
		"{}\n\"a@b.example\"\n[]\n{} {}": "1     |2 !it is no JSON object|3 !it is no JSON object|4 !it is no JSON object: the fault is at character 4",
		"{\"id\":\"\xff\"}":              "1 !it is not UTF-8",
		"{\"id\":1}\n" + "{\"id\":1}" + strings.Repeat(" ", maxRow-9) + "\n{\"id\":2}": "1 1    |2 1    |3 2    ",
		"{\"id\":1}\n" + "{\"id\":1}" + strings.Repeat(" ", maxRow-8) + "\n{\"id\":2}": "1 1    |2 !the row is longer than 65536 bytes|3 2    ",
		long(100): "1 1  " + strings.Repeat("x", 82) + "  ",
	} {
		got, err := readAll(t, file)
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("%.60q: got\n%.200q, want\n%.200q, %v", file, strings.Join(got, "|"), want, err)
		}
	}
	if _, err := readAll(t, ` [{"id":1}]`); err == nil || !strings.Contains(err.Error(), "new: this is one JSON array: write one object a line") {
		t.Error(err)
	}
}

func TestRowLimit(t *testing.T) {
	for n, want := range map[int]string{maxRow - 1: "[2 1    ]", maxRow: "[2 !the row is longer than 65536 bytes]"} { // with its end of line
		got, err := readAll(t, "shoe,id,email\n"+strings.Repeat("x", n-3)+",1,\n")
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%d bytes: %v, %v", n, got, err)
		}
	}
}

// Whatever a file holds, reading it comes to an end, and lines go on.
func FuzzSource(f *testing.F) {
	f.Add([]byte("{\"id\":1,\"email\":\"alice@shop.example\"}\n\n{\"ID\":\"2\",\"Email\":null,\"phone\":1.5e3}\r\n"))
	f.Add([]byte("{\"id\":[1]}\n{}"))
	f.Add([]byte(people))
	f.Add([]byte("id,email\n1,\"a\n\"\"\n\",x\n\"2,\n3,b@c.example"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, _ := readAll(t, string(b))
		if len(rows) > bytes.Count(b, []byte("\n"))+1 {
			t.Fatal("more rows than lines")
		}
	})
}
