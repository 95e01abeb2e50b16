package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"candor.example/directory"
	"candor.example/scan"
)

type directoryCmd struct {
	Build directoryBuildCmd `cmd:"" help:"Build the snapshot from a customer file; a running serve takes it up by itself."`
	Info  directoryInfoCmd  `cmd:"" help:"Describe the snapshot."`
}

type directoryBuildCmd struct {
	dataFlag
	Customers string   `required:"" placeholder:"FILE" help:"CSV with a header, UTF-8: id,email,name,locale,country,phone; id and email are required; '-' is standard input."`
	Kinds     []string `placeholder:"KIND" help:"What to recognise customers by: email (always), twins (MD5, SHA-1 and SHA-256 of the address), name, phone (default: all that the columns allow)."`
	Strict    bool     `help:"Refuse a file with any problem, and keep the old snapshot."`
	JSON      bool     `help:"Print the report as JSON."`
}

func (c *directoryBuildCmd) Run(ctx context.Context) error {
	key, _, err := openKey(c.dataFlag)
	if err != nil {
		return err
	}
	kinds, err := parseKinds(c.Kinds)
	if err != nil {
		return err
	}
	var size int64
	if info, err := os.Stat(c.Customers); err == nil {
		size = info.Size()
	}
	p := newProgress("build", size)
	report, err := buildDirectory(ctx, c.Customers, c.snapshot(), key, directory.BuildOptions{Kinds: kinds, Strict: c.Strict}, p)
	p.end()
	if c.JSON {
		if e := printJSON(os.Stdout, report); err == nil {
			err = e
		}
		return err
	}
	printProblems(os.Stderr, c.Customers, report)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d customers from %d rows\n", c.snapshot(), report.Customers, report.Rows)
	return nil
}

type directoryInfoCmd struct {
	dataFlag
	JSON bool `help:"Print as JSON."`
}

func (c *directoryInfoCmd) Run() error {
	key, err := directory.ReadKey(c.digestKey())
	if err != nil {
		return err
	}
	d, err := directory.Open(c.snapshot(), key)
	if err != nil {
		return err
	}
	defer d.Close()
	info := d.Info()
	if c.JSON {
		return printJSON(os.Stdout, info)
	}
	fmt.Printf("%s: %d customers, %d identifiers (%s), built %s, %d bytes, key %s\n", info.Path, info.Customers, info.Identifiers, joinKinds(info.Kinds), info.Built.UTC().Format(time.RFC3339), info.Bytes, info.KeyID)
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

// buildDirectory builds a snapshot from a customer file or standard input.
func buildDirectory(ctx context.Context, customers, snapshot string, key directory.Key, opts directory.BuildOptions, p *progress) (directory.Report, error) {
	src, name := io.Reader(os.Stdin), "standard input"
	if customers != "-" {
		f, err := os.Open(customers)
		if err != nil {
			return directory.Report{}, fmt.Errorf("customer file: %w", err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return directory.Report{}, fmt.Errorf("customer file: %s is a folder, not a CSV file", customers)
		}
		src, name = f, customers
	}
	if p != nil {
		src = p.reader(src)
	}
	return directory.Build(ctx, snapshot, key, src, name, opts)
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
		fmt.Fprintf(w, "%s: %d names and telephone numbers were left out; their customers were kept\n", name, r.BadFields)
	}
	if len(r.UnknownColumns) > 0 {
		fmt.Fprintf(w, "%s:1: columns that are not read: %s\n", name, strings.Join(r.UnknownColumns, ", "))
	}
}
