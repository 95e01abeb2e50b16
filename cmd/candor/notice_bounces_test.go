package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"candor.example/internal/bounce"
	"candor.example/internal/testpart"
)

// The port for what comes back offers STARTTLS where candor.yaml names a certificate, with the one that is there by now; swaks is a client that is not ours.
func TestBouncesSTARTTLS(t *testing.T) {
	swaks := testpart.Program(t, "swaks")
	dir := t.TempDir()
	from := BouncesConfig{Listen: "127.0.0.1:0", CertFile: filepath.Join(dir, "mx.crt"), KeyFile: filepath.Join(dir, "mx.key")}
	r := &returns{path: bounce.ReturnPath{Domain: "return.shop.example", Key: func(string) (string, bool) { return strings.Repeat("a", 26), true }}, read: map[string]int{}}
	if _, err := r.listen(from); err == nil || !strings.Contains(err.Error(), "notice.bounces: cert_file and key_file") {
		t.Errorf("without the files: %v", err)
	}
	certify(t, from, "first.shop.example")
	plain := from
	plain.CertFile, plain.KeyFile = "", ""
	for _, c := range []struct {
		from BouncesConfig
		dn   string
	}{{from, "CN=first.shop.example"}, {plain, ""}, {from, "CN=second.shop.example"}} {
		on, err := r.listen(c.from)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(c.dn, "CN=second") { // renewed while it listens
			certify(t, from, "second.shop.example")
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.serve(ctx, on, c.from) }()
		cmd := exec.Command(swaks, "--server", on.Addr().String(), "--helo", "mx.customer.example", "--tls-optional", "--from", "", "--to", "bounce+"+strings.Repeat("a", 30)+"@return.shop.example",
			"--header", "Auto-Submitted: auto-replied", "--body", "I am away.")
		out, err := cmd.CombinedOutput()
		if secured := strings.Contains(string(out), "TLS started"); err != nil || secured != (c.dn != "") || !strings.Contains(string(out), c.dn) {
			t.Errorf("%q: %v\n%s", c.dn, err, out)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := r.sum(); got != "Came back: 3 auto-reply" {
		t.Error(got)
	}
}

// certify writes a certificate of a host, and its key.
func certify(t *testing.T, to BouncesConfig, host string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{to.CertFile: {Type: "CERTIFICATE", Bytes: der}, to.KeyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
