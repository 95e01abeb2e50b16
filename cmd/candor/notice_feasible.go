package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"text/tabwriter"
	"time"

	"candor.example/internal/console"
	"candor.example/internal/delivery"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

type noticeFeasibleCmd struct {
	ledgerFlag
	configFlag
	passphraseFlags
	tradeFlag
	Campaign string `arg:"" help:"The campaign, as list names it."`
	JSON     bool   `help:"Print as JSON."`
}

func (c *noticeFeasibleCmd) Help() string {
	return `How long it takes to tell everybody at the rates of candor.yaml, and whether that is in time for the earliest clock that runs for telling people (candor incident clocks). Where the
private sealing key is, addresses are opened to count who is at which receiver; only the counts are kept, and every later answer has them, the console's too. Elsewhere all
are taken to be at one receiver, which takes the longest. Exit status: 0 in time, 1 not: open another channel now.

  candor notice feasible not-3kq7h2mb-a-1 --config candor.yaml`
}

func (c *noticeFeasibleCmd) Run(ctx context.Context) error {
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	trade, err := incident.ParseTrade(c.Trade)
	if err != nil {
		return err
	}
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		v, err := l.Campaign(ctx, c.Campaign)
		if err != nil {
			return err
		}
		if err := c.count(ctx, l, v, config.Notice.lookupMX()); err != nil {
			return err
		}
		f, err := console.FeasibleOf(ctx, l, v, config.Notice.limits(), trade, time.Now())
		if err != nil {
			return err
		}
		return c.print(os.Stdout, f)
	})
}

// count keeps who is at which receiver, where the set is frozen, nobody has counted it, and a private key is here.
func (c *noticeFeasibleCmd) count(ctx context.Context, l *ledger.Ledger, v notice.Campaign, mx bool) error {
	if v.Set == "" {
		return nil
	}
	if people, err := l.Receivers(ctx, v.ID, v.Set); err != nil || people != nil {
		return err
	}
	ring, err := sealRing(c.dataFlag, c.vaultLike)
	if err != nil {
		fmt.Fprintf(os.Stderr, "candor: receivers are not counted: %v\n", err)
		return nil
	}
	lookup := net.DefaultResolver.LookupMX
	if !mx {
		lookup = nil
	}
	people, unopened, err := delivery.Receivers(ctx, ring, lookup, func(ctx context.Context, from, limit int) (list []delivery.Recipient, err error) {
		rows, err := l.Recipients(ctx, v.ID, from, from+limit)
		for _, r := range rows {
			list = append(list, delivery.Recipient{Person: r.Person, N: r.N, Sealed: r.Sealed})
		}
		return list, err
	})
	if err != nil {
		return err
	}
	tally, err := l.Tally(ctx, v.ID)
	if err != nil {
		return err
	}
	if onSite := tally.States[notice.Withheld]; v.Kind == notice.Viewers && onSite > 0 {
		fmt.Fprintf(os.Stderr, "candor: %d more are asked on the shop's own site: no address of theirs was seen\n", onSite)
		unopened -= onSite
	}
	if unopened > 0 {
		fmt.Fprintf(os.Stderr, "candor: the addresses of %d people cannot be opened: they will be withheld, and need another channel\n", unopened)
	}
	return l.KeepReceivers(ctx, v.ID, v.Set, people)
}

func (c *noticeFeasibleCmd) print(w io.Writer, f *console.Feasibility) error {
	err := error(nil)
	if c.JSON {
		err = printJSON(w, f)
	} else {
		err = printFeasible(w, f)
	}
	if err == nil && len(f.InTheWay()) > 0 {
		err = errFound
	}
	return err
}

// printFeasible says how long it takes, who takes longest, and what each clock says to it.
func printFeasible(w io.Writer, f *console.Feasibility) error {
	fmt.Fprintf(w, "%d people.%s\n%s.\n", f.People, f.Sum(), f.Pace())
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	if f.Counted {
		fmt.Fprintln(t, "\nRECEIVER\tPEOPLE\tTAKES")
		for _, r := range f.First() {
			fmt.Fprintf(t, "%s\t%d\t%s\n", clean(r.Name), r.People, r.Needs)
		}
	}
	if len(f.Clocks) > 0 {
		fmt.Fprintln(t, "\nBY\tPLACE\tLAW\tIN TIME\tNOT REACHED")
	}
	for _, k := range f.Clocks {
		fmt.Fprintf(t, "%s\t%s\t%s\t%t\t%d\n", utc(k.Duty.At), k.Duty.Place, k.Duty.Law, k.InTime, k.Late)
	}
	return t.Flush()
}
