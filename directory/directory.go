// Package directory knows a retailer's customers without knowing their addresses: it holds keyed digests of identifiers,
// and answers to whom one belongs.
//
// Build makes a snapshot from a customer file; Open maps one into memory; Directory.Owners looks up whose an identifier is, and
// Directory.Known whether it is anybody's. A Bloom filter stands in front, and every hit is confirmed exactly, so that a filter hit alone never counts.
//
// It promises: no identifier in any file; a snapshot is replaced as a whole or not at all; one that is cut off or made with
// another key is refused; a part that is corrupt is found by its checksum before it is first used, never answers, and is
// reported; a look-up of a stranger allocates nothing.
package directory

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"candor.example/scan"
)

// Directory is an open snapshot. It is safe for concurrent use.
type Directory struct {
	path    string
	current atomic.Pointer[view]
	closed  atomic.Bool
	checks  sync.WaitGroup
	reload  sync.Mutex
	keys    []Key // under reload
}

// view is what look-ups see: replaced as a whole.
type view struct {
	snapshot *snapshot
	digester *digester // by the snapshot's key
	changes  *changes  // since it was built
}

// Info describes a snapshot.
type Info struct {
	Path        string      `json:"path"`
	Customers   int64       `json:"customers"`
	Identifiers int64       `json:"identifiers"`
	WithCountry int64       `json:"with_country"` // customers of the snapshot of whom the country is known
	Kinds       []scan.Kind `json:"kinds"`
	Built       time.Time   `json:"built"`
	AsOf        time.Time   `json:"as_of"`
	KeyID       string      `json:"key_id"`
	ChangeKeys  []string    `json:"change_key_ids,omitempty"` // under which changes were made that are still needed
	Added       int         `json:"added"`                    // since the snapshot was built
	Forgotten   int         `json:"forgotten"`                // ever
	Bytes       int64       `json:"bytes"`
	Format      int         `json:"format"`
}

// atOnce is the size of a snapshot that Open checks before it returns: a tenth of a second's work.
const atOnce = 256 << 20

// Open maps the snapshot at path, which was built with one of the keys. One of up to 256 MiB is checked before Open returns. Of
// a larger one, each part is checked when it is first used, and all of it in the background: Damage says what was found.
func Open(path string, keys ...Key) (*Directory, error) {
	d := &Directory{path: path, keys: keys}
	v, err := d.open(atOnce)
	if err != nil {
		return nil, err
	}
	d.current.Store(v)
	d.checks.Go(func() { v.snapshot.verify(d.closed.Load) })
	return d, nil
}

// open a view; again where a build has come in between.
func (d *Directory) open(check int64) (*view, error) {
	v, err := d.openOnce(check)
	for err == errReplaced {
		v, err = d.openOnce(check)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// openOnce opens a view, of which the snapshot is checked whole if it has not more bytes than check.
func (d *Directory) openOnce(check int64) (*view, error) {
	s, err := openSnapshot(d.path, d.keys)
	if err != nil {
		return nil, err
	}
	if int64(len(s.data)) <= check {
		if err := s.verify(d.closed.Load); err != nil {
			return nil, err
		}
	}
	key, _ := keyByID(d.keys, s.keyID)
	v := &view{snapshot: s, digester: newDigester(key)}
	return v, v.readChanges(d)
}

// readChanges reads what changed since the snapshot was built. The snapshot's file must not be replaced meanwhile: then what
// was added may be known to the new one only.
func (v *view) readChanges(d *Directory) (err error) {
	if v.changes, err = readChanges(d.path, d.keys, v.snapshot.asOf); err != nil {
		return err
	}
	v.changes.bytes = nil // only who changes the file needs it
	if info, err := os.Stat(d.path); err == nil && !os.SameFile(info, v.snapshot.file) {
		return errReplaced
	}
	return nil
}

var errReplaced = errors.New("directory: the snapshot was replaced while it was opened")

func (d *Directory) view() *view {
	if d == nil {
		return nil
	}
	return d.current.Load()
}

// maxOwners is how many owners of one identifier are listed.
const maxOwners = 64

// Owners returns the ids of the customers to whom a normalised identifier belongs, and nil when it is nobody's. Of a name that
// many customers share it returns 64: ask Owned whether it is also somebody's in particular.
func (d *Directory) Owners(kind scan.Kind, normalised []byte) []string {
	v := d.view()
	if v == nil {
		return nil
	}
	sum, ok := v.digester.digest(kind, normalised)
	if !ok {
		return nil
	}
	run, added := v.snapshot.run(sum), v.changes.owners(kind, normalised)
	if len(run) == 0 && len(added) == 0 {
		return nil
	}
	owners := v.owners(run, added)
	runtime.KeepAlive(v.snapshot)
	return owners
}

func (v *view) owners(run []byte, added []string) (owners []string) {
	var room [maxID]byte
	for i := 0; i < len(run)/entrySize && len(owners) < maxOwners; i++ {
		if id, ok := v.snapshot.id(room[:0], refAt(run, i)); ok && !v.changes.forgets(id) {
			owners = append(owners, string(id))
		}
	}
	for _, id := range added {
		if len(owners) < maxOwners && !slices.Contains(owners, id) && !v.changes.forgets([]byte(id)) {
			owners = append(owners, id)
		}
	}
	slices.Sort(owners)
	return owners
}

// Known says whether a normalised identifier is anybody's. Who need not know whose asks this and not Owners: it allocates nothing, and where
// nobody was forgotten the ids are not read.
func (d *Directory) Known(kind scan.Kind, normalised []byte) bool {
	v := d.view()
	if v == nil {
		return false
	}
	sum, ok := v.digester.digest(kind, normalised)
	if !ok {
		return false
	}
	known := v.known(v.snapshot.run(sum)) || slices.ContainsFunc(v.changes.owners(kind, normalised), func(id string) bool { return !v.changes.forgets([]byte(id)) })
	runtime.KeepAlive(v.snapshot)
	return known
}

// known says whether there is an owner who was not forgotten.
func (v *view) known(run []byte) bool {
	forgotten := v.changes.countForgotten() > 0
	var room [maxID]byte
	for i := range len(run) / entrySize {
		if ref := refAt(run, i); !forgotten && v.snapshot.leads(ref) {
			return true
		} else if id, ok := v.snapshot.id(room[:0], ref); ok && !v.changes.forgets(id) {
			return true
		}
	}
	return false
}

// Owned says whether a normalised identifier is one of this customer's, however many others it may belong to.
func (d *Directory) Owned(kind scan.Kind, normalised []byte, id string) bool {
	v := d.view()
	if v == nil || len(id) > maxID {
		return false
	}
	sum, ok := v.digester.digest(kind, normalised)
	if !ok || v.changes.forgets([]byte(id)) {
		return false
	}
	owned := v.snapshot.owned(sum, id, v.digester.id.digest([]byte(id)).hi)
	runtime.KeepAlive(v.snapshot)
	return owned || slices.Contains(v.changes.owners(kind, normalised), id)
}

// Kinds lists the kinds of identifiers that the directory holds; nothing else need be looked for.
func (d *Directory) Kinds() []scan.Kind {
	v := d.view()
	if v == nil {
		return nil
	}
	return (v.snapshot.held | v.changes.held()).list()
}

// Holds says whether there are identifiers of a kind.
func (d *Directory) Holds(k scan.Kind) bool {
	v, i := d.view(), kindOf(k)
	return v != nil && i >= 0 && (v.snapshot.held | v.changes.held()).has(kind(i))
}

// Info describes the snapshot in use.
func (d *Directory) Info() Info {
	v := d.view()
	if v == nil {
		return Info{Path: d.path}
	}
	s := v.snapshot
	info := Info{Path: d.path, Customers: s.customers, Identifiers: s.identifiers, WithCountry: s.withCountry, Kinds: d.Kinds(), Built: s.built, AsOf: s.asOf,
		KeyID: s.keyID, Added: v.changes.added, Forgotten: v.changes.countForgotten(), Bytes: int64(len(s.data)), Format: formatNumber}
	for _, l := range v.changes.layers {
		info.ChangeKeys = append(info.ChangeKeys, l.keyID)
	}
	return info
}

// Damage is what is wrong with the snapshot in use, as far as it has been checked, and nil while nothing is.
func (d *Directory) Damage() error {
	v := d.view()
	if v == nil {
		return nil
	}
	return v.snapshot.damage()
}

// Check checks all of the snapshot in use.
func (d *Directory) Check() error {
	v := d.view()
	if v == nil {
		return nil
	}
	return v.snapshot.verify(d.closed.Load)
}

// Accept makes more keys known, for the next Reload: while keys rotate, a snapshot built with a new one is to come.
func (d *Directory) Accept(keys ...Key) {
	d.reload.Lock()
	defer d.reload.Unlock()
	for _, k := range keys {
		if !slices.Contains(d.keys, k) {
			d.keys = append(d.keys, k)
		}
	}
}

// Reload takes up the snapshot at the directory's path, and what changed since it was built, if they are not those in use. On
// an error everything stays as it is. A snapshot that was replaced stays mapped until nobody can be reading it: see
// snapshot.release. The new one is checked whole before it is taken up. When nothing changed, Reload returns Damage.
func (d *Directory) Reload() (changed bool, err error) {
	d.reload.Lock()
	defer d.reload.Unlock()
	old := d.current.Load()
	info, err := os.Stat(d.path)
	if err != nil {
		return false, fmt.Errorf("directory: %w", err)
	}
	changes, _ := os.Stat(d.path + changesSuffix)
	switch {
	case old == nil || !sameFile(info, old.snapshot.file):
		v, err := d.open(1 << 62)
		if err != nil {
			return false, err
		}
		d.current.Store(v)
		return true, nil
	case sameFile(changes, old.changes.file):
		return false, d.Damage()
	}
	v := &view{snapshot: old.snapshot, digester: old.digester}
	if err := v.readChanges(d); err != nil {
		return false, err
	}
	d.current.Store(v)
	return true, nil
}

func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Close lets go of the snapshot; afterwards every identifier is nobody's.
func (d *Directory) Close() error {
	d.closed.Store(true)
	d.current.Store(nil)
	d.checks.Wait()
	return nil
}
