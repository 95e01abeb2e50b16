package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// dialect is which SQL a database speaks. What differs between the two is in this file, in bulk.go and in the folders of migrations.
type dialect string

const (
	sqlite   dialect = "sqlite"
	postgres dialect = "postgres"
)

// migrations are the shared files, and those for what the two say differently.
func (d dialect) migrations() (fs.FS, error) {
	shared, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	own, err := fs.Sub(shared, string(d))
	return layers{shared, own}, err
}

// bind writes the placeholders ? and ?1 as the database knows them: PostgreSQL's are $1. No query of ours has a question mark in a text.
func (d dialect) bind(query string) string {
	if d == sqlite || !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte('$')
		if after == "" || after[0] < '0' || after[0] > '9' {
			fmt.Fprint(&b, n)
		}
		query = after
	}
}

// list makes one parameter of many texts, and a table of it with the column value: that costs less than a parameter for each.
func (d dialect) list(values []string) (from string, arg any, err error) {
	if d == postgres {
		return `unnest(?::text[]) AS list(value)`, values, nil
	}
	b, err := json.Marshal(values)
	return `json_each(?)`, string(b), err
}

// applied reads how far was folded, and keeps every other fold out until the transaction ends. SQLite's transactions begin with that.
func (d dialect) applied() string {
	if d == sqlite {
		return `SELECT seq FROM applied`
	}
	return `SELECT seq FROM applied FOR UPDATE`
}

var errURL = errors.New("--ledger: this is no URL of a PostgreSQL database, such as postgres://user:password@host:5432/candor")

// explain names the ledger, and what to do where something can be done.
func (l *Ledger) explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if l.dialect == postgres {
		err = explainPostgres(err)
	} else if hint := hintSQLite(err.Error()); hint != "" {
		err = fmt.Errorf("%w\n%s", err, hint)
	}
	return fmt.Errorf("ledger: %s: %w", l.where, err)
}

func hintSQLite(text string) string {
	switch {
	case strings.Contains(text, "not a database"), strings.Contains(text, "malformed"):
		return "It is damaged. Move it away and start again: it is built anew from the journal."
	case strings.Contains(text, "readonly"):
		return "It cannot be written to: look at the file's owner and mode."
	case strings.Contains(text, "full"):
		return "The disk is full. Make room: nothing is lost, the journal is folded from where it stood."
	}
	return ""
}

// hintsPostgres are what to do, by SQLSTATE or its class (PostgreSQL's manual, appendix A).
var hintsPostgres = map[string]string{
	"28P01": "The password, or the name of the user, is wrong. Mend the URL that --ledger or CANDOR_LEDGER gives.",
	"28":    "The server does not let this user in. Mend the URL that --ledger gives, or the server's pg_hba.conf.",
	"3D000": "There is no such database. Make it, as an administrator: createdb --owner USER DATABASE",
	"42501": "The user may not do that. The ledger's user must own the database, or may create tables in its schema.",
	"53100": "The server's disk is full. Make room: nothing is lost, the journal is folded from where it stood.",
	"53300": "The server has no connection free. Raise its max_connections; Candor takes up to 8.",
	"25006": "This server takes no writes, as a standby does. Name the primary in --ledger.",
	"57P":   "The server is starting or stopping. Candor tries again.",
}

// explainPostgres keeps of a server's error what cannot come out of a row, and adds what to do.
func explainPostgres(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		hint := ""
		for _, n := range []int{2, 3, 5} {
			if h, ok := hintsPostgres[pg.Code[:min(n, len(pg.Code))]]; ok {
				hint = "\n" + h
			}
		}
		// Classes: connection, transaction, authorization, catalog, syntax, resources, intervention.
		if slices.Contains([]string{"08", "25", "28", "3D", "42", "53", "57"}, pg.Code[:min(2, len(pg.Code))]) {
			return fmt.Errorf("%s (SQLSTATE %s)%s", pg.Message, pg.Code, hint)
		}
		return fmt.Errorf("the server says SQLSTATE %s%s", pg.Code, hint)
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return fmt.Errorf("%w\nIs the server running, and does it listen there? Look at host, port and sslmode of the URL that --ledger gives", err)
	}
	return err
}

// snapshot is the isolation in which a transaction sees one state from its first query to its last, as SQLite's always do.
func (d dialect) snapshot() sql.IsolationLevel {
	if d == sqlite {
		return sql.LevelDefault
	}
	return sql.LevelRepeatableRead
}
