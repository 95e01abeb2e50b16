package main

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"candor.example/internal/delivery"
	"candor.example/internal/notice"
)

func TestNoticeCheck(t *testing.T) {
	secret, public, err := note.GenerateKey(rand.Reader, "shop.example/candor")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := delivery.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)
	key, code := signer.Key("c1", "1001"), signer.Code("c1", "1001")
	m := notice.Message{Lang: "en", Subject: "Notice of data breach", Text: "Your name was shown.\nCode: " + code + "\n", HTML: "<p>Your name was shown.</p>\n"}
	h := delivery.Headers{From: delivery.Mailbox{Name: "Shop", Address: "privacy@shop.example"}, To: delivery.Mailbox{Address: "alice@customer.example"},
		ReplyTo: delivery.Mailbox{Address: "dpo@shop.example"}, Date: at, Key: key, Domain: "shop.example"}
	if h.Notice, err = signer.Attest("c1", key, strings.Repeat("0", 64), code, at, m.Subject, m.Text, m.HTML); err != nil {
		t.Fatal(err)
	}
	genuine, err := delivery.Build(h, m)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pub := write("sign.pub", public+"\n")
	good := write("good.eml", string(genuine))
	for _, json := range []bool{false, true} {
		for file, want := range map[string]error{good: nil, write("bad.eml", strings.Replace(string(genuine), "was shown", "was not shown", 1)): errFound} {
			if err := (&noticeCheckCmd{File: file, Key: pub, JSON: json}).Run(); !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	for _, c := range []noticeCheckCmd{{File: write("none.eml", "hello"), Key: pub}, {File: good, Key: good}, {File: dir, Key: pub}, {File: filepath.Join(dir, "no.eml"), Key: pub}} {
		if err := c.Run(); err == nil || errors.Is(err, errFound) {
			t.Errorf("%s: %v", c.File, err)
		}
	}
}
