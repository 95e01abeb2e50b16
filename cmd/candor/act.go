package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/ledger"
)

// actFlags are what every command takes that changes an incident: who, when and why go into the audit.
type actFlags struct {
	ledgerFlag
	By  string `placeholder:"NAME" help:"Who does this, for the audit (default: the user of this machine)."`
	Why string `placeholder:"TEXT" help:"Why, for the audit."`
	At  string `placeholder:"TIME" help:"When it happened, as RFC 3339 (default: now)."`
}

// action makes the record of what a human did.
func (f actFlags) action(what, incident string) (candor.Action, error) {
	a := candor.Action{ID: candor.NewID(), Time: time.Now().UTC(), By: f.By, What: what, Incident: incident, Why: f.Why, Details: map[string]string{}}
	if a.By == "" {
		a.By = userName()
	}
	if strings.EqualFold(strings.TrimSpace(a.By), "candor") || clean(a.By) != a.By || len(a.By) > 80 {
		return a, errors.New("--by: give the name of a person, of at most 80 bytes: what Candor does by itself is told apart by its name")
	}
	if f.At != "" {
		at, err := time.Parse(time.RFC3339, f.At)
		if err != nil {
			return a, fmt.Errorf("--at %s: write the time as RFC 3339, such as 2018-11-20T10:00:00Z", f.At)
		}
		if at.After(a.Time.Add(time.Minute)) {
			return a, fmt.Errorf("--at %s lies in the future", f.At)
		}
		a.Details["at"] = at.UTC().Format(time.RFC3339)
	}
	return a, nil
}

// userName is who sits at the keyboard, also behind sudo.
func userName() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// act puts an action into the journal, by way of the running serve where there is one, and returns once the ledger holds it. An action that
// the ledger refuses stays in the audit and is an error. Documents are what it names.
func act(ctx context.Context, d ledgerFlag, a candor.Action, documents ...candor.Document) error {
	e := candor.Entry{Actions: []candor.Action{a}, Documents: documents}
	_, err := ask(ctx, d.dataFlag, "/action", e)
	if !errors.Is(err, errNotRunning) {
		return err
	}
	j, err := openJournal(ctx, d.dataFlag)
	if err != nil {
		return err
	}
	defer j.Close()
	l, err := openLedger(ctx, d.where(), j)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := j.Record(ctx, e); err != nil {
		return err
	}
	if err := catchUp(ctx, j, l); err != nil {
		return err
	}
	return refusal(ctx, l, a)
}

// errRefused: the books have an action that changed nothing.
var errRefused = errors.New("this changes nothing, and is in the audit as refused")

// refusal is why the ledger refused an action that it has folded; nil if it did not.
func refusal(ctx context.Context, l *ledger.Ledger, a candor.Action) error {
	rows, err := l.Audit(ctx, a.Incident, 100)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.ID == a.ID && row.Refused != "" {
			return fmt.Errorf("%w: %s", errRefused, row.Refused)
		}
	}
	return nil
}

// act is the same for the running serve: what the console and other commands ask of it.
func (s *service) act(ctx context.Context, a candor.Action, documents ...candor.Document) error {
	if err := s.journal.Record(ctx, candor.Entry{Actions: []candor.Action{a}, Documents: documents}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := s.caughtUp(ctx); err != nil {
		return fmt.Errorf("it is on record, and takes effect later: %w", err)
	}
	if err := refusal(ctx, s.ledger, a); err != nil {
		return err
	}
	return s.contain(ctx)
}
