package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/mail"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"candor.example/internal/delivery"
	"candor.example/verify"
)

// witnessed is what a Candor-Checkpoint header says of the log: "ORIGIN SIZE ROOT", the root in base64.
type witnessed struct {
	origin string
	size   int64
	root   string
	report string // SHA-256 of the report.json that a Candor-Report header ("REVISION HASH") names; empty: it names none
}

// checkNotice asks whether the log that was looked at is the one that a saved notice was sent with. Only what the publisher signed can say anything against the publisher: by
// the log's key, or by DKIM. cannotSay is why DKIM does not say it, where it does not.
func checkNotice(file string, r verify.Result, keys dkimLookup) (checks []verify.Check, cannotSay string, err error) {
	check := verify.Check{Name: "notice", What: "The log holds what it held when this notice was sent."}
	eml, err := readNotice(file)
	if err != nil {
		return nil, "", err
	}
	genuine, err := genuineBy(eml, r.Seen.Keys)
	if err != nil {
		return nil, "", err
	}
	by, why := delivery.CheckDKIM(eml, keys.ours, keys.lookup)
	if by == "" {
		cannotSay = "whether the notice came from the publisher's own mail servers (DKIM). Not checked: " + why
	}
	w, err := checkpointOf(eml)
	switch {
	case !genuine.Genuine && by == "":
		check.NotDone = "it is no genuine notice of this publisher, and what it says of the log proves nothing: " + strings.Join(genuine.Why, "; ")
	case err != nil:
		check.NotDone = err.Error()
	case !strings.Contains(genuine.Text, w.root) && by == "":
		check.NotDone = "its Candor-Checkpoint header is not what its signed text says, and only its DKIM signature would tell whether somebody changed it"
	default:
		w.judge(&check, r, genuine)
	}
	checks = append(checks, check)
	if by != "" {
		checks = append(checks, verify.Check{Name: "dkim", What: fmt.Sprintf("The notice, with what it says of the log, was signed by %s when it was sent (DKIM).", by)})
	}
	return checks, cannotSay, nil
}

// judge the log by what the publisher signed of it.
func (w witnessed) judge(check *verify.Check, r verify.Result, genuine delivery.Checked) {
	when := "this notice was sent"
	if genuine.Genuine {
		when += " on " + genuine.Sent.UTC().Format("2 January 2006")
	}
	check.What = fmt.Sprintf("The log holds what it held when %s: %d entries with the root %s.", when, w.size, w.root)
	if !genuine.Genuine {
		check.What += " Its DKIM signature says so, and not its own: " + strings.Join(genuine.Why, "; ") + "."
	}
	if text := w.against(r); text != "" {
		check.Findings = append(check.Findings, verify.Finding{File: verify.CheckpointFile, Text: text})
	}
	if w.report != "" && (!genuine.Genuine || strings.Contains(genuine.Text, w.report)) && !logged(r, w.report) {
		check.Findings = append(check.Findings, verify.Finding{File: verify.CheckpointFile, Text: "the report that the notice names, with the SHA-256 " + w.report + ", is not in the log"})
	}
	if genuine.Genuine && !names(r, genuine.Draft) {
		check.What += " No report names its words yet."
	}
}

// dkimLookup is where DKIM keys come from, and whose count.
type dkimLookup struct {
	ours   func(domain string) bool
	lookup func(name string) ([]string, error)
}

// dkimOf asks DNS for keys of the publishers whose reports are in the log, and of names below theirs, or takes those of a file and asks nobody.
func (c *reportVerifyCmd) dkimOf(ctx context.Context, r verify.Result) (d dkimLookup, err error) {
	if c.DKIMKey == "" {
		d.ours = func(domain string) bool {
			return slices.ContainsFunc(r.Revisions, func(v verify.Revision) bool {
				return v.Report != nil && v.Report.Publisher.Domain != "" && strings.HasSuffix("."+domain, "."+v.Report.Publisher.Domain)
			})
		}
		d.lookup = func(name string) ([]string, error) {
			ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
			defer cancel()
			return resolver(c.DNS).LookupTXT(ctx, name)
		}
		return d, nil
	}
	b, err := os.ReadFile(c.DKIMKey)
	if err != nil {
		return d, err
	}
	records, err := delivery.ParseDKIMRecords(string(b))
	if err != nil {
		return d, fmt.Errorf("%s: %w", c.DKIMKey, err)
	}
	d.ours = func(domain string) bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(records)), func(name string) bool { return strings.HasSuffix(name, "._domainkey."+domain+".") })
	}
	d.lookup = func(name string) ([]string, error) {
		if records[name] == nil {
			return nil, &net.DNSError{Err: "not in " + c.DKIMKey, Name: name, IsNotFound: true}
		}
		return records[name], nil
	}
	return d, nil
}

// dnsTimeout is how long an answer about one key may take.
const dnsTimeout = 10 * time.Second

// against the log: what of it is not there any more; empty if all is.
func (w witnessed) against(r verify.Result) string {
	root, ok := r.RootAt(w.size)
	switch {
	case w.origin != r.Origin:
		return fmt.Sprintf("the notice is of the log %s, and this is %s", w.origin, r.Origin)
	case w.size > r.Size:
		return fmt.Sprintf("the log was rolled back: the notice was sent when it had %d entries, and it has %d", w.size, r.Size)
	case !ok:
		return "its entries could not be read"
	case root.String() != w.root:
		return fmt.Sprintf("the log was rewritten: its first %d entries had the root %s, and now have %s", w.size, w.root, root)
	}
	return ""
}

// logged: is a report with this hash in the log?
func logged(r verify.Result, hash string) bool {
	return slices.ContainsFunc(r.Revisions, func(v verify.Revision) bool { return v.Manifest.Report == hash })
}

// names: does a report count this notice among those that were sent?
func names(r verify.Result, draft string) bool {
	return slices.ContainsFunc(r.Revisions, func(v verify.Revision) bool {
		return v.Report != nil && slices.Contains(v.Report.Told.Notices, draft)
	})
}

func readNotice(file string) ([]byte, error) {
	if info, err := os.Stat(file); err != nil {
		return nil, err
	} else if info.Size() > delivery.MaxChecked {
		return nil, fmt.Errorf("it is larger than %d MiB: a notice is not", delivery.MaxChecked>>20)
	}
	return os.ReadFile(file)
}

// genuineBy checks a notice with each Ed25519 key of the log: its ML-DSA-44 ones sign checkpoints and nothing else.
func genuineBy(eml []byte, keys []string) (c delivery.Checked, err error) {
	for _, key := range keys {
		if _, err := note.NewVerifier(key); err != nil {
			continue
		}
		if c, err = delivery.Check(eml, key); err != nil || c.Genuine {
			return c, err
		}
	}
	return c, err
}

func checkpointOf(eml []byte) (w witnessed, err error) {
	eml = bytes.TrimLeft(eml, "\r\n")
	m, err := mail.ReadMessage(bytes.NewReader(eml))
	if err != nil {
		return w, errors.New("it is no saved message: save the notice as .eml, with its headers")
	}
	values := m.Header["Candor-Checkpoint"]
	if len(values) != 1 {
		return w, fmt.Errorf("it has %d Candor-Checkpoint headers, and says nothing of the log: it was sent before anything was published, or its headers were left out when it was saved", len(values))
	}
	f := strings.Fields(values[0])
	if len(f) != 3 {
		return w, errors.New("its Candor-Checkpoint header is damaged")
	}
	w.origin, w.root = f[0], f[2]
	if report := strings.Fields(m.Header.Get("Candor-Report")); len(report) == 2 {
		w.report = report[1]
	}
	if w.size, err = strconv.ParseInt(f[1], 10, 64); err != nil || w.size < 0 {
		return w, errors.New("its Candor-Checkpoint header is damaged")
	}
	if root, err := base64.StdEncoding.Strict().DecodeString(w.root); err != nil || len(root) != 32 {
		return w, errors.New("its Candor-Checkpoint header is damaged")
	}
	return w, nil
}
