package notice

import (
	"errors"
	"fmt"
	"time"
)

// State is where one person's notice stands. Of the frozen set each person is in exactly one, always, so that
// affected = queued + accepted + bounced + other channel + in doubt + withheld; when a campaign is over nobody is queued.
type State string

// The states.
const (
	Queued   State = "queued"   // not tried yet, or deferred by the receiver and to be tried again
	InDoubt  State = "in-doubt" // intent is on record and no answer: perhaps delivered, never sent again by itself
	Accepted State = "accepted" // the relay took it
	Bounced  State = "bounced"  // refused, or returned; the next channel is open
	Other    State = "other"    // told by another channel: post, or on the shop's own site
	Withheld State = "withheld" // not sent, with a cause: no seal, seal does not open, no address, cancelled, ...
)

// States in the order in which they are shown.
var States = []State{Queued, Accepted, Bounced, Other, InDoubt, Withheld}

// EventKind is what happened.
type EventKind string

// What can happen to one person's notice.
const (
	Intended   EventKind = "intent"    // durable before the final dot
	Took       EventKind = "accepted"  // 250; Detail is the relay's words, with its queue id
	Deferred   EventKind = "deferred"  // 4xx, or never begun: certain not to have been taken
	Refused    EventKind = "refused"   // 5xx: certain not to have been taken
	Expired    EventKind = "expired"   // deferred until there was no time left
	Kept       EventKind = "withheld"  // nothing was begun; Cause says why
	Returned   EventKind = "bounced"   // a report came back: it was not delivered (RFC 3464); Soft says whether another attempt may end otherwise
	Delayed    EventKind = "delayed"   // a report came back: not delivered yet
	Delivered  EventKind = "delivered" // a report came back: in the mailbox
	Complained EventKind = "complaint" // the receiver marked it as unwanted (RFC 5965)
	Channelled EventKind = "other"     // handed to another channel: Detail is "post" or "site"
	Lettered   EventKind = "letter"    // a letter was written for them: Key and Code are on record from then on, and no state changes
	Resolved   EventKind = "resolved"  // a human resolved a doubt: Detail is "accepted", "again" or "other"
)

// Event is one thing that happened to one person's notice. It holds no address.
type Event struct {
	N       int       `json:"n"`   // the person's number in the frozen set, from 0
	Key     string    `json:"key"` // see Campaign.Key in package delivery: local part of Message-ID, ENVID, tag of the return path
	Kind    EventKind `json:"kind"`
	Time    time.Time `json:"time"`
	Attempt int       `json:"attempt,omitempty"` // from 1
	Code    string    `json:"code,omitempty"`    // with Intended and Lettered: Person.Code
	Status  string    `json:"status,omitempty"`  // RFC 3463, "5.1.1"; or the reply code, "550", where there is none
	Cause   string    `json:"cause,omitempty"`   // a word of a closed list, for tables: see delivery
	Soft    bool      `json:"soft,omitempty"`    // with Returned: the mailbox is full, the host is away
	Detail  string    `json:"detail,omitempty"`  // the receiver's words with addresses masked, at most 200 bytes
	// Provider is the group of receivers that it was counted to: an MX's registered domain, or the address's domain where that has more
	// than a few recipients, else "other".
	Provider string `json:"provider,omitempty"`
	Worker   string `json:"worker,omitempty"`
}

// ErrNoChange: an event that says nothing new, or too late, of a person's notice. It is kept and changes no state.
var ErrNoChange = errors.New("it changes nothing")

// Next is the state after an event, or ErrNoChange. What was accepted is queued again only when a report says that it was not delivered and that
// another attempt may end otherwise, which the ledger lets happen once; what is in doubt only by such a report or a human.
func Next(s State, e Event) (State, error) {
	kind := e.Kind
	if kind == Returned && e.Soft {
		kind = returnedSoft
	}
	to, ok := next[s][kind]
	if e.Kind == Resolved && s == InDoubt {
		to, ok = resolutions[e.Detail]
	}
	if !ok {
		return s, fmt.Errorf("%w: %s when %s", ErrNoChange, e.Kind, s)
	}
	return to, nil
}

var resolutions = map[string]State{"accepted": Accepted, "again": Queued, "other": Bounced}

// returnedSoft is Returned with Soft.
const returnedSoft EventKind = "bounced, soft"

// next is the whole machine. In doubt means: an intent without an answer, so that an answer that does come settles it.
var next = map[State]map[EventKind]State{
	// Who is queued once more, by a human or a soft report, may still be heard of about the attempt before.
	Queued:  {Intended: InDoubt, Kept: Withheld, Refused: Bounced, Expired: Bounced, Deferred: Queued, Took: Accepted, Returned: Bounced, Delivered: Accepted, Complained: Accepted},
	InDoubt: {Took: Accepted, Deferred: Queued, Refused: Bounced, Returned: Bounced, returnedSoft: Queued, Delivered: Accepted, Delayed: Accepted, Complained: Accepted},
	// A relay that took it may return it later.
	Accepted: {Returned: Bounced, returnedSoft: Queued, Delivered: Accepted, Delayed: Accepted, Complained: Accepted},
	Bounced:  {Channelled: Other, Delivered: Accepted},
	// A worker may have begun before it heard that the campaign was cancelled.
	Withheld: {Channelled: Other, Intended: InDoubt, Kept: Withheld},
	Other:    {Delivered: Accepted},
}
