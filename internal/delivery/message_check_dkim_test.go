package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

func ourShop(domain string) bool { return domain == "shop.example" }

// A saved message's DKIM signature is believed if it is the shop's and covers what is said of the log; where its key is gone, that is said.
func TestCheckDKIM(t *testing.T) {
	p, s := alice(t)
	raw := written(t, composer(), p, s)
	gone := func(name string) ([]string, error) { return nil, &net.DNSError{Name: name, IsNotFound: true} }
	dead := func(string) ([]string, error) { return nil, errors.New("no route") }
	revoked := func(string) ([]string, error) { return []string{"v=DKIM1; k=rsa; p="}, nil }
	onlyRSA := func(name string) ([]string, error) {
		if strings.HasPrefix(name, "e1.") {
			return gone(name)
		}
		return lookup(name)
	}
	forged := strings.Repeat("DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=r1; h=from; bh=AAAA; b=AAAA\r\n", maxDKIMSignatures)
	uncovered := bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("Candor-Checkpoint"), []byte("Candor-Checkpoinx")), []byte("candor-checkpoint"), []byte("candor-checkpoinx"))
	for _, c := range []struct {
		name   string
		raw    []byte
		lookup func(string) ([]string, error)
		by     string
		why    string
	}{
		{"as it came", raw, lookup, "shop.example", ""},
		{"saved with LF", bytes.ReplaceAll(raw, crlf, []byte("\n")), lookup, "shop.example", ""},
		{"from a mailbox file", append([]byte("From bounce@return.shop.example Wed Nov 21 09:30:00 2018\n"), raw...), lookup, "shop.example", ""},
		{"with what relays add", append([]byte("Received: from a by b\r\n"), raw...), lookup, "shop.example", ""},
		{"one key is left", raw, onlyRSA, "shop.example", ""},
		{"changed", bytes.Replace(raw, []byte("10:52"), []byte("10:53"), 1), lookup, "", "does not fit"},
		{"a checkpoint was added", append([]byte("Candor-Checkpoint: x 1 y\r\n"), raw...), lookup, "", "does not fit"},
		{"not covered", uncovered, lookup, "", "does not fit"},
		{"the keys are gone", raw, gone, "", "the key e1._domainkey.shop.example is no longer there; the key r1._domainkey.shop.example is no longer there"},
		{"no DNS", raw, dead, "", "DNS does not answer"},
		{"revoked", raw, revoked, "", "was revoked"},
		{"somebody else's", bytes.ReplaceAll(raw, []byte("d=shop.example"), []byte("d=evil.example")), func(name string) ([]string, error) {
			t.Errorf("asked for %s", name)
			return lookup(name)
		}, "", "no DKIM signature of the publisher's domain"},
		{"a selector that is none", bytes.ReplaceAll(raw, []byte("s=r1"), []byte("s=r/1")), onlyRSA, "", "no longer there"},
		{"none", []byte("From: privacy@shop.example\r\n\r\nHello\r\n"), lookup, "", "no DKIM signature"},
		{"too many", append([]byte(forged), raw...), lookup, "", "does not fit"},
		{"as many as may be", append([]byte(strings.Join(strings.SplitAfter(forged, "\r\n")[2:], "")), raw...), lookup, "shop.example", ""},
		{"no message", []byte("x"), lookup, "", "it is no message"},
		{"a long header", append([]byte("X: "+strings.Repeat("\r\n ", maxHeader/3)+"\r\n"), raw...), lookup, "", "its header is larger than 128 KiB"},
	} {
		if by, why := CheckDKIM(c.raw, ourShop, c.lookup); by != c.by || !strings.Contains(why, c.why) || (by == "") == (why == "") {
			t.Errorf("%s: %q %q", c.name, by, why)
		}
	}
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	fill := func(n int) []byte { return append([]byte("X: "+strings.Repeat("x", n-5)+"\r\n"), raw...) }
	if by, why := CheckDKIM(fill(maxHeader-len(head)), ourShop, lookup); by == "" {
		t.Errorf("the largest header: %s", why)
	}
	if by, _ := CheckDKIM(fill(maxHeader-len(head)+1), ourShop, lookup); by != "" {
		t.Error("a header one byte larger")
	}
}

// A relay of the shop's may sign, too, and less than Candor does: what its signature does not hold together somebody may have added.
func TestCheckDKIMOfARelay(t *testing.T) {
	p, s := alice(t)
	_, own, _ := bytes.Cut(written(t, composer(), p, s), []byte("MIME-Version: 1.0\r\n")) // without Candor's signatures
	own = append([]byte("Candor-Report: 1 a\r\nCandor-Checkpoint: shop.example/candor 1 b\r\nMIME-Version: 1.0\r\n"), own...)
	key := composer().DKIM.keys[0]
	by := func(names ...string) []byte {
		var b bytes.Buffer
		must(dkim.Sign(&b, bytes.NewReader(own), &dkim.SignOptions{Domain: "shop.example", Selector: key.Selector, Signer: key.Key, HeaderKeys: append(names, "From"),
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed}))
		return b.Bytes()
	}
	all := by("Candor-Checkpoint", "Candor-Notice", "Candor-Report")
	for _, c := range []struct {
		name string
		raw  []byte
		by   string
	}{
		{"all of it", all, "shop.example"},
		{"but the report", by("Candor-Checkpoint", "Candor-Notice"), ""},
		{"and a report was added", append([]byte("Candor-Report: 1 x\r\n"), all...), ""},
		{"and a report was added, with a space", append([]byte("Candor-Report : 1 x\r\n"), all...), ""},
		{"and a checkpoint was added", append([]byte("candor-checkpoint: x 1 y\r\n"), all...), ""},
	} {
		if by, why := CheckDKIM(c.raw, ourShop, lookup); by != c.by || by == "" && !strings.Contains(why, "does not cover") {
			t.Errorf("%s: %q %q", c.name, by, why)
		}
	}
}

// Records are read as candor prints them and as dig does.
func TestParseDKIMRecords(t *testing.T) {
	want, err := lookup("r1._domainkey.shop.example")
	must(err)
	parts := TXTStrings(want[0])
	for _, zone := range []string{
		fmt.Sprintf("; a key\nr1._domainkey.shop.example. 3600 IN TXT ( \"%s\" )\n", strings.Join(parts, "\"\n  \"")),
		fmt.Sprintf("R1._domainkey.shop.example.\t60\tIN\tTXT\t\"%s\"\n", strings.Join(parts, `" "`)),
	} {
		records, err := ParseDKIMRecords(zone)
		if got := records["r1._domainkey.shop.example."]; err != nil || len(got) != 1 || got[0] != want[0] {
			t.Errorf("%v %q", err, got)
		}
	}
	for _, bad := range []string{"", "; nothing\n", "v=DKIM1; k=rsa; p=AAAA", `"v=DKIM1"`, `shop.example. IN TXT "v=DKIM1"`, `r1._domainkey.shop.example IN TXT "v=DKIM1"`, `r1._domainkey.shop.example. IN TXT "v=DKIM1`, `TXT "x"`} {
		if records, err := ParseDKIMRecords(bad); err == nil {
			t.Errorf("%q: %v", bad, records)
		}
	}
}

// Whatever was saved, and whatever DNS answers, it is judged.
func FuzzCheckDKIM(f *testing.F) {
	p, s := alice(f)
	record, err := lookup("e1._domainkey.shop.example")
	must(err)
	f.Add(written(f, composer(), p, s), record[0])
	f.Add([]byte("DKIM-Signature: v=1; a=ed25519-sha256; d=shop.example; s=e1; h=from:candor-notice; bh=; b=\n\nx"), "v=DKIM1; k=ed25519; p=AAAA")
	f.Fuzz(func(t *testing.T, eml []byte, record string) {
		by, why := CheckDKIM(eml, ourShop, func(string) ([]string, error) { return []string{record}, nil })
		if (by == "") == (why == "") {
			t.Errorf("%q %q", by, why)
		}
		ParseDKIMRecords(string(eml))
	})
}
