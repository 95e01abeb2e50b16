package directory

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"candor.example/scan"
)

// digesting is one worker's part of reading a customer file: rows in, digests out.
type digesting struct {
	*builder
	set, held kindSet
	report    Report
	cache     aboutCache
	normal    []byte
	record    []byte
}

// row takes one customer, or notes what is wrong with the row. Its error is one of writing.
func (w *digesting) row(c *customer) error {
	normal, bad := c.check(w.normal[:0])
	if w.normal = normal; bad != nil {
		w.report.bad(*bad)
		return nil
	}
	if w.changes.forgets(c.id) {
		w.report.Forgotten++
		return nil
	}
	err := w.identifier(c, email, normal)
	c.identify(w.set, normal, func(k kind, value []byte) {
		if e := w.identifier(c, k, value); err == nil {
			err = e
		}
	}, w.badField(c))
	if err != nil {
		return err
	}
	return w.id(c.id, c.line, w.aboutNumber(c))
}

func (w *digesting) id(id []byte, line int, about uint16) error {
	hash := w.digester.id.digest(id).hi
	w.record = binary.LittleEndian.AppendUint64(w.record[:0], hash)
	w.record = binary.LittleEndian.AppendUint32(w.record, uint32(line))
	w.record = binary.LittleEndian.AppendUint16(w.record, about)
	w.record = append(append(w.record, byte(len(id))), id...)
	return w.customers.add(int(hash>>(64-partitionBits)), w.record)
}

// idRecord is a digest, a line, the number of what is said about the customer, and the length of the id that follows.
const idRecord = 8 + 4 + 2 + 1

// entryRecord is a digest, of which the last octet is given to the kind, and a line.
const entryRecord = 8 + 8 + 4

func (w *digesting) identifier(c *customer, k kind, value []byte) error {
	w.held |= 1 << k
	d := w.digester.kinds[k].digest(value)
	w.record = binary.LittleEndian.AppendUint64(w.record[:0], d.hi)
	w.record = binary.LittleEndian.AppendUint64(w.record, d.lo&^0xff|uint64(k))
	w.record = binary.LittleEndian.AppendUint32(w.record, uint32(c.line))
	return w.digests.add(int(d.hi>>(64-partitionBits)), w.record)
}

// check appends the customer's normalised address to dst, or says why there is no such customer.
func (c *customer) check(dst []byte) (normal []byte, bad *badRow) {
	if message := badID(c.id); message != "" {
		return dst, &badRow{c.line, "id", message}
	}
	normal, ok := scan.NormalizeEmail(dst, c.email)
	switch {
	case ok:
		return normal, nil
	case len(c.email) == 0:
		return dst, &badRow{c.line, "email", "it is empty"}
	case !utf8.Valid(c.email):
		return dst, &badRow{c.line, "email", "it is not UTF-8"}
	}
	return dst, &badRow{c.line, "email", "it is no e-mail address"}
}

// badID: an id is opaque, so that it may stand in journals, ledgers and reports.
func badID(id []byte) string {
	switch {
	case len(id) == 0:
		return "it is empty"
	case len(id) > maxID:
		return fmt.Sprintf("it is longer than %d bytes", maxID)
	case !utf8.Valid(id):
		return "it is not UTF-8"
	case bytes.IndexByte(id, '@') >= 0:
		return "it looks like an e-mail address: use an opaque id that says nothing about the person"
	case bytes.IndexFunc(id, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) >= 0:
		return "it holds a control character"
	}
	return ""
}
