package delivery

import (
	"fmt"
	"log/slog"

	"candor.example"
	"candor.example/internal/notice"
	"candor.example/scan"
)

// Post is what a letter to one person says, and to whom. It prints itself without the person.
type Post struct {
	Owner   string
	Name    string // empty: not known
	Address string // of their e-mail, as it was sealed; empty where it cannot be opened
	Code    string
	Message notice.Message
}

// Format keeps the person out of every print.
func (p Post) Format(s fmt.State, _ rune) { fmt.Fprint(s, "letter by post") }

// LogValue keeps the person out of logs.
func (p Post) LogValue() slog.Value { return slog.StringValue("letter by post") }

// Post writes a person's notice for a letter. Whoever has no address that mail can be sent to, or may not be sent mail (rule N28), gets one all the
// same: that is what letters are for. An error is the draft's, which has no text for the person.
func (c *Composer) Post(p notice.Person, sealed []candor.Sealed) (Post, error) {
	l := Post{Owner: p.Owner, Name: c.name(p.Owner, sealed), Code: c.Signer.Code(c.Campaign, p.Owner)}
	l.Address, _ = c.open(p.Owner, scan.Email, sealed) // why it cannot be opened is in the ledger
	p.Name, p.Code = l.Name, l.Code
	var err error
	l.Message, err = c.Render(p, c.Date)
	return l, err
}
