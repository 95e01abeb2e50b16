package ledger

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
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
	into := "INSERT INTO " + b.table + " (" + b.names + ") "
	switch {
	case f.l.dialect == postgres && b.rest == "":
		return f.copy(b)
	case f.l.dialect == postgres:
		return f.send(into+"SELECT * FROM unnest("+arrays(b.columns)+") "+b.rest, b.columns, each)
	}
	for start := 0; start < n; start += chunk {
		rows := min(chunk, n-start)
		w, err := f.send(into+"VALUES "+tuples(len(b.columns), rows)+" "+b.rest, values(b.columns, start, rows), each)
		if err != nil {
			return 0, err
		}
		written += w
	}
	return written, nil
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
	list, err := json.Marshal(values) // one parameter costs less than thousands
	if err != nil {
		return err
	}
	_, err = f.send(query+" IN (SELECT value FROM json_each(?)) "+rest, []any{incident, string(list)}, each)
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

func values(columns []any, start, rows int) []any {
	args := make([]any, 0, rows*len(columns))
	for i := start; i < start+rows; i++ {
		args = appendRow(args, columns, i)
	}
	return args
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
