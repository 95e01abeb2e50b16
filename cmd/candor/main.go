// Command candor recognises a retailer's own customers' data being shown to the wrong person, stops it, and accounts for
// it. This package parses flags and wires packages together; what they do is theirs.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the release build: -ldflags "-X main.version=v1.2.3".
var version = "development"

// Exit statuses of the command-line contract (DESIGN §7).
const (
	exitClean   = 0 // done, and nothing found
	exitFound   = 1 // disclosures found
	exitTrouble = 2 // trouble or wrong usage
)

// errFound ends a command that did its work and found disclosures.
var errFound = errors.New("disclosures found")

// usualData is where things go unless --data says otherwise.
const usualData = "candor-data"

type cli struct {
	Demo      demoCmd      `cmd:"" help:"Play the whole story in one process: a made-up shop that makes the mistake."`
	Serve     serveCmd     `cmd:"" help:"Stand in front of a shop: recognise, record, and mask or withhold."`
	Scan      scanCmd      `cmd:"" help:"Who saw whose data in these captures?"`
	Directory directoryCmd `cmd:"" help:"Build the customer directory, add to it, forget, describe it."`
	Incident  incidentCmd  `cmd:"" help:"List incidents, show one, and do what has to be done."`
	Notice    noticeCmd    `cmd:"" help:"Tell the people: draft, lint, approve, send, and account for each."`
	Report    reportCmd    `cmd:"" help:"Answer in public: the four questions, in revisions that nobody can quietly edit."`
	Filing    filingCmd    `cmd:"" help:"Tell regulators: fill their forms, record what was filed."`
	Ledger    ledgerCmd    `cmd:"" help:"Build the ledger anew from the journal."`
	Release   releaseCmd   `cmd:"" help:"Tell Candor that a release went live."`
	Console   consoleCmd   `cmd:"" help:"Print a new one-time link to the running console."`
	Keys      keysCmd      `cmd:"" help:"Make the keys, and change them."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// dataFlag is the folder that most commands share.
type dataFlag struct {
	Data string `default:"candor-data" type:"path" placeholder:"DIR" help:"Folder for keys, snapshot, journal and ledger (default: ./candor-data)."`
}

func (d dataFlag) digestKey() string { return filepath.Join(d.Data, "keys", "digest.key") }
func (d dataFlag) nextKey() string   { return filepath.Join(d.Data, "keys", "digest-next.key") }
func (d dataFlag) viewerKey() string { return filepath.Join(d.Data, "keys", "viewer.key") }
func (d dataFlag) token() string     { return filepath.Join(d.Data, "keys", "directory.token") }
func (d dataFlag) snapshot() string  { return filepath.Join(d.Data, "directory.snapshot") }
func (d dataFlag) journal() string   { return filepath.Join(d.Data, "journal") }
func (d dataFlag) ledger() string    { return filepath.Join(d.Data, "ledger.sqlite") }
func (d dataFlag) logsSeen() string  { return filepath.Join(d.Data, "logs-seen.json") }
func (d dataFlag) control() string   { return filepath.Join(d.Data, "control.sock") }

type versionCmd struct{}

func (versionCmd) Run() error {
	fmt.Println("candor", version)
	return nil
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("candor"),
		kong.Description("Candor recognises a retailer's own customers' data being shown to the wrong person, stops it in flight, and knows exactly who was affected.\n\nExit status: 0 done and nothing found, 1 disclosures found, 2 trouble or wrong usage."),
		kong.UsageOnError(), kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, Summary: true, NoExpandSubcommands: true}),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "candor:", err)
		return exitTrouble
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help has printed
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "candor: %v\nTry: candor --help\n", err)
		return exitTrouble
	}
	switch err := command.Run(); {
	case errors.Is(err, errFound):
		return exitFound
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "candor: stopped")
		return exitTrouble
	case err != nil:
		fmt.Fprintln(os.Stderr, "candor:", err)
		return exitTrouble
	}
	return exitClean
}

// newLogger writes structured lines to standard error. No line may hold a customer's data.
func newLogger(level slog.Level, json bool) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if json {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
