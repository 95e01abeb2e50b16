package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"candor.example"
	"candor.example/guard"
	"candor.example/internal/journal"
	"candor.example/internal/ledger"
	"candor.example/internal/seal"
	"candor.example/internal/viewer"
)

// recorder puts what captures show into the same books as what is seen live: `candor scan --record`.
type recorder struct {
	where   ledgerFlag
	journal *journal.Journal // nil: a running serve has it
	ledger  *ledger.Ledger
	log     *slog.Logger

	guard   *guard.Guard
	sealer  *seal.Sealer
	digests map[string]string // of captures, by path; those that cannot be read have none

	// The capture that is being read.
	digest string
	upto   int64 // as far as the ledger had it before, as candor.Capture.To
	from   int64 // where entry begins
	number int64 // exchanges read before the one at hand
	entry  candor.Entry
	size   int             // of entry, as journal.Size has it
	now    candor.Entry    // of the exchange at hand
	seen   map[string]bool // owner, kind and class that the exchange at hand has shown
}

const (
	entryDisclosures = 500 // in one entry: half of what the journal puts into a message
	entryExchanges   = 1000
	// entrySize leaves room for coverage and responses: but for what is sealed, an entry of a capture is one message, for its parts would be
	// counted again when the capture is read again.
	entrySize = journal.MaxSize / 2
)

// openRecorder opens the books, and brings the ledger up to what the journal has.
func openRecorder(ctx context.Context, f ledgerFlag, log *slog.Logger) (*recorder, error) {
	r := &recorder{where: f, log: log}
	_, err := ask(ctx, f.dataFlag, "/caught-up", nil)
	switch {
	case errors.Is(err, errNotRunning):
		if r.journal, err = journal.Open(ctx, journal.Options{Dir: f.journal(), Log: log}); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	}
	if r.journal == nil {
		r.ledger, err = ledger.Open(ctx, f.where())
	} else {
		r.ledger, err = openLedger(ctx, f.where(), r.journal)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	if r.journal != nil {
		if err := catchUp(ctx, r.journal, r.ledger); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

func (r *recorder) close() {
	if r.journal != nil {
		r.journal.Close()
	}
	if r.ledger != nil {
		r.ledger.Close()
	}
}

// sessions remembers logins from one capture to the next and from one run to the next, as serve does.
func (r *recorder) sessions(ctx context.Context) (*viewer.Sessions, error) {
	if r.journal == nil {
		return nil, nil
	}
	s := &viewer.Sessions{Learned: r.journal.SaveSession}
	return s, r.journal.LoadSessions(ctx, func(credential, customer string) {
		if err := s.Set(credential, customer); err != nil {
			r.log.Warn("a kept session is not used", "error", err)
		}
	})
}

// wire has the guard tell what it keeps of responses.
func (r *recorder) wire(g *guard.Guard, d dataFlag) error {
	sealer, _, err := openSealer(d)
	if err != nil {
		return err
	}
	g.Seal = func(owner, kind string, value []byte) []candor.Sealed {
		return sealer.Seal(owner, candor.Kind(kind), value)
	}
	g.Note = func(e candor.Entry) { r.now = joined(r.now, e) }
	r.guard, r.sealer = g, sealer
	return nil
}

// missing leaves out the captures all of which is on record already, and says how many.
func (r *recorder) missing(ctx context.Context, files []string) (rest []string, err error) {
	r.digests = map[string]string{}
	for _, path := range files {
		done := false
		if digest, err := digestOf(path); err == nil { // what cannot be read is said when its turn comes
			r.digests[path] = digest
			if _, done, err = r.ledger.Captured(ctx, digest); err != nil {
				return nil, err
			}
		}
		if !done {
			rest = append(rest, path)
		}
	}
	if n := len(files) - len(rest); n > 0 {
		fmt.Fprintf(os.Stderr, "%d of %d captures are on record already, and are not read again\n", n, len(files))
	}
	return rest, ctx.Err()
}

// begin starts on a capture that missing has named.
func (r *recorder) begin(ctx context.Context, path string) (err error) {
	if r.digest = r.digests[path]; r.digest == "" {
		return fmt.Errorf("%s could not be read at first: try again", path)
	}
	r.upto, _, err = r.ledger.Captured(ctx, r.digest)
	r.number, r.from, r.entry, r.size, r.now, r.seen = 0, r.upto, candor.Entry{}, 0, candor.Entry{}, nil
	return err
}

// digestOf tells captures apart by their content: that a file has another name does not make it another capture.
func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// found takes a match of the exchange at hand. The journal gets what a live guard would have recorded: each owner, kind and class once.
func (r *recorder) found(d candor.Disclosure) {
	if d.Class != candor.Disclosed && d.Class != candor.Link {
		return
	}
	key := d.Owner + "\x00" + string(d.Kind) + "\x00" + string(d.Class)
	if r.seen[key] {
		return
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[key] = true
	id := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%s", r.digest, r.number, key))
	d.ID, d.Outcome = hex.EncodeToString(id[:16]), candor.Exposed
	d.Viewer, _, _ = strings.Cut(d.Viewer, ":")
	d.Source = ""
	r.now.Disclosures = append(r.now.Disclosures, d)
}

// inspected ends an exchange. What the ledger has of it is left out; one that shows very many people takes several entries.
func (r *recorder) inspected(ctx context.Context, c candor.Coverage) error {
	now, at := r.now, r.number*candor.CaptureParts
	now.Coverage, now.Personal = []candor.Coverage{c}, r.guard.TakePersonal()
	r.now, r.seen, r.number = candor.Entry{}, nil, r.number+1
	if at+candor.CaptureParts <= r.upto {
		return nil
	}
	if len(r.entry.Disclosures)+len(now.Disclosures) > entryDisclosures || len(r.entry.Coverage) >= entryExchanges || r.size+journal.Size(now) > entrySize {
		if err := r.write(ctx, at, false); err != nil {
			return err
		}
	}
	for n := part(now.Disclosures); n < len(now.Disclosures); n = part(now.Disclosures) {
		at++
		r.entry = candor.Entry{Disclosures: now.Disclosures[:n], Sealed: now.Sealed}
		now.Disclosures, now.Sealed = now.Disclosures[n:], nil
		if err := r.write(ctx, at, false); err != nil {
			return err
		}
	}
	r.entry, r.size = joined(r.entry, now), r.size+journal.Size(now)
	return nil
}

// part is how many disclosures of an exchange go into the next entry. It goes by them alone: whoever reads the capture again cuts it in the
// same places, though by then other things are sealed.
func part(ds []candor.Disclosure) (n int) {
	for size := 0; n < len(ds) && n < entryDisclosures; n++ {
		if size += journal.SizeOf(&ds[n]); size > entrySize && n > 0 {
			break
		}
	}
	return n
}

func joined(e, more candor.Entry) candor.Entry {
	e.Disclosures, e.Responses = append(e.Disclosures, more.Disclosures...), append(e.Responses, more.Responses...)
	e.Sealed, e.Coverage, e.Personal = append(e.Sealed, more.Sealed...), append(e.Coverage, more.Coverage...), append(e.Personal, more.Personal...)
	return e
}

// end writes what is left of a capture. One that could not be read to its end is not done: it is read again next time.
func (r *recorder) end(ctx context.Context, complete bool) error {
	return r.write(ctx, r.number*candor.CaptureParts, complete)
}

// write puts the entry at hand into the journal, unless the ledger has it.
func (r *recorder) write(ctx context.Context, to int64, done bool) error {
	e := r.entry
	r.entry, r.size = candor.Entry{}, 0
	if to < r.from || to == r.from && !done {
		return nil
	}
	e.Coverage, e.Capture = summed(e.Coverage), &candor.Capture{Digest: r.digest, From: r.from, To: to, Done: done}
	r.from = to
	for _, m := range journal.Cut(e) { // what a running serve is handed must not be too large, either
		if err := r.record(ctx, m); err != nil {
			return err
		}
	}
	r.sealer.Recorded(e.Sealed)
	return nil
}

func (r *recorder) record(ctx context.Context, e candor.Entry) error {
	if r.journal != nil {
		return r.journal.Record(ctx, e)
	}
	_, err := ask(ctx, r.where.dataFlag, "/entry", e)
	return err
}

// summed adds up coverage by minute, as a live guard does.
func summed(list []candor.Coverage) []candor.Coverage {
	type key struct {
		minute      int64
		site, route string
		skip        candor.Skip
	}
	at := map[key]int{}
	var sums []candor.Coverage
	for _, c := range list {
		k := key{c.Time.Unix() / 60, c.Site, c.Route, c.Skip}
		i, known := at[k]
		if !known {
			i = len(sums)
			at[k], sums = i, append(sums, candor.Coverage{Time: c.Time, Site: c.Site, Route: c.Route, Skip: c.Skip})
		}
		sums[i].Responses += c.Responses
		sums[i].Bytes += c.Bytes
	}
	return sums
}

// finish folds what was recorded, and says how many incidents there are.
func (r *recorder) finish(ctx context.Context, w io.Writer) error {
	if r.journal != nil {
		if err := rebuild(ctx, r.journal, r.ledger, r.ledger.Fold); err != nil {
			return err
		}
	} else if _, err := ask(ctx, r.where.dataFlag, "/caught-up", nil); err != nil {
		return err
	}
	list, err := r.ledger.Incidents(ctx)
	if err == nil {
		fmt.Fprintf(w, "on record: %d incidents; candor incident list shows them\n", len(list))
	}
	return err
}
