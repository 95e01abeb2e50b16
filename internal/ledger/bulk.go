package ledger

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// bulk is many rows of one table, written by as few statements as the database allows. Columns are []string or []int64, all of one length.
type bulk struct {
	table   string
	names   string // of the columns
	rest    string // what follows the rows: ON CONFLICT …; empty: none of them is there
	columns []any
}

// chunk is how many rows one statement for SQLite has: more save little, and a statement has its limit of 32,766 values.
const chunk = 100

// write writes all rows. each is called for every row that RETURNING gives; nil: there is none. It returns how many rows were written.
func (f *fold) bulk(b bulk, each func(*sql.Rows) error) (written int64, err error) {
	n := length(b.columns[0])
	if n == 0 {
		return 0, nil
	}
	into := "INSERT INTO " + b.table + " (" + b.names + ") SELECT "
	switch {
	case f.l.dialect == postgres && b.rest == "":
		return f.copy(b)
	case f.l.dialect == postgres:
		return f.send(into+"* FROM unnest("+arrays(b.columns)+") "+b.rest, b.columns, each)
	}
	same, varying, take := split(b.columns)
	for start := 0; start < n; start += chunk {
		rows := min(chunk, n-start)
		query := into + take + " FROM (SELECT " + marks(len(same)) + ") s, (VALUES " + tuples(len(varying), rows) + ") v WHERE true " + b.rest
		args := appendRow(make([]any, 0, len(same)+rows*len(varying)), same, 0)
		for i := start; i < start+rows; i++ {
			args = appendRow(args, varying, i)
		}
		w, err := f.send(query, args, each)
		if err != nil {
			return 0, err
		}
		written += w
	}
	return written, nil
}

// split parts the columns that are the same in all rows, which are bound once, from the others, and says how a row takes them together.
// There is always one of the others, and one that is the same.
func split(columns []any) (same, varying []any, take string) {
	same = []any{[]string{""}}
	var list []string
	for i, c := range columns {
		if i < len(columns)-1 && uniform(c) {
			same = append(same, c)
			list = append(list, fmt.Sprintf("s.c%d", len(same)))
		} else {
			varying = append(varying, c)
			list = append(list, fmt.Sprintf("v.column%d", len(varying)))
		}
	}
	return same, varying, strings.Join(list, ", ")
}

func uniform(column any) bool {
	if texts, ok := column.([]string); ok {
		return !slices.ContainsFunc(texts, func(s string) bool { return s != texts[0] })
	}
	numbers := column.([]int64)
	return !slices.ContainsFunc(numbers, func(n int64) bool { return n != numbers[0] })
}

// marks are the placeholders of what is the same in all rows.
func marks(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("? AS c%d", i+1))
	}
	return strings.Join(list, ", ")
}

// copy sends rows by COPY, which costs PostgreSQL half of what INSERT does.
func (f *fold) copy(b bulk) (written int64, err error) {
	row := make([]any, 0, len(b.columns))
	source := pgx.CopyFromSlice(length(b.columns[0]), func(i int) ([]any, error) {
		row = appendRow(row[:0], b.columns, i)
		return row, nil
	})
	err = f.conn.Raw(func(driver any) error {
		written, err = driver.(*stdlib.Conn).Conn().CopyFrom(f.ctx, pgx.Identifier{b.table}, strings.Split(b.names, ", "), source)
		return err
	})
	return written, err
}

// among runs a query for the rows of an incident whose column, which the query ends with, is one of values; each is called for every row.
func (f *fold) among(query, incident string, values []string, rest string, each func(*sql.Rows) error) error {
	if len(values) == 0 {
		return nil
	}
	if f.l.dialect == postgres {
		_, err := f.send(query+" = ANY(?::text[]) "+rest, []any{incident, values}, each)
		return err
	}
	from, list, err := f.l.dialect.list(values)
	if err == nil {
		_, err = f.send(query+" IN (SELECT value FROM "+from+") "+rest, []any{incident, list}, each)
	}
	return err
}

func (f *fold) send(query string, args []any, each func(*sql.Rows) error) (written int64, err error) {
	if each == nil {
		r, err := f.do(query, args...)
		if err != nil {
			return 0, err
		}
		return r.RowsAffected()
	}
	rows, err := f.query(query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for ; rows.Next(); written++ {
		if err := each(rows); err != nil {
			return 0, err
		}
	}
	return written, rows.Err()
}

// prepared keeps a batch's statements for SQLite. PostgreSQL's driver keeps those of a connection by itself.
func (f *fold) prepared(query string) (*sql.Stmt, error) {
	if s := f.statements[query]; s != nil {
		return s, nil
	}
	s, err := f.tx.PrepareContext(f.ctx, query)
	if err == nil {
		f.statements[query] = s
	}
	return s, err
}

func (f *fold) do(query string, args ...any) (sql.Result, error) {
	if f.l.dialect == postgres {
		return f.tx.ExecContext(f.ctx, f.l.dialect.bind(query), args...)
	}
	s, err := f.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(f.ctx, args...)
}

func (f *fold) query(query string, args ...any) (*sql.Rows, error) {
	if f.l.dialect == postgres {
		return f.tx.QueryContext(f.ctx, f.l.dialect.bind(query), args...)
	}
	s, err := f.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(f.ctx, args...)
}

func (f *fold) exec(query string, args ...any) error {
	_, err := f.do(query, args...)
	return err
}

// row reads the one row of a query; sql.ErrNoRows if there is none.
func (f *fold) row(query string, args []any, targets ...any) error {
	rows, err := f.query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return cmp.Or(rows.Err(), sql.ErrNoRows)
	}
	return rows.Scan(targets...)
}

func length(column any) int {
	if texts, ok := column.([]string); ok {
		return len(texts)
	}
	return len(column.([]int64))
}

// arrays are PostgreSQL's parameters: one array a column.
func arrays(columns []any) string {
	var list []string
	for i, c := range columns {
		kind := "bigint[]"
		if _, ok := c.([]string); ok {
			kind = "text[]"
		}
		list = append(list, fmt.Sprintf("$%d::%s", i+1, kind))
	}
	return strings.Join(list, ", ")
}

// tuples are SQLite's: one for each value.
func tuples(columns, rows int) string {
	tuple := "(?" + strings.Repeat(", ?", columns-1) + ")"
	return tuple + strings.Repeat(", "+tuple, rows-1)
}

func appendRow(row, columns []any, i int) []any {
	for _, c := range columns {
		if texts, ok := c.([]string); ok {
			row = append(row, texts[i])
		} else {
			row = append(row, c.([]int64)[i])
		}
	}
	return row
}
