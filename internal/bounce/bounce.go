// Package bounce reads what comes back for a notice: delivery reports (RFC 3464, 6533) and those that programs word as they like, complaints (RFC
// 5965), answers by machines (RFC 3834); and what the receivers of seed mailboxes say of a message (RFC 8601).
//
// Start with [ReturnPath.Parse]; [Listener] takes mail for the return path by SMTP, [Maildir] from a folder, and [Authentication] judges a seed. What
// it reads was written by strangers: a message costs a bounded amount of memory and time, and no address in it, nor what is left of it, comes out.
package bounce

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strings"

	"candor.example/internal/notice"
)

// Report is what one message says of one notice. It holds no address.
type Report struct {
	ID     string           `json:"id"`               // a digest of the message: the same one read twice has it in common
	Key    string           `json:"key,omitempty"`    // the notice's; empty: not to be found out
	Kind   notice.EventKind `json:"kind"`             // notice.Returned, Delayed, Delivered or Complained; AutoReply or Unknown
	Status string           `json:"status,omitempty"` // RFC 3463, or a reply code where there is none
	Hard   bool             `json:"hard,omitempty"`   // another attempt would end in the same way
	Cause  string           `json:"cause,omitempty"`  // one of Causes
	Detail string           `json:"detail,omitempty"` // the reporter's words, masked, at most MaxDetail bytes
}

// What is no event of a notice.
const (
	AutoReply notice.EventKind = "auto-reply" // out of office, and other machines that answer
	Unknown   notice.EventKind = "unknown"
)

// Limits.
const (
	MaxMessage = 1 << 20 // bytes of a message that are read
	MaxDetail  = 200
	maxParts   = 50
	maxDepth   = 8
	maxText    = 64 << 10 // bytes of each part that are looked at
	maxFields  = 500
)

// ReturnPath is where reports are sent to: bounce+TAG@Domain.
type ReturnPath struct {
	Domain string // A-labels, lower case
	// Key is the notice's key in a tag, if it is one that the sender made: delivery.Signer.TagKey.
	Key func(tag string) (key string, ok bool)
}

// Local is the local part of every return path, in front of the tag.
const Local = "bounce"

// keyOf an address of the return path.
func (p ReturnPath) keyOf(address string) (string, bool) {
	address = strings.ToLower(strings.Trim(strings.TrimSpace(address), "<>"))
	tag, ok := strings.CutPrefix(address, Local+"+")
	if !ok {
		return "", false
	}
	if tag, ok = strings.CutSuffix(tag, "@"+strings.ToLower(p.Domain)); !ok || len(tag) > 64 {
		return "", false
	}
	return p.Key(tag)
}

// Parse reads one message, of which at most MaxMessage bytes matter. recipient is that of the envelope, and empty where it is not known: then the fields
// that delivery leaves say it. An error is the reader's: what is no report is Unknown.
func (p ReturnPath) Parse(r io.Reader, recipient string) (Report, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxMessage))
	if err != nil {
		return Report{}, err
	}
	m := read(raw)
	report := m.judge()
	sum := sha256.Sum256(raw)
	report.ID = hex.EncodeToString(sum[:16])
	report.Key = p.key(m, recipient)
	return report, nil
}

// key: the envelope first, which nobody can make up who was not sent to. Then what the report names as the notice's envelope, then its Message-ID.
func (p ReturnPath) key(m *mail, recipient string) string {
	candidates := []string{recipient}
	for _, name := range []string{"delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to"} {
		candidates = append(candidates, m.head.all(name)...)
	}
	for _, f := range m.feedback {
		candidates = append(candidates, f.all("original-mail-from")...)
	}
	for _, c := range candidates {
		for _, address := range addressForm.FindAllString(c, 10) {
			if key, ok := p.keyOf(address); ok {
				return key
			}
		}
	}
	for _, f := range m.reports {
		if id := strings.ToLower(f.get("original-envelope-id")); isKey(id) {
			return id
		}
	}
	for _, f := range m.returned {
		if id := messageID.FindStringSubmatch(f.get("message-id")); id != nil {
			return strings.ToLower(id[1])
		}
	}
	if id := messageIDLine.FindStringSubmatch(m.text); id != nil {
		return strings.ToLower(id[1])
	}
	return ""
}

var (
	keyForm       = regexp.MustCompile(`^[a-z2-7]{26}$`)
	messageID     = regexp.MustCompile(`(?i)^\s*<([a-z2-7]{26})@`)
	messageIDLine = regexp.MustCompile(`(?im)^[>|\s]*message-id:\s*<([a-z2-7]{26})@`)
	// addressForm is what may be an address, in a field or a text.
	addressForm = regexp.MustCompile(`[^\s<>"'(),;:\[\]]{1,100}@[^\s<>"'(),;:\[\]]{1,255}`)
)

func isKey(s string) bool { return keyForm.MatchString(s) }

// String says what it is, in a line.
func (r Report) String() string { return fmt.Sprintf("%s %s %s", r.Kind, r.Status, r.Cause) }
