package ledger

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
)

// tables are all, each with its key. Which of a person's viewers stands in affected, and which in further, is no matter: sight has all.
var tables = []struct{ name, key string }{
	{"applied", "one"}, {"incident", "id"}, {"affected", "incident, owner, outcome"}, {"sight", "incident, owner, outcome, digest"}, {"viewer", "incident, digest"},
	{"response", "incident, id"}, {"pending", "incident, response, owner, outcome"}, {"course", "incident, step"}, {"link", "link, owner, digest, kind"}, {"coverage", "minute, site, route, skip"},
	{"release", "site, time, name"}, {"evidence", "incident, id"}, {"purge", "incident, kind, value"}, {"latent", "site, route, owner"},
	{"latent_route", "site, route"}, {"sealed", "owner, kind, key"}, {"personal", "site, route, place, hour"}, {"audit", "n"},
	{"moment", "incident, name"}, {"containment", "site, route"}, {"assessment", "incident"}, {"capture", "digest"},
	{"document", "hash"}, {"campaign", "id"}, {"recipient", "campaign, n"}, {"delivery", "campaign"}, {"answer", "incident, digest"}, {"report", "incident, revision"},
}

// Dump writes every row of every table but which journal it is of, a line each, in an order of its own: two ledgers of the same entries have the same dump, whichever
// database they are in and however the journal was cut into batches.
func (l *Ledger) Dump(ctx context.Context, w io.Writer) error {
	tx, err := l.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: l.dialect.snapshot()})
	if err != nil {
		return l.explain(err)
	}
	defer tx.Rollback()
	b := bufio.NewWriter(w)
	for _, t := range tables {
		rows, err := tx.QueryContext(ctx, `SELECT * FROM `+t.name+` ORDER BY `+t.key)
		if err != nil {
			return l.explain(err)
		}
		if err := dumpRows(b, t.name, rows); err != nil {
			return l.explain(err)
		}
	}
	return b.Flush()
}

func dumpRows(w io.Writer, table string, rows *sql.Rows) error {
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	values, targets := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		io.WriteString(w, table)
		for i, v := range values {
			if table == "affected" && names[i] == "viewer" {
				continue // sight has it
			}
			if text, ok := v.(string); ok {
				v = fmt.Sprintf("%q", text)
			}
			fmt.Fprintf(w, " %s=%v", names[i], v)
		}
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
	}
	return rows.Err()
}
