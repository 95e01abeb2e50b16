package delivery

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DKIM signs with each of its keys: RSA, because much of the world verifies nothing else, and Ed25519 (RFC 8463). It is our own because go-msgauth's
// signer takes its t= from the clock, so that two attempts at one notice would be different bytes, and hashes the body once for each key;
// go-msgauth, opendkim and dkimpy verify it in the tests.
type DKIM struct {
	domain string // d=
	keys   []DKIMKey
}

// DKIMKey is a private key and the selector under which DNS has its public half.
type DKIMKey struct {
	Selector string
	Key      crypto.Signer // *rsa.PrivateKey or ed25519.PrivateKey
}

// signedFields are signed once more than they are there (RFC 6376 §8.15), so that nobody can add one. What our messages do not have, Cc, is so kept out.
var signedFields = []string{"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Auto-Submitted", "Reply-To", "Candor-Notice", "Content-Language", "Candor-Report", "Candor-Checkpoint"}

// absentFields are signed as not there.
var absentFields = []string{"Cc", "Content-Transfer-Encoding"}

// NewDKIM signs for a domain, which must be that of From or one above it (RFC 9989: alignment).
func NewDKIM(domain string, keys ...DKIMKey) (*DKIM, error) {
	if !isDomain(domain) {
		return nil, fmt.Errorf("DKIM: %q is no domain: give it in lower case and as A-labels", domain)
	}
	if len(keys) == 0 {
		return nil, errors.New("DKIM: there is no key: make an RSA and an Ed25519 one")
	}
	for _, k := range keys {
		if !isHost(k.Selector) {
			return nil, fmt.Errorf("DKIM: %q is no selector", k.Selector)
		}
		if err := checkDKIMKey(k.Key); err != nil {
			return nil, fmt.Errorf("DKIM: selector %s: %w", k.Selector, err)
		}
	}
	return &DKIM{domain, keys}, nil
}

// checkDKIMKey: RFC 8301 §3.2 lets verifiers refuse RSA below 1024 bits and above 4096; below 2048 is not safe now.
func checkDKIMKey(key crypto.Signer) error {
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return nil
	case *rsa.PrivateKey:
		if n := k.N.BitLen(); n < 2048 || n > 4096 {
			return fmt.Errorf("an RSA key of %d bits: use 2048", n)
		}
		return nil
	}
	return errors.New("it is neither an RSA nor an Ed25519 key")
}

// ParseDKIMKey reads a private key from PEM: PKCS #1 or PKCS #8, as openssl genpkey makes it.
func ParseDKIMKey(file []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(file)
	if block == nil {
		return nil, errors.New("it is no PEM file: candor notice dkim makes one")
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("it is encrypted: openssl pkcs8 -in FILE takes the passphrase off")
	default:
		return nil, fmt.Errorf("it holds %.40q, and not a private key", block.Type)
	}
	if err != nil {
		return nil, errors.New("the private key in it is damaged: restore it from your copy")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("it is neither an RSA nor an Ed25519 key")
	}
	return signer, checkDKIMKey(signer)
}

// DKIMRecord is the TXT record of DKIMName (RFC 6376 §3.6.1, RFC 8463 §4). Where a zone is a file, TXTStrings cuts it.
func DKIMRecord(key crypto.Signer) (string, error) {
	if err := checkDKIMKey(key); err != nil {
		return "", err
	}
	if public, ok := key.Public().(ed25519.PublicKey); ok {
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public), nil
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), err
}

// Sign returns a message that Build made with the signatures in front, of the time given.
func (d *DKIM) Sign(message []byte, at time.Time) ([]byte, error) {
	signatures, err := d.signatures(message, nil, at)
	return append(signatures, message...), err
}

// signatures are what stands in front of a message. The body is hashed once, in its relaxed form, for which room is used.
func (d *DKIM) signatures(message, room []byte, at time.Time) (signed []byte, err error) {
	head, body, ok := bytes.Cut(message, []byte("\r\n\r\n"))
	if !ok {
		return nil, errors.New("it is no message")
	}
	bodyHash := sha256.Sum256(relaxedBody(room, body))
	names, fields := relaxedFields(head)
	if err := d.aligned(fields); err != nil {
		return nil, err
	}
	signed = make([]byte, 0, 1024*len(d.keys))
	for _, k := range d.keys {
		if signed, err = d.field(signed, k, names, fields, bodyHash[:], at); err != nil {
			return nil, err
		}
	}
	return signed, nil
}

// aligned: DMARC counts a signature only where d= is From's domain or, in its relaxed mode, one of the same organisation.
func (d *DKIM) aligned(fields []byte) error {
	from, _, _ := bytes.Cut(fields, []byte("\r\n"))
	from = bytes.TrimSuffix(from[bytes.LastIndexByte(from, '@')+1:], []byte(">"))
	if !bytes.HasPrefix(fields, []byte("from:")) || string(from) != d.domain && !bytes.HasSuffix(from, []byte("."+d.domain)) {
		return fmt.Errorf("DKIM: the sender is not of %s: DMARC would not count the signature", d.domain)
	}
	return nil
}

// field appends one DKIM-Signature. What is hashed is the signed fields and then itself with an empty b= (RFC 6376 §3.7).
func (d *DKIM) field(to []byte, k DKIMKey, names string, fields, bodyHash []byte, at time.Time) ([]byte, error) {
	algorithm := "rsa-sha256"
	if _, ok := k.Key.(ed25519.PrivateKey); ok {
		algorithm = "ed25519-sha256"
	}
	start := len(to)
	to = append(to, "DKIM-Signature: v=1; a="+algorithm+"; c=relaxed/relaxed; d="+d.domain+";\r\n s="+k.Selector+"; t="+strconv.FormatInt(at.Unix(), 10)+";\r\n bh="...)
	to = base64.StdEncoding.AppendEncode(to, bodyHash)
	to = append(to, ";\r\n h="+names+";\r\n b="...)
	h := sha256.New()
	h.Write(fields)
	h.Write(appendRelaxedField(nil, to[start:]))
	sum := h.Sum(nil)
	options := crypto.SignerOpts(crypto.SHA256)
	if algorithm != "rsa-sha256" {
		options = crypto.Hash(0) // RFC 8463 §3: PureEdDSA of the hash
	}
	signature, err := k.Key.Sign(nil, sum, options) // neither algorithm needs chance
	if err != nil {
		return nil, fmt.Errorf("DKIM: cannot sign with selector %s: %w", k.Selector, err)
	}
	return append(foldBase64(to, signature), "\r\n"...), nil
}

// foldBase64 breaks a value every 72 characters: white space in it does not count (RFC 6376 §3.2).
func foldBase64(to, value []byte) []byte {
	text := base64.StdEncoding.EncodeToString(value)
	for len(text) > 72 {
		to = append(append(to, text[:72]...), "\r\n "...)
		text = text[72:]
	}
	return append(to, text...)
}

// relaxedFields are the fields to sign in the order of signedFields, each as §3.4.2 wants it, and the value of h=: one name more than there are fields.
func relaxedFields(head []byte) (names string, fields []byte) {
	found := make([][]byte, len(signedFields))
	for len(head) > 0 {
		end := endOfField(head)
		name, _, _ := bytes.Cut(head[:end], []byte(":"))
		if i := slices.IndexFunc(signedFields, func(f string) bool { return len(f) == len(name) && strings.EqualFold(f, string(name)) }); i >= 0 {
			found[i] = head[:end]
		}
		head = head[min(end+2, len(head)):]
	}
	all := make([]string, 0, len(signedFields)+len(absentFields))
	fields = make([]byte, 0, 2048)
	for i, name := range signedFields {
		if found[i] != nil {
			fields = append(appendRelaxedField(fields, found[i]), "\r\n"...)
			name += ":" + name
		}
		all = append(all, name)
	}
	all = append(all, absentFields...)
	return strings.Join(foldNames(all), ":"), fields
}

// foldNames breaks h= so that no line of it is long; something stands before the first name.
func foldNames(names []string) []string {
	column := 30
	for i, name := range names {
		if column += len(name) + 1; column > shortLine-2 {
			names[i], column = "\r\n  "+name, len(name)+3
		}
	}
	return names
}

// endOfField is where a field ends: at the first CRLF that no white space follows.
func endOfField(head []byte) int {
	for i := 0; ; {
		n := bytes.Index(head[i:], []byte("\r\n"))
		if n < 0 {
			return len(head)
		}
		if i += n + 2; i >= len(head) || head[i] != ' ' && head[i] != '\t' {
			return i - 2
		}
	}
}

// appendRelaxedField appends one field without its CRLF (RFC 6376 §3.4.2): the name in lower case, white space one space, none at either end of the value.
func appendRelaxedField(to, field []byte) []byte {
	name, value, _ := bytes.Cut(field, []byte(":"))
	to = append(append(to, bytes.ToLower(bytes.TrimRight(name, " \t"))...), ':')
	start, space := len(to), false
	for _, c := range value {
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			space = true
			continue
		}
		if space && len(to) > start {
			to = append(to, ' ')
		}
		to, space = append(to, c), false
	}
	return to
}

var crlf = []byte("\r\n")

// relaxedBody is RFC 6376 §3.4.4, in out's memory where there is room: no white space at the end of lines, one space for each run of it, no empty lines at the end.
func relaxedBody(out, body []byte) []byte {
	out = slices.Grow(out[:0], len(body)+len(crlf))
	if bytes.IndexByte(body, '\t') < 0 && !bytes.Contains(body, []byte(" \r\n")) && !bytes.HasSuffix(body, []byte(" ")) { // as in all that Build makes
		for {
			i := bytes.Index(body, []byte("  "))
			if i < 0 {
				break
			}
			out = append(out, body[:i+1]...)
			body = bytes.TrimLeft(body[i+1:], " ")
		}
		out, body = append(out, body...), nil
	}
	for len(body) > 0 {
		var line []byte
		line, body, _ = bytes.Cut(body, crlf)
		out = append(appendRelaxed(out, line), crlf...)
	}
	out = bytes.TrimRight(out, "\r\n")
	if len(out) == 0 {
		return out
	}
	return append(out, crlf...)
}

func appendRelaxed(out, line []byte) []byte {
	if bytes.IndexByte(line, '\t') < 0 && !bytes.Contains(line, []byte("  ")) && !bytes.HasSuffix(line, []byte(" ")) {
		return append(out, line...) // most lines
	}
	space := false
	for _, c := range line {
		if c == ' ' || c == '\t' {
			space = true
			continue
		}
		if space {
			out = append(out, ' ')
		}
		out, space = append(out, c), false
	}
	return out
}
