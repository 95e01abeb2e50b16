// Package shopdb reads customers out of a shop's own database, by any query for PostgreSQL or MySQL (MariaDB, too).
//
// Customers returns the rows as JSON Lines, in the form that directory.Build reads. It promises: the query runs in a read-only
// session; rows are passed on as they come, so that memory does not grow with their number; no error holds a password or
// anything out of a row.
package shopdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// columns are those of a customer file that are read.
var columns = []string{"id", "email", "name", "locale", "country", "phone"}

// Customers runs a query and returns its rows, one JSON object a line. database is a URL: postgres://… or mysql://…. Read's
// errors are of the database, and Close ends the query.
func Customers(ctx context.Context, database, query string) (io.ReadCloser, error) {
	db, readOnly, err := open(database)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	rows, names, err := start(ctx, db, readOnly, query)
	if err != nil {
		cancel()
		db.Close()
		return nil, err
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := write(w, rows, names)
		rows.Close()
		w.CloseWithError(err)
	}()
	return &stream{PipeReader: r, end: func() {
		r.Close()
		cancel()
		<-done
		db.Close()
	}}, nil
}

type stream struct {
	*io.PipeReader
	end func()
}

func (s *stream) Close() error {
	s.end()
	return nil
}

// open knows a database; readOnly is the statement that lets a session change nothing.
func open(database string) (db *sql.DB, readOnly string, err error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, "", errURL // the cause may quote a password
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		c, err := pgx.ParseConfig(database)
		if err != nil {
			return nil, "", errURL
		}
		return stdlib.OpenDB(*c), "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", nil
	case "mysql", "mariadb":
		c, err := mysqlConfig(u)
		if err != nil {
			return nil, "", errURL
		}
		connector, err := mysql.NewConnector(c)
		if err != nil {
			return nil, "", errURL
		}
		return sql.OpenDB(connector), "SET SESSION TRANSACTION READ ONLY", nil
	}
	return nil, "", errURL
}

var errURL = errors.New("--database: this is no URL of a database, such as postgres://user:password@host:5432/shop or mysql://user:password@host:3306/shop")

// mysqlConfig reads a URL; what stands behind its question mark is as the driver has it
// (https://github.com/go-sql-driver/mysql#parameters).
func mysqlConfig(u *url.URL) (*mysql.Config, error) {
	c, err := mysql.ParseDSN("/?" + u.RawQuery)
	if err != nil {
		return nil, err
	}
	if !u.Query().Has("tls") {
		c.TLSConfig = "preferred" // as PostgreSQL's driver does
	}
	c.Net, c.Addr, c.DBName = "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	if u.Port() == "" {
		c.Addr = u.Host + ":3306"
	}
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.Logger = silent{}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	return c, nil
}

// silent: what the driver would print goes to its caller as an error anyway.
type silent struct{}

func (silent) Print(...any) {}

// start runs the query and says which of its columns are which.
func start(ctx context.Context, db *sql.DB, readOnly, query string) (*sql.Rows, []string, error) {
	conn, err := db.Conn(ctx) // ends with the database's Close
	if err != nil {
		return nil, nil, fmt.Errorf("--database: %w", safe(err))
	}
	// The session, not a transaction: CREATE and the like end a transaction before they begin.
	if _, err := conn.ExecContext(ctx, readOnly); err != nil {
		return nil, nil, fmt.Errorf("--database: %w", safe(err))
	}
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return nil, nil, fmt.Errorf("--query: %w", safe(err))
	}
	names, err := rows.Columns()
	if err != nil {
		return nil, nil, fmt.Errorf("--query: %w", safe(err))
	}
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	for _, need := range columns[:2] {
		if !slices.Contains(names, need) {
			return nil, nil, fmt.Errorf("--query: there is no column %q in the result: id and email are required; write SELECT … AS %s", need, need)
		}
	}
	return rows, names, nil
}

// write passes rows on, one line each.
func write(w io.Writer, rows *sql.Rows, names []string) error {
	values := make([]sql.RawBytes, len(names))
	targets := make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	row := map[string]string{}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return errors.New("a row cannot be read as text")
		}
		clear(row)
		for i, name := range names {
			if slices.Contains(columns, name) {
				row[name] = string(values[i])
			}
		}
		if err := enc.Encode(row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("the query ended early: %w", safe(err))
	}
	return nil
}

// safe keeps of a server's error what cannot come out of a row: errors about the query and the connection as they are, of others
// the code.
func safe(err error) error {
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	switch {
	case errors.As(err, &pg):
		// Classes of SQLSTATE, PostgreSQL's appendix A: connection, transaction, authorization, catalog, syntax.
		if slices.Contains([]string{"08", "25", "28", "3D", "42"}, pg.Code[:min(2, len(pg.Code))]) {
			return fmt.Errorf("%s (SQLSTATE %s)", pg.Message, pg.Code)
		}
		return fmt.Errorf("the server says SQLSTATE %s", pg.Code)
	case errors.As(err, &my):
		// Access denied, unknown database, no such column, syntax, no such table, read-only transaction.
		if slices.Contains([]uint16{1044, 1045, 1049, 1054, 1064, 1146, 1792}, my.Number) {
			return fmt.Errorf("%s (error %d)", my.Message, my.Number)
		}
		return fmt.Errorf("the server says error %d", my.Number)
	}
	return err
}
