package delivery

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// claim is what the signing key says in a Candor-Notice header (DESIGN: "checkable without a click"):
//
//	v=1; i=KEYID; c=CAMPAIGN; k=KEY; d=DRAFT; at=TIME; t=TEXT; h=HTML; u=SUBJECT; s=SIGNATURE
//
// DRAFT is the approved document's hash; TEXT, HTML and SUBJECT are SHA-256 of their canonical forms, in base64url. The Ed25519 signature is over
// the lines of claim.signed, of which the last is the code, which stands in the text and not in the header.
type claim struct {
	keyID, campaign, key, draft string
	at                          time.Time
	text, html, subject         string // hashes
	signature                   []byte
}

// signed begins with a line that no checkpoint or other signed note of the same key begins with.
func (c claim) signed(code string) []byte {
	return []byte(strings.Join([]string{"candor notice v1", c.campaign, c.key, c.draft, c.at.UTC().Format(time.RFC3339), c.text, c.html, c.subject, code}, "\n") + "\n")
}

// Attest is the value of Candor-Notice, folded, for one person's message.
func (s *Signer) Attest(campaign, key, draft, code string, at time.Time, subject, text, html string) (string, error) {
	return s.attest(claim{campaign: campaign, key: key, draft: draft, at: at, text: canonicalHash(text), html: canonicalHash(html), subject: subjectHash(subject)}, code)
}

// attest signs a claim, in which the key is named here.
func (s *Signer) attest(c claim, code string) (string, error) {
	if !isToken(c.campaign) || !IsKey(c.key) || !isToken(c.draft) {
		return "", errors.New("a campaign, a key and a draft's hash are needed")
	}
	c.keyID = s.ID()
	signature, err := s.note.Sign(c.signed(code))
	if err != nil {
		return "", fmt.Errorf("cannot sign: %w", err)
	}
	head := fmt.Sprintf("v=1; i=%s; k=%s;\r\n c=%s;\r\n d=%s;\r\n at=%s;\r\n t=%s;\r\n h=%s;\r\n u=%s;\r\n s=", c.keyID, c.key, c.campaign, c.draft,
		c.at.UTC().Format(time.RFC3339), c.text, c.html, c.subject)
	return string(foldBase64([]byte(head), signature)), nil
}

// isToken: what campaigns' ids and hashes are made of; such a line of the header is at most 76 long.
func isToken(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '.' && r != '_'
	})
}

// parseClaim reads the header's value. A mail program may have folded it anew.
func parseClaim(value string) (c claim, err error) {
	tags := map[string]string{}
	for tag := range strings.SplitSeq(value, ";") {
		name, v, _ := strings.Cut(tag, "=")
		tags[strings.TrimSpace(name)] = strings.Join(strings.Fields(v), "")
	}
	wrong := errors.New("its Candor-Notice header is damaged")
	c = claim{keyID: tags["i"], campaign: tags["c"], key: tags["k"], draft: tags["d"], text: tags["t"], html: tags["h"], subject: tags["u"]}
	if len(c.keyID) != 8 || !isToken(c.campaign) || !IsKey(c.key) || !isToken(c.draft) {
		return c, wrong
	}
	if tags["v"] != "1" {
		return c, errors.New("its Candor-Notice header has another version than this candor reads")
	}
	if c.at, err = time.Parse(time.RFC3339, tags["at"]); err != nil {
		return c, wrong
	}
	if c.signature, err = base64.StdEncoding.DecodeString(tags["s"]); err != nil {
		return c, wrong
	}
	return c, nil
}

// canonicalHash is of a text as no mail program changes it in saving: other line ends, white space at their ends and empty lines at the end
// do not count, and a no-break space is a space.
func canonicalHash(text string) string {
	var e encoded
	Lines(nil).encode(&e, text)
	return hashBytes(e.canonical)
}

// subjectHash: runs of white space are one space.
func subjectHash(s string) string { return hashText(strings.Join(strings.Fields(s), " ")) }

func hashText(s string) string { return hashBytes([]byte(s)) }

func hashBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
