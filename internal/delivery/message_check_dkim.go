package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/emersion/go-msgauth/dkim"
)

const (
	// maxHeader is how large the header of a saved message may be for its DKIM signatures to be looked at: what reads it takes quadratic time in folded lines.
	maxHeader         = 128 << 10
	maxDKIMSignatures = 10
)

// CheckDKIM says which domain's DKIM signature on a saved message fits and covers the fields that name the log; "" is none, and why says in a sentence what is in the way,
// which is no fault of the message where its key is gone. ours are the domains that count: keys of others are not asked for. lookup is as net.Resolver.LookupTXT, for a name
// with a dot at its end.
func CheckDKIM(eml []byte, ours func(domain string) bool, lookup func(name string) ([]string, error)) (by, why string) {
	eml = bytes.ReplaceAll(trimMailbox(eml), crlf, []byte("\n")) // mail programs save it with either
	eml = bytes.ReplaceAll(eml, []byte("\n"), crlf)
	head, _, _ := bytes.Cut(eml, []byte("\r\n\r\n"))
	if len(head) > maxHeader {
		return "", fmt.Sprintf("its header is larger than %d KiB", maxHeader>>10)
	}
	asked := dkimKeys{ours: ours, lookup: lookup}
	list, err := dkim.VerifyWithOptions(bytes.NewReader(eml), &dkim.VerifyOptions{LookupTXT: asked.find, MaxVerifications: maxDKIMSignatures})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return "", "it is no message"
	}
	for _, v := range list {
		switch {
		case !ours(v.Domain):
		case v.Err == nil && covers(v.HeaderKeys, head):
			return v.Domain, ""
		case v.Err == nil:
			why = "the DKIM signature of " + v.Domain + " does not cover what the message says of the log"
		case why == "":
			why = "the DKIM signature of " + v.Domain + " does not fit what was saved: lists, filters and mail programs change mail on its way and later"
		}
	}
	if len(asked.missing) > 0 {
		slices.Sort(asked.missing)
		return "", strings.Join(asked.missing, "; ")
	}
	if why == "" {
		why = "it has no DKIM signature of the publisher's domain"
	}
	return "", why
}

// logFields say what the log was when a notice was sent.
var logFields = []string{"Candor-Checkpoint", "Candor-Notice", "Candor-Report"}

// covers: the signature is over each of them. Of a field that is there twice, and that was signed once, it is over one of the two, and who reads the
// message may go by the other.
func covers(signed []string, head []byte) bool {
	there := map[string]int{}
	for len(head) > 0 {
		end := endOfField(head)
		name, _, _ := bytes.Cut(head[:end], []byte(":"))
		there[strings.ToLower(string(bytes.TrimSpace(name)))]++
		head = head[min(end+2, len(head)):]
	}
	return !slices.ContainsFunc(logFields, func(name string) bool {
		return there[strings.ToLower(name)] > 1 || !slices.ContainsFunc(signed, func(s string) bool { return strings.EqualFold(s, name) })
	})
}

// dkimKeys asks for keys, and keeps which could not be had. Signatures are checked at the same time.
type dkimKeys struct {
	ours   func(domain string) bool
	lookup func(name string) ([]string, error)

	mu      sync.Mutex
	missing []string
}

var errNotOurs = errors.New("a key of somebody else's")

func (k *dkimKeys) find(name string) ([]string, error) {
	selector, domain, _ := strings.Cut(name, "._domainkey.")
	if !isHost(selector) || !isDomain(domain) || !k.ours(domain) {
		return nil, errNotOurs
	}
	records, err := k.lookup(name + ".")
	var no *net.DNSError
	switch {
	case errors.As(err, &no) && no.IsNotFound:
		k.miss("the key %s is no longer there", name)
	case err != nil:
		k.miss("the key %s cannot be had: DNS does not answer", name)
	case len(records) == 1 && dkimTags(records[0])["p"] == "":
		k.miss("the key %s was revoked", name)
	}
	return records, err
}

func (k *dkimKeys) miss(text, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if said := fmt.Sprintf(text, name); !slices.Contains(k.missing, said) {
		k.missing = append(k.missing, said)
	}
}

// ParseDKIMRecords reads TXT records as `candor notice dkim` and dig print them, in the form of a zone's file (RFC 1035 §5): of each name that ends with a dot its records.
func ParseDKIMRecords(zone string) (map[string][]string, error) {
	records := map[string][]string{}
	var name string
	for n, line := range strings.Split(zone, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], ";") {
			continue
		}
		text := line
		if first := fields[0]; first[0] != '"' && first != ")" {
			at := slices.Index(fields, "TXT")
			if at < 1 || !strings.HasSuffix(first, ".") || !strings.Contains(first, "._domainkey.") {
				return nil, fmt.Errorf(`line %d: it is no record such as selector._domainkey.shop.example. 3600 IN TXT "v=DKIM1; …"`, n+1)
			}
			name = strings.ToLower(first)
			records[name] = append(records[name], "")
			_, text, _ = strings.Cut(line, "TXT")
		}
		if name == "" {
			return nil, fmt.Errorf("line %d: it has no name", n+1)
		}
		parts := strings.Split(text, `"`) // what is between quotes is every second part
		if len(parts)%2 == 0 {
			return nil, fmt.Errorf("line %d: a quote is missing", n+1)
		}
		for i := 1; i < len(parts); i += 2 {
			records[name][len(records[name])-1] += parts[i]
		}
	}
	if len(records) == 0 {
		return nil, errors.New("it has no record")
	}
	return records, nil
}
