package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"candor.example/internal/notice"
)

// submitWithin is how long a relay has to take a single message: somebody waits for it.
const submitWithin = 2 * time.Minute

// Seed is the message of a person who does not exist, for a mailbox of the publisher's own: composed, attested and signed as everybody's is. Each
// mailbox and date has a key of its own, so that no mailbox takes a second try for the first.
func (c *Composer) Seed(name string, to Mailbox, p notice.Person) Letter {
	owner := "\x00seed\x00" + name + "\x00" + c.Draft + c.Date.Format(time.RFC3339) // no customer's id begins so
	l := Letter{To: to.Address, Key: c.Signer.Key(c.Campaign, owner), Code: c.Signer.Code(c.Campaign, owner), composer: c, name: cleanName(to.Name)}
	p.Code = l.Code
	l.person = p
	return l
}

// MessageID is the letter's, without its brackets.
func (l Letter) MessageID() string { return l.Key + "@" + l.composer.Domain }

// Submit gives one message to the first relay that takes it. It keeps no journal: where a relay's answer is lost, the message may have gone out. It is for
// the publisher's own mailboxes; people are sent to by a Sender.
func Submit(ctx context.Context, relays []Relay, returnPath, to, key string, message []byte) error {
	address, ok := parseAddress(to)
	if !ok {
		return errAddress
	}
	eight, ok := inspectMessage(message)
	if !ok {
		return errors.New("the message cannot be put on the wire: " + BadMessage)
	}
	e := envelope{from: returnPath, to: address, key: key, size: len(message), body: eight}
	var errs []error
	for _, r := range relays {
		err := submit(ctx, r, e, message)
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", r.Addr, err))
	}
	return errors.Join(errs...)
}

func submit(ctx context.Context, r Relay, e envelope, message []byte) error {
	if err := r.check(); err != nil {
		return err
	}
	c, err := connect(ctx, r)
	if err != nil {
		return err
	}
	defer c.quit()
	c.hurry(time.Now().Add(submitWithin))
	defer context.AfterFunc(ctx, func() { c.hurry(time.Now()) })()
	if why := c.fits(e); why != "" {
		return errors.New(why)
	}
	c.begin(e)
	no, err := c.begun()
	if no != nil {
		return fmt.Errorf("%s: %s", no.to, no.detail(e.to.String()))
	} else if err != nil {
		return err
	}
	c.send(message)
	if err := c.flush(); err != nil {
		return err
	}
	said, err := c.taken()
	if err == nil && !said.ok() {
		err = errors.New(said.detail(e.to.String()))
	}
	return err
}
