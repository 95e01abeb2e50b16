package delivery

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/notice"
	"candor.example/internal/testpart"
)

// certified writes a certificate for 127.0.0.1, by an authority of its own, and its key; roots know that authority.
func certified(t *testing.T, dir string) (certificate, key string, roots *x509.CertPool) {
	t.Helper()
	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	server, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of the test's"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "relay.shop.example"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, root, root, authority.Public(), authority)
	must(err)
	signed, err := x509.ParseCertificate(der)
	must(err)
	roots = x509.NewCertPool()
	roots.AddCert(signed)
	der, err = x509.CreateCertificate(rand.Reader, leaf, signed, server.Public(), authority)
	must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(server)
	must(err)
	certificate, key = filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	must(errors.Join(os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)))
	return certificate, key, roots
}

// accounts is the name of a configuration by which Cyrus SASL, that Debian's Postfix asks, finds one account: candor with a password.
func accounts(t *testing.T, dir, password string) string {
	t.Helper()
	database := filepath.Join(dir, "sasldb2")
	cmd := exec.Command(testpart.Program(t, "saslpasswd2"), "-p", "-c", "-u", "relay.shop.example", "-f", database, "candor")
	cmd.Stdin = strings.NewReader(password)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("saslpasswd2: %v\n%s", err, out)
	}
	must(os.Chmod(database, 0o644)) // smtpd is no root
	conf := filepath.Join(dir, "sasl")
	must(errors.Join(os.Mkdir(conf, 0o755), os.WriteFile(filepath.Join(conf, "smtpd.conf"),
		[]byte("pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: "+database+"\nmech_list: PLAIN LOGIN\n"), 0o644)))
	return filepath.Join(conf, "smtpd") // Debian's Postfix puts its own folder's sasl in front, whatever cyrus_sasl_config_path says, and .conf behind
}

// Debian's Postfix, as a shop's submission service is: it takes mail behind STARTTLS and a password only. What is not as it should be sends nothing.
func TestSubmission(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "candor-submission-") // not below t.TempDir, which smtpd may not enter
	must(err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(os.Chmod(dir, 0o755))
	certificate, key, roots := certified(t, dir)
	address, maildir := postfix(t, "127.0.0.1:9", "", "smtpd_milters =", "smtpd_tls_security_level = encrypt", "smtpd_tls_cert_file = "+certificate, "smtpd_tls_key_file = "+key,
		"smtpd_sasl_auth_enable = yes", "smtpd_tls_auth_only = yes", "smtpd_sasl_local_domain = relay.shop.example", "smtpd_sasl_path = ../../../.."+accounts(t, dir, "correct horse"),
		"smtpd_relay_restrictions = permit_sasl_authenticated, reject", "smtpd_recipient_restrictions = permit_sasl_authenticated, reject")
	message := written(t, composer(), notice.Person{Owner: "1001", Viewers: 3}, []candor.Sealed{sealed(t, "1001", "email", "alice@customer.example"), sealed(t, "1001", "name", "Zoë")})
	submit := func(r Relay) error {
		r.Addr, r.Hello = address, "sender.shop.example"
		return Submit(t.Context(), []Relay{r}, "bounce+tag@return.shop.example", "alice@customer.example", "key", message)
	}
	password := func(p string) func() (string, error) { return func() (string, error) { return p, nil } }
	for name, c := range map[string]struct {
		relay Relay
		says  string
	}{
		"a certificate by nobody we know": {Relay{User: "candor", Password: password("correct horse")}, "certificate"},
		"another password":                {Relay{Roots: roots, User: "candor", Password: password("wrong")}, "535"},
		"no password":                     {Relay{Roots: roots}, "554"},
		"no TLS":                          {Relay{TLS: NoTLS}, "530"},
		"a password, and no TLS":          {Relay{TLS: NoTLS, User: "candor", Password: password("correct horse")}, "TLS"},
	} {
		if err := submit(c.relay); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: %v, without %q", name, err, c.says)
		}
	}
	must(submit(Relay{Roots: roots, User: "candor", Password: password("correct horse")}))
	var delivered []string
	await(t, nil, func() bool {
		delivered, _ = filepath.Glob(filepath.Join(maildir, "new", "*"))
		return len(delivered) > 0
	})
	if len(delivered) != 1 {
		t.Errorf("%d messages were delivered", len(delivered))
	}
	got, err := os.ReadFile(delivered[0])
	must(err)
	if !strings.Contains(string(got), "with ESMTPSA id") { // RFC 3848: TLS and AUTH
		t.Errorf("Postfix has not seen both:\n%.800s", got)
	}
	if n := verified(t, got); n != 2 {
		t.Errorf("%d of 2 signatures verify", n)
	}
}
