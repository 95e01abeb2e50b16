package ledger

import (
	"context"
	"database/sql"
)

// Sent counts by country, as the customer file has it, the people of an incident to whom a notice went out, by mail or otherwise.
func (l *Ledger) Sent(ctx context.Context, incident string) (map[string]int, error) {
	by := map[string]int{}
	rows, err := l.query(ctx, `SELECT r.country, COUNT(DISTINCT r.owner) FROM recipient r JOIN campaign c ON c.id = r.campaign
WHERE c.incident = ? AND c.kind = 'affected' AND (r.sent > 0 OR r.state = 'other') GROUP BY r.country`, incident)
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var country string
		var n int
		err = r.Scan(&country, &n)
		by[country] = n
		return none, err
	})
	return by, err
}
