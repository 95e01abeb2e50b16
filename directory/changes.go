package directory

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"candor.example/scan"
)

// What happened since the snapshot was built stands in a file beside it: customers that were added, and those to forget. It
// only grows, but when a build or Forget replaces it, and any prefix of it is valid:
//
//	magic
//	for each change: length, crc32c, and as many bytes: type, key id (8), time (8), and
//	  'a'  added:         length of the id, id, then for each identifier its kind (1) and digest (16)
//	  'A'  added:         the same, with the lengths and texts of locale and country behind the id
//	  'f'  forgotten:     digest of the id (16)
//	  'r'  readmitted:    digest of the id (16)
//
// The id of who was forgotten is not kept.
const (
	changesMagic  = "candor changes 1\n"
	changesSuffix = ".changes"
	maxChanges    = 256 << 20 // bytes: about two million customers; then build anew
	changeHead    = 1 + 8 + 8
	maxChange     = changeHead + 1 + maxID + 1 + maxLocale + 1 + maxCountry + len(kinds)*2*17
)

// change is one record.
type change struct {
	what      byte
	keyID     string // 16 digits
	at        time.Time
	id        []byte
	owns      []owned // of an added customer
	about     about
	forgotten digest
}

const (
	added      = 'a'
	addedAbout = 'A' // parsed as added
	forgotten  = 'f'
	readmitted = 'r'
)

type owned struct {
	kind   kind
	digest digest
}

func (c *change) append(dst []byte) []byte {
	le, at := binary.LittleEndian, len(dst)
	dst = append(dst, make([]byte, 8)...)
	id, _ := hex.DecodeString(c.keyID)
	what := c.what
	if c.about != (about{}) {
		what = addedAbout
	}
	dst = append(append(dst, what), id...)
	dst = le.AppendUint64(dst, uint64(c.at.UnixNano()))
	if c.what == added {
		dst = append(append(dst, byte(len(c.id))), c.id...)
		if what == addedAbout {
			dst = appendAbout(dst, c.about)
		}
		for _, o := range c.owns {
			dst = le.AppendUint64(le.AppendUint64(append(dst, byte(o.kind)), o.digest.hi), o.digest.lo)
		}
	} else {
		dst = le.AppendUint64(le.AppendUint64(dst, c.forgotten.hi), c.forgotten.lo)
	}
	le.PutUint32(dst[at:], uint32(len(dst)-at-8))
	le.PutUint32(dst[at+4:], crc32.Checksum(dst[at+8:], castagnoli))
	return dst
}

var errChange = errors.New("it is damaged")

func (c *change) parse(b []byte) error {
	le := binary.LittleEndian
	if len(b) <= changeHead {
		return errChange
	}
	*c = change{what: b[0], keyID: hex.EncodeToString(b[1:9]), at: time.Unix(0, int64(le.Uint64(b[9:]))), owns: c.owns[:0]}
	b = b[changeHead:]
	switch c.what {
	case forgotten, readmitted:
		if len(b) != 16 {
			return errChange
		}
		c.forgotten = digest{le.Uint64(b), le.Uint64(b[8:])}
		return nil
	case added, addedAbout:
		return c.parseAdded(b)
	}
	return errChange
}

func (c *change) parseAdded(b []byte) (err error) {
	n := int(b[0])
	if n == 0 || n > maxID || len(b) < 1+n {
		return errChange
	}
	c.id, b = b[1:1+n], b[1+n:]
	if c.what == addedAbout {
		if c.about, b, err = cutAbout(b); err != nil {
			return errChange
		}
	}
	if c.what = added; len(b)%17 != 0 {
		return errChange
	}
	for le := binary.LittleEndian; len(b) > 0; b = b[17:] {
		if int(b[0]) >= len(kinds) {
			return errChange
		}
		c.owns = append(c.owns, owned{kind(b[0]), digest{le.Uint64(b[1:]), le.Uint64(b[9:])}})
	}
	return nil
}

// parseChanges calls yield with each change, and with its record, both valid until it returns. A record that was being written
// when its writer was killed is no damage: valid is where it begins.
func parseChanges(b []byte, yield func(c *change, record []byte)) (valid int, err error) {
	if len(b) < len(changesMagic) && strings.HasPrefix(changesMagic, string(b)) {
		return 0, nil
	}
	if !strings.HasPrefix(string(b[:min(len(b), len(changesMagic))]), changesMagic) {
		return 0, errors.New("this is no file of changes, or of another version")
	}
	var c change
	for at := len(changesMagic); ; {
		if rest := b[at:]; len(rest) < 8 || torn(rest) {
			return at, nil
		}
		n := int(binary.LittleEndian.Uint32(b[at:]))
		if n > maxChange {
			return at, fmt.Errorf("%w at byte %d", errChange, at)
		}
		record := b[at : at+8+n]
		if crc32.Checksum(record[8:], castagnoli) != binary.LittleEndian.Uint32(record[4:]) || c.parse(record[8:]) != nil {
			return at, fmt.Errorf("%w at byte %d", errChange, at)
		}
		yield(&c, record)
		at += 8 + n
	}
}

// torn: the file ends inside the record, or was made longer and nothing written yet.
func torn(b []byte) bool {
	n := binary.LittleEndian.Uint32(b)
	return int(n) <= maxChange && int(n) > len(b)-8 || !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}

// changes are a file's, ready to be looked up.
type changes struct {
	layers []*layer
	file   os.FileInfo // nil: there is none
	valid  int
	bytes  []byte
	added  int // customers
}

// layer is the changes that were made under one key: there are two while keys rotate.
type layer struct {
	keyID     string
	digester  *digester
	held      kindSet
	owners    map[digest][]string
	abouts    map[string]about // by id
	forgotten map[digest]bool
}

// never is asOf for who wants to know only who was forgotten.
var never = time.Unix(1<<40, 0)

// readChanges reads those beside a snapshot. Customers that were added before asOf are left out: the snapshot knows better.
func readChanges(snapshot string, keys []Key, asOf time.Time) (*changes, error) {
	path := snapshot + changesSuffix
	s := &changes{}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	} else if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	if info.Size() > maxChanges {
		return nil, fmt.Errorf("directory: %s has more than %d MiB: build the directory again", path, maxChanges>>20)
	}
	if s.bytes, err = os.ReadFile(path); err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	s.file = info
	if err := s.parse(keys, asOf); err != nil {
		return nil, fmt.Errorf("directory: %s: %w", path, err)
	}
	return s, nil
}

func (s *changes) parse(keys []Key, asOf time.Time) (err error) {
	var missing error
	s.valid, err = parseChanges(s.bytes, func(c *change, _ []byte) {
		l := s.layer(c.keyID, keys)
		switch {
		case l == nil:
			missing = fmt.Errorf("changes were made under key %s, and %s", c.keyID, whatKeys(keys))
		case c.what == forgotten:
			l.forgotten[c.forgotten] = true
		case c.what == readmitted:
			delete(l.forgotten, c.forgotten)
		case !c.at.Before(asOf):
			s.added++
			id := string(c.id)
			l.describe(id, c.about)
			for _, o := range c.owns {
				l.held |= 1 << o.kind
				if !slices.Contains(l.owners[o.digest], id) {
					l.owners[o.digest] = append(l.owners[o.digest], id)
				}
			}
		}
	})
	if err == nil {
		return missing
	}
	return fmt.Errorf("%w: customers that were added or forgotten since the last build are not all known. Build the directory again, remove the file, and forget again whom the customer file still holds", err)
}

func (s *changes) layer(keyID string, keys []Key) *layer {
	for _, l := range s.layers {
		if l.keyID == keyID {
			return l
		}
	}
	key, ok := keyByID(keys, keyID)
	if !ok {
		return nil
	}
	l := &layer{keyID: keyID, digester: newDigester(key), owners: map[digest][]string{}, abouts: map[string]about{}, forgotten: map[digest]bool{}}
	s.layers = append(s.layers, l)
	return l
}

// describe keeps what was said last.
func (l *layer) describe(id string, a about) {
	if a != (about{}) {
		before := l.abouts[id]
		l.abouts[id] = about{cmp.Or(a.locale, before.locale), cmp.Or(a.country, before.country)}
	}
}

// forgets says whether a customer was forgotten.
func (s *changes) forgets(id []byte) bool {
	for _, l := range s.layers {
		if len(l.forgotten) > 0 && l.forgotten[l.digester.forgotten.digest(id)] {
			return true
		}
	}
	return false
}

// countForgotten is the number of customers that were.
func (s *changes) countForgotten() (n int) {
	for _, l := range s.layers {
		n += len(l.forgotten)
	}
	return n
}

func (s *changes) held() (set kindSet) {
	for _, l := range s.layers {
		set |= l.held
	}
	return set
}

// owners of an identifier among the customers that were added, in the order in which they were.
func (s *changes) owners(k scan.Kind, normalised []byte) (owners []string) {
	for _, l := range s.layers {
		if len(l.owners) == 0 {
			continue
		}
		if d, ok := l.digester.digest(k, normalised); ok {
			owners = append(owners, l.owners[d]...)
		}
	}
	return owners
}

// compact keeps who was forgotten, and the changes of which keep says so.
func (s *changes) compact(keep func(c *change) bool) []byte {
	out := []byte(changesMagic)
	for _, l := range s.layers {
		for d := range l.forgotten {
			out = (&change{what: forgotten, keyID: l.keyID, at: time.Now(), forgotten: d}).append(out)
		}
	}
	parseChanges(s.bytes[:s.valid], func(c *change, record []byte) {
		if c.what == added && keep(c) {
			out = append(out, record...)
		}
	})
	return out
}
