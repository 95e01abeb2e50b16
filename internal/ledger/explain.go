package ledger

import (
	"context"
	"database/sql"
	"strings"

	"candor.example/internal/incident"
)

// Figure is one number of an incident: as it is stored, and as it derives from the base tables.
type Figure struct {
	Name    string `json:"name"`
	Stored  int64  `json:"stored"` // times in nanoseconds since 1970
	Derived int64  `json:"derived"`
	SQL     string `json:"sql"` // what Derived comes from, to be run by whoever doubts it
}

// Agrees tells whether the two are one.
func (f Figure) Agrees() bool { return f.Stored == f.Derived }

// figures are the numbers of an incident: the column that is shown, and what it derives from.
var figures = []struct{ name, stored, derived string }{
	{"exposed", `exposed`, `SELECT COUNT(*) FROM affected WHERE incident = ?1 AND outcome = 'exposed'`},
	{"prevented", `prevented`, `SELECT COUNT(*) FROM affected WHERE incident = ?1 AND outcome = 'prevented'`},
	{"possible", ``, `SELECT (SELECT COUNT(*) FROM affected WHERE incident = ?1 AND outcome = 'possible') + (SELECT COUNT(*) FROM ` + latentPeople + `)`},
	{"viewers", `viewers`, `SELECT COUNT(DISTINCT digest) FROM sight WHERE incident = ?1`},
	{"disclosures", `disclosures`, `SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM affected WHERE incident = ?1`},
	{"disclosures over time", `disclosures`, `SELECT CAST(COALESCE(SUM(disclosures), 0) AS BIGINT) FROM course WHERE incident = ?1`},
	{"exposed over time", `exposed`, `SELECT CAST(COALESCE(SUM(exposed), 0) AS BIGINT) FROM course WHERE incident = ?1`},
	{"prevented over time", `prevented`, `SELECT CAST(COALESCE(SUM(prevented), 0) AS BIGINT) FROM course WHERE incident = ?1`},
	{"responses", `responses`, `SELECT CAST(COALESCE(SUM(responses), 0) AS BIGINT) FROM course WHERE incident = ?1`},
	{"first seen", `first_seen`, `SELECT MIN(first) FROM affected WHERE incident = ?1`},
	{"last seen", `last_seen`, `SELECT MAX(last) FROM affected WHERE incident = ?1`},
}

// Explain derives each number of an incident anew, from one state of the ledger; ErrNoIncident if there is none by that id. What is
// stored of "possible" is what Incident said a moment before: a fold between the two may make them differ, and nothing else.
func (l *Ledger) Explain(ctx context.Context, id string) ([]Figure, error) {
	i, err := l.Incident(ctx, id)
	if err != nil {
		return nil, err
	}
	// A fold that comes between two queries must not make them disagree.
	tx, err := l.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: l.dialect.snapshot()})
	if err != nil {
		return nil, l.explain(err)
	}
	defer tx.Rollback()
	list := []Figure{}
	for _, f := range figures {
		one := Figure{Name: f.name, SQL: strings.ReplaceAll(f.derived, "?1", "'"+i.ID+"'")}
		if err := l.derive(ctx, tx, &one, f.stored, f.derived, i); err != nil {
			return nil, l.explain(err)
		}
		list = append(list, one)
	}
	return list, nil
}

func (l *Ledger) derive(ctx context.Context, tx *sql.Tx, f *Figure, stored, derived string, i incident.Incident) error {
	if err := tx.QueryRowContext(ctx, l.dialect.bind(derived), i.ID).Scan(&f.Derived); err != nil {
		return err
	}
	if stored == "" { // of this the screens show what is derived when it is asked for
		f.Stored = int64(i.Possible)
		return nil
	}
	return tx.QueryRowContext(ctx, l.dialect.bind(`SELECT `+stored+` FROM incident WHERE id = ?1`), i.ID).Scan(&f.Stored)
}
