package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"candor.example/verify"
)

type reportVerifyCmd struct {
	Where   string `arg:"" help:"URL or folder that a publisher published."`
	Key     string `type:"existingfile" placeholder:"FILE" help:"The publisher's public signing key (sign.pub, key.txt), from a place that you trust (default: as remembered, or on first use the published one)."`
	Notice  string `type:"existingfile" placeholder:"FILE" help:"A notice that somebody got, saved as .eml: does the log still hold what that person was told?"`
	DKIMKey string `name:"dkim-key" type:"existingfile" placeholder:"FILE" help:"With --notice: the shop's DKIM keys, as 'candor notice dkim' or dig prints them, such as kept from when the notice came (default: DNS is asked for them)."`
	DNS     string `name:"dns" placeholder:"HOST:PORT" help:"With --notice: the DNS server to ask (default: the system's)."`
	Memory  string `type:"path" placeholder:"FILE" help:"Where this machine remembers what it saw of logs (default: in your own configuration folder)."`
	JSON    bool   `help:"Print as JSON."`
}

func (reportVerifyCmd) Help() string {
	return `Checks the key, the log's signature, that it holds all that this machine saw of it before, every entry, every file's hash, the chain of revisions, proofs, the form
and the sums of each report, and that each change of a number is shown as a correction; then says what it checked and what it cannot. Nothing but the
published folder is needed. The key is remembered on first use, and so is the log.

  candor report verify https://shop.example/incidents/
  candor report verify candor-data/public --key sign.pub
  candor report verify https://shop.example/incidents/ --notice saved.eml

A notice is believed for its own signature, by the log's key, or for its DKIM signature, by a key in the DNS of the publisher's domain. Where that key is gone, this says so and goes
on: keys are changed in time.

Exit status: 0 all is as it should be, 1 something is not, 2 trouble: that could not be found out.`
}

func (c *reportVerifyCmd) Run(ctx context.Context) error {
	memory, err := memoryAt(c.Memory)
	if err != nil {
		return err
	}
	o, err := c.options(memory)
	if err != nil {
		return err
	}
	r, err := c.look(ctx, o)
	if err != nil {
		return err
	}
	if c.Notice != "" {
		if err := c.notice(ctx, &r); err != nil {
			return err
		}
	}
	if r.OK() && r.Seen.Checkpoint != "" {
		if err := memory.Remember(r.Seen); err != nil {
			return fmt.Errorf("it verifies, and cannot be remembered: %w", err)
		}
	}
	return c.say(r)
}

// notice adds what a saved notice says of the log.
func (c *reportVerifyCmd) notice(ctx context.Context, r *verify.Result) error {
	keys, err := c.dkimOf(ctx, *r)
	if err != nil {
		return err
	}
	checks, cannotSay, err := checkNotice(c.Notice, *r, keys)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Notice, err)
	}
	r.Checks = append(r.Checks, checks...)
	if cannotSay != "" {
		r.CannotSay = append(r.CannotSay, cannotSay)
	}
	return nil
}

// memoryAt is the file that is named, or the user's own.
func memoryAt(path string) (verify.Memory, error) {
	if path != "" {
		return verify.Memory{Path: path}, nil
	}
	return verify.UserMemory()
}

func (c *reportVerifyCmd) options(m verify.Memory) (o verify.Options, err error) {
	o = verify.Options{Place: strings.TrimSuffix(c.Where, "/"), Now: time.Now()}
	if !c.isURL() {
		if o.Place, err = filepath.Abs(c.Where); err != nil {
			return o, err
		}
	}
	if o.Seen, err = m.All(); err != nil || c.Key == "" {
		return o, err
	}
	b, err := os.ReadFile(c.Key)
	if err != nil {
		return o, err
	}
	k, err := verify.ParseKeys(string(b))
	if err != nil {
		return o, fmt.Errorf("%s: %w", c.Key, err)
	}
	o.Keys = &k
	return o, nil
}

func (c *reportVerifyCmd) isURL() bool { return strings.Contains(c.Where, "://") }

func (c *reportVerifyCmd) look(ctx context.Context, o verify.Options) (verify.Result, error) {
	if c.isURL() {
		return verify.URL(ctx, c.Where, o)
	}
	root, err := os.OpenRoot(c.Where)
	if err != nil {
		return verify.Result{}, fmt.Errorf("%s is no folder that can be read, and no URL: %w", c.Where, err)
	}
	defer root.Close()
	return verify.Folder(root.FS(), o), nil
}

func (c *reportVerifyCmd) say(r verify.Result) error {
	if c.JSON {
		if err := printJSON(os.Stdout, r); err != nil {
			return err
		}
	} else {
		printResult(os.Stdout, r)
	}
	switch {
	case len(r.Findings()) > 0:
		return errFound
	case r.NotDone() != "":
		return errors.New(r.NotDone())
	}
	return nil
}

func printResult(w io.Writer, r verify.Result) {
	switch {
	case len(r.Findings()) > 0:
		fmt.Fprintf(w, "NOT as it should be: %d findings\n", len(r.Findings()))
	case r.NotDone() != "":
		fmt.Fprintln(w, "Not all of it could be looked at; nothing was found wrong in the rest")
	default:
		fmt.Fprintln(w, "Verified: everything that was looked at is as it should be")
	}
	if r.Origin != "" {
		fmt.Fprintf(w, "\nLog         %s\nEntries     %d\nRoot        %s\nKey         %s (%s)\n", clean(r.Origin), r.Size, r.Root, r.Key, r.Pinned)
	}
	if r.Unfinished != "" {
		fmt.Fprintf(w, "Unfinished  %s\n", r.Unfinished)
	}
	fmt.Fprintln(w)
	for _, c := range r.Checks {
		fmt.Fprintf(w, "%-5s %-12s %s\n", mark(c), c.Name, clean(c.What))
		for _, f := range c.Findings {
			fmt.Fprintf(w, "        %s\n", clean(f.String()))
		}
		if c.NotDone != "" {
			fmt.Fprintf(w, "        not looked at: %s\n", clean(c.NotDone))
		}
	}
	fmt.Fprintln(w, "\nThis cannot say:")
	for _, s := range r.CannotSay {
		fmt.Fprintf(w, "  - %s\n", s)
	}
}

func mark(c verify.Check) string {
	switch {
	case len(c.Findings) > 0:
		return "WRONG"
	case c.NotDone != "":
		return "?"
	}
	return "ok"
}
