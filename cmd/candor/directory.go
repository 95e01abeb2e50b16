package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"candor.example/directory"
	"candor.example/internal/shopdb"
	"candor.example/scan"
)

type directoryCmd struct {
	Build  directoryBuildCmd  `cmd:"" help:"Build the snapshot from a customer file or a query; a running serve takes it up by itself."`
	Add    directoryAddCmd    `cmd:"" help:"Add new and changed customers to the snapshot, without building it again."`
	Forget directoryForgetCmd `cmd:"" help:"Forget customers, at once and in every later build."`
	Info   directoryInfoCmd   `cmd:"" help:"Check the snapshot and describe it."`
}

// sourceFlags say where customers come from.
type sourceFlags struct {
	Customers string `placeholder:"FILE" help:"CSV with a header, or JSON Lines; UTF-8: id,email,name,locale,country,phone; id and email are required; '-' is standard input."`
	Query     string `placeholder:"SQL" help:"A query instead: SELECT id, email, name, locale, country, phone FROM …. It runs read-only."`
	Database  string `placeholder:"URL" env:"CANDOR_DATABASE" help:"The query's database: postgres://user:password@host/shop or mysql://…. As CANDOR_DATABASE in the environment it stays out of the process list."`
}

// open opens the source. name is what errors call it, asOf when it was true, and size its bytes, if that is known.
func (f sourceFlags) open(ctx context.Context) (s customerSource, err error) {
	switch {
	case f.Customers != "" && f.Query != "":
		return s, errors.New("--customers and --query: give one of them")
	case f.Query != "" && f.Database == "":
		return s, errors.New("--query needs a --database, such as postgres://user:password@host/shop")
	case f.Query != "":
		s.name = "query"
		s.ReadCloser, err = shopdb.Customers(ctx, f.Database, f.Query)
		return s, err
	case f.Customers == "":
		return s, errors.New("where are the customers? Give --customers FILE, or --query SQL with --database URL")
	case f.Customers == "-":
		s.name, s.ReadCloser = "standard input", io.NopCloser(os.Stdin)
		return s, nil
	}
	file, err := os.Open(f.Customers)
	if err != nil {
		return s, fmt.Errorf("customer file: %w", err)
	}
	s.name, s.ReadCloser = f.Customers, file
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		file.Close()
		return s, fmt.Errorf("customer file: %s is a folder, not a CSV file", f.Customers)
	} else if err == nil && info.Mode().IsRegular() {
		s.asOf, s.size = info.ModTime(), info.Size()
	}
	return s, nil
}

// customerSource is an open source.
type customerSource struct {
	io.ReadCloser
	name string
	asOf time.Time // zero: now
	size int64     // bytes, 0 if that is not known
}

type directoryBuildCmd struct {
	dataFlag
	sourceFlags
	Kinds  []string `placeholder:"KIND" help:"What to recognise customers by: email (always), twins (MD5, SHA-1 and SHA-256 of the address), name, phone (default: all that the columns allow)."`
	Strict bool     `help:"Refuse a file with any problem, and keep the old snapshot."`
	JSON   bool     `help:"Print the report as JSON."`
}

func (c *directoryBuildCmd) Help() string {
	return `The old snapshot is in use until the new one is on disk. Customers who were added since the source was written (the time of the
file, or for a query and standard input now) stay; those who were added before are in the source, or are no more. Customers who were
forgotten are left out.

  candor directory build --customers customers.csv
  zcat customers.jsonl.gz | candor directory build --customers -
  CANDOR_DATABASE=postgres://candor@db/shop candor directory build --query "SELECT id, email, name, locale, country FROM customers"`
}

func (c *directoryBuildCmd) Run(ctx context.Context) error {
	keys, _, err := openKeys(c.dataFlag)
	if err != nil {
		return err
	}
	kinds, err := parseKinds(c.Kinds)
	if err != nil {
		return err
	}
	report, name, err := buildDirectory(ctx, c.sourceFlags, c.snapshot(), keys, directory.BuildOptions{Kinds: kinds, Strict: c.Strict}, true)
	if c.JSON {
		if e := printJSON(os.Stdout, report); err == nil {
			err = e
		}
		return err
	}
	printProblems(os.Stderr, name, report)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d customers from %d rows\n", c.snapshot(), report.Customers, report.Rows)
	return nil
}

type directoryAddCmd struct {
	dataFlag
	sourceFlags
	Again bool `help:"Take back customers who were forgotten, too."`
	JSON  bool `help:"Print the report as JSON."`
}

func (c *directoryAddCmd) Help() string {
	return `A running serve knows them at once. A customer who is there already keeps what was known: after a change of address both are
recognised, until the next build. The columns are those of build. Machines may POST the same to a running serve, see
docs/configuration.md.

  candor directory add --customers new.csv
  echo '{"id":"1001","email":"alice@shop.example"}' | candor directory add --customers -`
}

func (c *directoryAddCmd) Run(ctx context.Context) error {
	keys, err := directory.ReadKeys(c.digestKey())
	if err != nil {
		return err
	}
	src, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	report, err := directory.Add(ctx, c.snapshot(), keys, src, src.name, directory.AddOptions{Again: c.Again})
	if err == nil {
		err = takeUpDirectory(ctx, c.dataFlag)
	}
	if c.JSON {
		if e := printJSON(os.Stdout, report); err == nil {
			err = e
		}
		return err
	}
	printProblems(os.Stderr, src.name, report)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d customers added from %d rows\n", c.snapshot(), report.Customers, report.Rows)
	return nil
}

type directoryForgetCmd struct {
	dataFlag
	IDs  []string `arg:"" name:"id" help:"Customers' ids."`
	JSON bool     `help:"Print as JSON."`
}

func (c *directoryForgetCmd) Help() string {
	return `They are recognised no more, at once in a running serve and after every later build, even where the customer file still holds
them: only 'directory add --again' takes them back. What is kept is a keyed digest of each id. Their digests leave the disk with
the next build.`
}

func (c *directoryForgetCmd) Run(ctx context.Context) error {
	keys, err := directory.ReadKeys(c.digestKey())
	if err != nil {
		return err
	}
	forgot, err := directory.Forget(c.snapshot(), keys, c.IDs...)
	if err == nil {
		err = takeUpDirectory(ctx, c.dataFlag)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(os.Stdout, forgot)
	}
	fmt.Printf("%d customers forgotten; %d ids belonged to nobody, and are kept out of later builds; %d were forgotten before\n", forgot.Forgotten, forgot.Unknown, forgot.Before)
	return nil
}

// takeUpDirectory tells a running serve that the directory changed. Without one there is nobody to tell.
func takeUpDirectory(ctx context.Context, d dataFlag) error {
	_, err := ask(ctx, d, "/directory/reload", nil)
	if errors.Is(err, errNotRunning) {
		return nil
	} else if err != nil {
		return fmt.Errorf("it is written down, but the running serve does not take it up: %w", err)
	}
	return nil
}

type directoryInfoCmd struct {
	dataFlag
	JSON bool `help:"Print as JSON."`
}

func (c *directoryInfoCmd) Run() error {
	keys, err := directory.ReadKeys(c.digestKey())
	if err != nil {
		return err
	}
	d, err := directory.Open(c.snapshot(), keys...)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Check(); err != nil {
		return err
	}
	info := d.Info()
	if c.JSON {
		return printJSON(os.Stdout, info)
	}
	fmt.Printf("%s: %d customers, %d identifiers (%s), built %s, %d bytes, key %s\n", info.Path, info.Customers, info.Identifiers, joinKinds(info.Kinds), info.Built.UTC().Format(time.RFC3339), info.Bytes, info.KeyID)
	fmt.Printf("%d of them have a country, which says whose law asks for a notice\n", info.WithCountry)
	fmt.Printf("since then: %d customers added; forgotten in all: %d\n", info.Added, info.Forgotten)
	for _, k := range keys {
		fmt.Printf("key %s: %s\n", k.ID(), strings.Join(keyUses(k.ID(), keys[0].ID(), info), ", "))
	}
	return nil
}

func joinKinds(kinds []scan.Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}

// parseKinds reads --kinds.
func parseKinds(words []string) ([]scan.Kind, error) {
	var kinds []scan.Kind
	for _, w := range words {
		switch w {
		case "twins":
			kinds = append(kinds, scan.EmailMD5, scan.EmailSHA1, scan.EmailSHA256)
		case "email", "name", "phone":
			kinds = append(kinds, scan.Kind(w))
		default:
			return nil, fmt.Errorf("--kinds %s: the kinds are email, twins, name and phone", clean(w))
		}
	}
	return kinds, nil
}

// keyUses says what a key is needed for.
func keyUses(id, current string, info directory.Info) (uses []string) {
	if id == current {
		uses = append(uses, "the next build")
	}
	if id == info.KeyID {
		uses = append(uses, "the snapshot")
	}
	if slices.Contains(info.ChangeKeys, id) {
		uses = append(uses, "customers added or forgotten under it")
	}
	if len(uses) == 0 {
		return []string{"not needed any more: its file in keys/ may be deleted"}
	}
	return uses
}

// buildDirectory builds a snapshot under the first of the keys. It returns what errors call the source.
func buildDirectory(ctx context.Context, from sourceFlags, snapshot string, keys []directory.Key, opts directory.BuildOptions, progress bool) (directory.Report, string, error) {
	src, err := from.open(ctx)
	if err != nil {
		return directory.Report{}, src.name, err
	}
	defer src.Close()
	r := io.Reader(src)
	if progress {
		p := newProgress("build", src.size)
		defer p.end()
		r = p.reader(src)
	}
	opts.AsOf, opts.Keys = src.asOf, keys[1:]
	report, err := directory.Build(ctx, snapshot, keys[0], r, src.name, opts)
	return report, src.name, err
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printProblems says what is wrong with a customer file, by line, and how much of it there is.
func printProblems(w io.Writer, name string, r directory.Report) {
	for _, p := range r.Problems {
		field := ""
		if p.Field != "" {
			field = p.Field + ": "
		}
		fmt.Fprintf(w, "%s:%d: %s%s\n", name, p.Line, field, p.Message)
	}
	if n := r.BadRows + r.DuplicateIDs + r.DuplicateAddresses; n > 0 {
		fmt.Fprintf(w, "%s: %d bad rows were left out; %d duplicate ids and %d duplicate addresses were kept (%d of these are listed)\n", name, r.BadRows, r.DuplicateIDs, r.DuplicateAddresses, len(r.Problems))
	}
	if r.BadFields > 0 {
		fmt.Fprintf(w, "%s: %d names, telephone numbers, locales and countries were left out; their customers were kept\n", name, r.BadFields)
	}
	if r.Forgotten > 0 {
		fmt.Fprintf(w, "%s: %d rows are of customers who were forgotten, and were left out\n", name, r.Forgotten)
	}
	if len(r.UnknownColumns) > 0 {
		fmt.Fprintf(w, "%s:1: columns that are not read: %s\n", name, strings.Join(r.UnknownColumns, ", "))
	}
}
