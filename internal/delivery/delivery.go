// Package delivery sends each person's notice at most once, and can say of everybody what became of it.
//
// Start with [OpenStore] and [Sender]: Sender.Run works the frozen set of one campaign in parts of a thousand numbers, over one or more
// relays, until nobody who may be sent to is queued. [Store.Follow] delivers what happened, in order, to be folded into the ledger.
//
// It promises:
//
//   - An intent is durable before the end of a message leaves (the final dot, or the last chunk), and the relay's answer is recorded after it.
//     Whoever has an intent and no answer is in doubt, and is never sent to again but by a human's word, or once, when a report says that it was
//     not delivered and that another attempt may end otherwise. RFC 1047 describes that window; SMTP has no way to close it. A kill leaves a few people
//     in doubt for each connection: one whose message is on its way, intentsAhead behind it, and whose answers wait to be written.
//   - One worker at a time sends for a part. Its right is the sequence number of the part's last record: each record that it writes names the
//     one before, and the server refuses it once somebody else has written. A stalled, cloned or revived worker cannot record an
//     intent, and so sends to nobody but those few who have one on record, to whom nobody else sends.
//   - Addresses are in this process's memory only, and are masked in whatever a relay says.
//
// What it cannot: two copies of one folder on two machines that share no NATS server know nothing of each other.
package delivery

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"candor.example"
	"candor.example/internal/notice"
)

// Recipient is one person of the frozen set, as the ledger has it. It may lag behind the store, which is asked first.
type Recipient struct {
	notice.Person
	N       int // in the frozen set, from 0
	State   notice.State
	Attempt int // of the last intent or deferral that the ledger has folded, 0 for none
	Sealed  []candor.Sealed
	Key     string // see notice.Event
}

// Format keeps the person out of every print.
func (r Recipient) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "recipient %d", r.N) }

// LogValue keeps the person out of logs.
func (r Recipient) LogValue() slog.Value { return slog.IntValue(r.N) }

// Composed is a notice that can be sent.
type Composed struct {
	To   string // the address, in the clear
	Name string // the person's, in the clear: a relay that repeats it is not quoted
	Code string // Person.Code, for the ledger
	// Message writes the message: RFC 5322, each line ends in CRLF. It is called once for each attempt, by several goroutines at a time for
	// different people: writing and signing happen here. A *WithheldError says that there is none.
	Message func(io.Writer) error
}

// Format keeps the address out of every print.
func (c Composed) Format(s fmt.State, _ rune) { fmt.Fprint(s, "a notice") }

// Standing is what humans have decided by now.
type Standing struct {
	Phase  notice.Phase
	People int // in the frozen set
	Share  int // how many of them, from the first, may be sent to
	// Again are people in doubt whom a human wants sent to again: from their number to the attempt that was in doubt.
	Again map[int]int
	// Accepted and Complained count people of this campaign, as the ledger has them.
	Accepted, Complained int
}

// Sender sends the notices of one campaign. Several may run at once, on several machines, with one Store each on one NATS server. The fields
// are not changed once it runs.
type Sender struct {
	Store    *Store
	Campaign string
	Worker   string // names this process among those of the campaign, such as "host-4711"
	Relays   []Relay
	Limits   notice.Limits

	// ReturnPath is the sender's address of one person's notice, by the person's key.
	ReturnPath func(key string) string
	// Recipients are the people from a number on, in order of their numbers, at most limit.
	Recipients func(ctx context.Context, from, limit int) ([]Recipient, error)
	// Standing is asked each second. While it fails, nothing is begun.
	Standing func(context.Context) (Standing, error)
	// Compose opens what is sealed. withheld, where not empty, is why there is no notice: a word for tables, as in Withheld.
	Compose func(Recipient) (c Composed, withheld string, err error)
	// LookupMX groups receivers by who runs their mail, as net.Resolver.LookupMX; nil: by the address's domain.
	LookupMX func(ctx context.Context, domain string) ([]*net.MX, error)
	Log      *slog.Logger // nil: slog.Default()

	run       atomic.Pointer[run] // the last
	relayWait time.Duration       // for tests; 0: relayWait
	grace     time.Duration       // for tests; 0: grace
}

// Causes for which this package withholds a notice, or gives up. Compose has its own.
const (
	BadAddress  = "bad-address"            // not an address that can be put on the wire
	NoUTF8      = "smtputf8-not-offered"   // the address needs RFC 6531, and the relay does not know it
	No8Bit      = "8bitmime-not-offered"   // the message needs RFC 6152, and the relay does not know it
	TooLarge    = "too-large"              // for the relay (RFC 1870)
	BadMessage  = "bad-message"            // bare CR or LF, NUL, or a line of more than 998 octets (RFC 5322 §2.1.1)
	WhenCancel  = "cancelled"              // nothing was begun when the campaign was cancelled
	OutOfTime   = "out-of-time"            // deferred until notice.Limits.GiveUp
	RefusedRcpt = "refused-recipient"      // at RCPT
	RefusedData = "refused-message"        // at DATA, or at the end of it
	Busy        = "deferred-by-receiver"   // 4xx
	Cut         = "cut-before-end-of-data" // the connection broke before the end of the message could have left
	NotBegun    = "not-begun"              // an intent was on record, and the sender stopped before anything left
)

// MemoryLimit is for debug.SetMemoryLimit in a process that sends. What it needs does not grow with the number of people; but the faster it sends, the more the
// store's server has in its caches, and the collector of garbage would let the process grow to twice of that.
const MemoryLimit = 192 << 20

const (
	partSize = 1000
	// openParts is how many parts a process holds at most: those behind the first two wait for a provider.
	openParts, activeParts = 16, 2
	// linger is how long a part with only people who wait for their provider's bucket is held before others are looked at.
	linger = 10 * time.Second
	// lookAgain is how often who waits looks whether a human has said stop.
	lookAgain = 100 * time.Millisecond
	// writtenWithin is how long what happened waits for more to be written with.
	writtenWithin = 3 * time.Millisecond
	// intentsAhead is how many people may have an intent on record, for each connection, while somebody before them is sent to.
	intentsAhead = 4
	// grace is how long the answer to what has left is waited for when the process is asked to end.
	grace = 30 * time.Second
)
