package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// AddOptions is how customers are added; its zero value is ready.
type AddOptions struct {
	Again bool      // take back customers that were forgotten
	Now   time.Time // zero: time.Now
}

// Add adds the customers of a source, in the forms that Build reads, to the snapshot at path, which one of the keys was used
// for. A directory that has it open knows them at the next Reload. What was known of the same customers before stays known
// until the next build, which drops what was added before its source was written. When Add returns without an error all of them
// are on disk; when it is killed, none or some.
func Add(ctx context.Context, path string, keys []Key, src io.Reader, name string, opts AddOptions) (Report, error) {
	s, err := openSnapshot(path, keys)
	if err != nil {
		return Report{}, err
	}
	key, _ := keyByID(keys, s.keyID)
	a := &adding{digester: newDigester(key), change: change{what: added, keyID: s.keyID, at: opts.Now}}
	if a.at.IsZero() {
		a.at = time.Now()
	}
	if !a.at.After(s.asOf) { // a clock that was put back must not make the addition an old one
		a.at = s.asOf.Add(1)
	}
	if err := a.read(ctx, src, name, s.wanted); err != nil {
		return a.report, err
	}
	unlock, err := lock(path)
	if err != nil {
		return a.report, err
	}
	defer unlock()
	err = a.write(path, keys, opts.Again)
	a.report.trim()
	return a.report, err
}

// adding collects customers before they are written: the lock is not held while a slow source is read.
type adding struct {
	change
	digester *digester
	report   Report
	records  []pending
	size     int
}

type pending struct {
	line        int
	id          string
	identifiers int
	country     bool
	record      []byte
}

func (a *adding) read(ctx context.Context, r io.Reader, name string, wanted kindSet) error {
	src, err := openSource(r, name)
	if err != nil {
		return err
	}
	a.report.UnknownColumns = src.unknown()
	var c customer
	var bad badRow
	for set := src.allow(wanted); ctx.Err() == nil; {
		err := src.read(&c)
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &bad):
			a.report.Rows++
			a.report.bad(bad)
		case err != nil:
			return fmt.Errorf("%s: behind line %d: %w", name, c.line, err)
		default:
			a.report.Rows++
			if err := a.row(&c, set); err != nil {
				return fmt.Errorf("%s:%d: %w", name, c.line, err)
			}
		}
	}
	return ctx.Err()
}

var errManyChanges = fmt.Errorf("what was added since the last build would take more than %d MiB: build the directory again instead", maxChanges>>20)

func (a *adding) row(c *customer, set kindSet) error {
	normal, bad := c.check(nil)
	if bad != nil {
		a.report.bad(*bad)
		return nil
	}
	problem := func(field, message string) {
		a.report.BadFields++
		a.report.problem(c.line, field, message)
	}
	a.id, a.owns = c.id, append(a.owns[:0], owned{email, a.digester.kinds[email].digest(normal)})
	c.identify(set, normal, func(k kind, value []byte) {
		a.owns = append(a.owns, owned{k, a.digester.kinds[k].digest(value)})
	}, problem)
	a.about = c.about(problem)
	record := a.change.append(nil)
	if a.size += len(record); a.size > maxChanges {
		return errManyChanges
	}
	a.records = append(a.records, pending{c.line, string(c.id), len(a.owns), a.about.country != "", record})
	return nil
}

// write appends the records to the file of changes. The lock must be held.
func (a *adding) write(path string, keys []Key, again bool) error {
	s, err := readChanges(path, keys, never)
	if err != nil {
		return err
	}
	var out []byte
	if s.valid == 0 {
		out = []byte(changesMagic)
	}
	for _, p := range a.records {
		if s.forgets([]byte(p.id)) {
			if !again {
				a.report.Forgotten++
				a.report.problem(p.line, "id", "this customer was forgotten, and is left out: directory add --again takes them back")
				continue
			}
			out = s.readmit(out, p.id, a.at)
		}
		a.report.Customers++
		a.report.Identifiers += int64(p.identifiers)
		if p.country {
			a.report.WithCountry++
		}
		out = append(out, p.record...)
	}
	if s.valid+len(out) > maxChanges {
		return fmt.Errorf("%s: %w", path, errManyChanges)
	}
	return appendFile(path+changesSuffix, s.valid, out)
}

// readmit takes a customer back, under each key under which they were forgotten.
func (s *changes) readmit(out []byte, id string, at time.Time) []byte {
	for _, l := range s.layers {
		if d := l.digester.forgotten.digest([]byte(id)); l.forgotten[d] {
			delete(l.forgotten, d)
			out = (&change{what: readmitted, keyID: l.keyID, at: at, forgotten: d}).append(out)
		}
	}
	return out
}

// appendFile writes b behind the valid part of a file, and cuts off what a killed writer left there.
func appendFile(path string, valid int, b []byte) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	if err := f.Truncate(int64(valid)); err != nil {
		return err
	}
	if _, err := f.WriteAt(b, int64(valid)); err != nil {
		return err
	}
	if err := f.Sync(); err != nil || valid > 0 {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// Forgot is what Forget did.
type Forgot struct {
	Forgotten int `json:"forgotten"` // customers that are no longer known
	Unknown   int `json:"unknown"`   // ids that belonged to no customer; they are kept out of later snapshots all the same
	Before    int `json:"before"`    // ids that were forgotten before
}

// Forget forgets customers by their ids. A directory that has the snapshot open answers for them no more from the next Reload;
// a build leaves them out, and with them the last that the present snapshot holds of them. What is kept is a keyed digest of
// the id, so that a customer file that still has it does not bring them back: only Add with Again does.
func Forget(path string, keys []Key, ids ...string) (Forgot, error) {
	var f Forgot
	for i, id := range ids {
		if message := badID([]byte(id)); message != "" {
			return f, fmt.Errorf("id %d: %s", i+1, message)
		}
	}
	unlock, err := lock(path)
	if err != nil {
		return f, err
	}
	defer unlock()
	s, err := openSnapshot(path, keys)
	if err != nil {
		return f, err
	}
	c, err := readChanges(path, keys, never)
	if err != nil {
		return f, err
	}
	key, _ := keyByID(keys, s.keyID)
	newest := c.layer(s.keyID, []Key{key})
	for _, id := range ids {
		if c.forgets([]byte(id)) {
			f.Before++
			continue
		}
		newest.forgotten[newest.digester.forgotten.digest([]byte(id))] = true
		if _, _, known := s.refOf(id, newest.digester.id.digest([]byte(id)).hi); known || c.adds(id) {
			f.Forgotten++
		} else {
			f.Unknown++
		}
	}
	runtime.KeepAlive(s)
	return f, c.replace(path, c.compact(func(c *change) bool { return !slices.Contains(ids, string(c.id)) }))
}

// adds: was this customer added?
func (s *changes) adds(id string) (found bool) {
	parseChanges(s.bytes[:s.valid], func(c *change, _ []byte) { found = found || c.what == added && string(c.id) == id })
	return found
}

// replace puts a new file of changes in place of the old one. The lock must be held.
func (s *changes) replace(path string, b []byte) error {
	path += changesSuffix
	if s.file == nil && len(b) == len(changesMagic) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".candor-changes-")
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if e := f.Sync(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// publish puts a built snapshot in place, and drops what was added before its source was written.
func publish(tmp, path string, keys []Key, asOf time.Time) error {
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	c, err := readChanges(path, keys, never)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("cannot replace the snapshot: %w", err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return err
	}
	// Killed here: what is too old in the file of changes is not used with the new snapshot, and the next build drops it.
	return c.replace(path, c.compact(func(c *change) bool { return !c.at.Before(asOf) }))
}
