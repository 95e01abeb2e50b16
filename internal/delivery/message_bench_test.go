package delivery

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"io"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

func built(b *testing.B) []byte {
	p, s := alice(b)
	c := composer()
	l, err := c.Compose(p, s)
	must(err)
	m, err := c.Render(l.person, date)
	must(err)
	m.Text += string(bytes.Repeat([]byte("What you can do: be careful with messages that name your order.\n"), 50))
	m.HTML += string(bytes.Repeat([]byte("<p style=\"margin:0\">What you can do: be careful with messages that name your order.</p>\n"), 80))
	raw, err := Build(Headers{From: c.From, To: Mailbox{l.name, l.To}, ReplyTo: c.ReplyTo, Date: date, Key: l.Key, Domain: c.Domain}, m)
	must(err)
	return raw
}

// What one core signs, and nothing else: the goal is 0.9 of this.
func BenchmarkRSAOnly(b *testing.B) {
	sum := sha256.Sum256(nil)
	used, n := processorTime(), 0
	defer func() { b.ReportMetric(float64((processorTime()-used).Nanoseconds())/1e3/float64(n), "cpu-µs/op") }()
	for b.Loop() {
		n++
		if _, err := keys().rsa.Sign(nil, sum[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkDKIM(b *testing.B, k ...DKIMKey) {
	raw := built(b)
	d, err := NewDKIM("shop.example", k...)
	must(err)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Sign(raw, date); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDKIMBoth(b *testing.B) {
	benchmarkDKIM(b, DKIMKey{"r1", keys().rsa}, DKIMKey{"e1", keys().ed})
}

func BenchmarkDKIMEd25519(b *testing.B) { benchmarkDKIM(b, DKIMKey{"e1", keys().ed}) }

// go-msgauth, with the same two keys and fields.
func BenchmarkMsgauthBoth(b *testing.B) {
	raw := built(b)
	b.ReportAllocs()
	for b.Loop() {
		message := raw
		for selector, key := range map[string]crypto.Signer{"r1": keys().rsa, "e1": keys().ed} {
			var out bytes.Buffer
			o := &dkim.SignOptions{Domain: "shop.example", Selector: selector, Signer: key, HeaderCanonicalization: "relaxed", BodyCanonicalization: "relaxed", HeaderKeys: append(signedFields, signedFields...)}
			if err := dkim.Sign(&out, bytes.NewReader(message), o); err != nil {
				b.Fatal(err)
			}
			message = out.Bytes()
		}
	}
}

// All of one person's message but the rendering: two seals opened, built, Candor-Notice, both signatures.
func BenchmarkCompose(b *testing.B) {
	p, s := alice(b)
	c := composer()
	b.ReportAllocs()
	for b.Loop() {
		l, err := c.Compose(p, s)
		if err == nil {
			err = l.Message(io.Discard)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
