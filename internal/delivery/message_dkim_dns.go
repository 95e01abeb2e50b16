package delivery

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"strings"
)

// MakeDKIMKey makes a private key as ParseDKIMKey reads it: PKCS #8 in PEM. algorithm is "rsa", of 2048 bits, or "ed25519".
func MakeDKIMKey(algorithm string) ([]byte, error) {
	var key any
	var err error
	switch algorithm {
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("DKIM: %q is neither rsa nor ed25519", algorithm)
	}
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// DKIMName is where DNS has a key (RFC 6376 §3.6.2.1).
func DKIMName(selector, domain string) string { return selector + "._domainkey." + domain }

// maxTXT is how many bytes one string of a TXT record has at most (RFC 1035 §3.3).
const maxTXT = 255

// TXTStrings cuts a record into the strings that a zone's file has it in. Receivers put them together with nothing between (RFC 6376 §3.6.2.2).
func TXTStrings(record string) (parts []string) {
	for len(record) > maxTXT {
		parts, record = append(parts, record[:maxTXT]), record[maxTXT:]
	}
	return append(parts, record)
}

// CheckDKIMRecord asks DNS for a key's record and says what is wrong with it; "" is nothing. lookup is as net.Resolver.LookupTXT. An error is that DNS did not
// answer, which says nothing of the record.
func CheckDKIMRecord(ctx context.Context, lookup func(ctx context.Context, name string) ([]string, error), name string, key crypto.Signer) (wrong string, err error) {
	want, err := DKIMRecord(key)
	if err != nil {
		return "", err
	}
	records, err := lookup(ctx, name)
	var no *net.DNSError
	switch {
	case errors.As(err, &no) && no.IsNotFound:
		return "it is not there", nil
	case err != nil:
		return "", err
	case len(records) != 1:
		return fmt.Sprintf("there are %d records, and receivers take none of them: leave one", len(records)), nil // RFC 6376 §3.6.2.2
	}
	return compareDKIM(dkimTags(records[0]), dkimTags(want)), nil
}

// compareDKIM says what keeps a receiver from verifying with a record (RFC 6376 §3.6.1) what the key of another has signed.
func compareDKIM(got, want map[string]string) string {
	kind := got["k"]
	if kind == "" {
		kind = "rsa"
	}
	switch v, there := got["v"]; {
	case there && v != "DKIM1":
		return fmt.Sprintf("it begins with v=%.20s, and not with v=DKIM1", v)
	case kind != want["k"]:
		return fmt.Sprintf("it is for a key of another kind: k=%.20s, and not k=%s", kind, want["k"])
	case got["p"] == "":
		return "its p= is empty: that says that the key is revoked"
	case !sameKey(got["p"], want["p"]):
		return "it has another key"
	case got["h"] != "" && !tagHas(got["h"], "sha256"):
		return fmt.Sprintf("its h=%.40s leaves out sha256, with which notices are signed", got["h"])
	case got["s"] != "" && !tagHas(got["s"], "*") && !tagHas(got["s"], "email"):
		return fmt.Sprintf("its s=%.40s leaves out email", got["s"])
	case tagHas(got["t"], "y"):
		return "its t=y says that it is a test: receivers may treat what it signs as if it were not signed"
	}
	return ""
}

// sameKey: RFC 8463 §4 has the key itself for Ed25519; some publish it inside its ASN.1, which is another.
func sameKey(a, b string) bool {
	x, err := base64.StdEncoding.DecodeString(a)
	y, err2 := base64.StdEncoding.DecodeString(b)
	return err == nil && err2 == nil && string(x) == string(y)
}

func tagHas(list, want string) bool {
	for v := range strings.SplitSeq(list, ":") {
		if v == want {
			return true
		}
	}
	return false
}

// dkimTags reads a tag list (RFC 6376 §3.2); white space in values counts in none of those that are compared.
func dkimTags(record string) map[string]string {
	tags := map[string]string{}
	for tag := range strings.SplitSeq(record, ";") {
		name, value, _ := strings.Cut(tag, "=")
		tags[strings.TrimSpace(name)] = strings.Join(strings.Fields(value), "")
	}
	return tags
}
