package directory

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxRow is how many bytes a row of the customer file may have.
const maxRow = 64 << 10

// rows splits a customer file (RFC 4180) into records with bounded memory. A row that is broken does not spoil the next:
// where a quote is never closed, reading goes on behind the line that opened it.
type rows struct {
	r      *bufio.Reader
	line   int    // of the last record's beginning
	next   int    // of the next record's
	back   []byte // lines to be read again
	long   bool   // behind them stood one that is too long
	record []byte
	fields [][]byte
}

var (
	errLongRow = fmt.Errorf("the row is longer than %d bytes", maxRow)
	errQuote   = errors.New("a quotation mark is not closed, or stands where none may")
)

// readLine returns the next line with its end. A line that is too long is passed over, and reported with errLongRow.
func (s *rows) readLine() ([]byte, error) {
	if len(s.back) > 0 {
		i := bytes.IndexByte(s.back, '\n') + 1
		if i == 0 {
			i = len(s.back)
		}
		line := s.back[:i]
		s.back = s.back[i:]
		return line, nil
	}
	if s.long {
		s.long = false
		return nil, errLongRow
	}
	line, err := s.r.ReadSlice('\n')
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	if err == nil && len(line) <= maxRow {
		return line, nil
	}
	if err != nil && err != bufio.ErrBufferFull {
		return nil, err
	}
	for err == bufio.ErrBufferFull {
		_, err = s.r.ReadSlice('\n')
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	return nil, errLongRow
}

// read returns the next record's fields, valid until the next call. Its error is of the record (errLongRow, errQuote), and
// reading may go on, or of the source.
func (s *rows) read() ([][]byte, error) {
	s.line = s.next
	line, err := s.readLine()
	if err != nil {
		if err == errLongRow {
			s.next++
		}
		return nil, err
	}
	s.next++
	if bytes.IndexByte(line, '"') < 0 {
		s.split(line)
		return s.fields, nil
	}
	s.record = append(s.record[:0], line...)
	for {
		if done, err := s.quoted(); done {
			return s.fields, err
		}
		line, err := s.readLine()
		if err == io.EOF || err == errLongRow || err == nil && len(s.record)+len(line) > maxRow {
			s.long = s.long || err == errLongRow
			s.record = append(s.record, line...)
			first := bytes.IndexByte(s.record, '\n') + 1
			if first == 0 {
				first = len(s.record) // the file ends in the line that opened it
			}
			s.back = append(bytes.Clone(s.record[first:]), s.back...)
			s.next = s.line + 1
			return nil, errQuote
		} else if err != nil {
			return nil, err
		}
		s.record = append(s.record, line...)
		s.next++
	}
}

func trimEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

func (s *rows) split(line []byte) {
	s.fields = s.fields[:0]
	line = trimEnd(line)
	for {
		field, rest, more := bytes.Cut(line, []byte(","))
		s.fields = append(s.fields, field)
		if !more {
			return
		}
		line = rest
	}
}

// quoted splits record, in which quotation marks stand. done is false when it ends inside a quoted field.
func (s *rows) quoted() (done bool, err error) {
	s.fields = s.fields[:0]
	b := trimEnd(s.record)
	for {
		if len(b) == 0 || b[0] != '"' {
			field, rest, more := bytes.Cut(b, []byte(","))
			if bytes.IndexByte(field, '"') >= 0 {
				return true, errQuote
			}
			if s.fields = append(s.fields, field); !more {
				return true, nil
			}
			b = rest
			continue
		}
		var field []byte
		for b = b[1:]; ; {
			i := bytes.IndexByte(b, '"')
			if i < 0 {
				return false, nil
			}
			field = append(field, b[:i]...)
			if b = b[i+1:]; len(b) == 0 || b[0] != '"' {
				break
			}
			field, b = append(field, '"'), b[1:]
		}
		s.fields = append(s.fields, field)
		if len(b) == 0 {
			return true, nil
		}
		if b[0] != ',' {
			return true, errQuote
		}
		b = b[1:]
	}
}

// columns says where a customer file's fields are; unknown names those that are not read.
type columns struct {
	id, email, name, locale, country, phone, count int // indexes, -1 where there is none; count of all
	unknown                                        []string
}

// customer picks the fields of a row.
func (c *columns) customer(line int, fields [][]byte) customer {
	pick := func(i int) []byte {
		if i < 0 {
			return nil
		}
		return bytes.TrimSpace(fields[i])
	}
	return customer{line: line, id: pick(c.id), email: pick(c.email), name: pick(c.name), locale: pick(c.locale), country: pick(c.country), phone: pick(c.phone)}
}

// allow leaves those kinds for which there is a column.
func (c *columns) allow(set kindSet) kindSet {
	if c.name < 0 {
		set &^= 1 << name
	}
	if c.phone < 0 {
		set &^= 1 << phone
	}
	return set
}

// csvSource reads a customer file with a header.
type csvSource struct {
	rows
	columns
}

func openCSV(r *bufio.Reader, file string) (source, error) {
	s := &csvSource{rows: rows{r: r, next: 1}}
	var err error
	s.columns, err = readHeader(&s.rows, file)
	return s, err
}

func (s *csvSource) read(c *customer) error {
	for {
		fields, err := s.rows.read()
		switch {
		case err == errLongRow || err == errQuote:
			return badRow{s.line, "", err.Error()}
		case err != nil:
			return err
		case len(fields) == 1 && len(fields[0]) == 0:
			continue // an empty line
		case len(fields) != s.count:
			return badRow{s.line, "", fmt.Sprintf("the row has %d fields, the header %d", len(fields), s.count)}
		}
		*c = s.customer(s.line, fields)
		return nil
	}
}

func (s *csvSource) unknown() []string { return s.columns.unknown }

func readHeader(s *rows, file string) (columns, error) {
	c := columns{id: -1, email: -1, name: -1, locale: -1, country: -1, phone: -1}
	fields, err := s.read()
	if err == io.EOF {
		return c, fmt.Errorf("%s: the file is empty: its first line must name the columns id and email", file)
	} else if err != nil {
		return c, fmt.Errorf("%s:1: cannot read the header: %w", file, err)
	}
	fields[0] = bytes.TrimPrefix(fields[0], []byte(utf8Mark))
	for i, f := range fields {
		if !utf8.Valid(f) || bytes.IndexByte(f, 0) >= 0 {
			return c, fmt.Errorf("%s:1: the header is not UTF-8: save the file as CSV in UTF-8", file)
		}
		switch column := strings.ToLower(strings.TrimSpace(string(f))); column {
		case "id":
			c.id = i
		case "email":
			c.email = i
		case "name":
			c.name = i
		case "country":
			c.country = i
		case "phone":
			c.phone = i
		case "locale":
			c.locale = i
		default:
			if len(column) > 40 {
				column = column[:40] + "…"
			}
			c.unknown = append(c.unknown, scanSafe(column))
		}
	}
	c.count = len(fields)
	for column, i := range map[string]int{"id": c.id, "email": c.email} {
		if i < 0 {
			return c, fmt.Errorf("%s:1: there is no column %q in the header: id and email are required", file, column)
		}
	}
	return c, nil
}
