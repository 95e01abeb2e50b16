package delivery

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	"golang.org/x/mod/sumdb/note"
)

// resaved is a message as a mail program saves it: the same parts, in other transfer encodings.
func resaved(t testing.TB, raw []byte, encoding string) []byte {
	t.Helper()
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	e.Header.SetContentType("multipart/alternative", map[string]string{"boundary": "another"})
	var b bytes.Buffer
	w, err := message.CreateWriter(&b, e.Header)
	if err != nil {
		t.Fatal(err)
	}
	for parts := e.MultipartReader(); ; {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		part.Header.Set("Content-Transfer-Encoding", encoding)
		pw, err := w.CreatePart(part.Header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(pw, part.Body); err != nil {
			t.Fatal(err)
		}
		must(pw.Close())
	}
	must(w.Close())
	return b.Bytes()
}

func TestCheckGenuine(t *testing.T) {
	p, s := alice(t)
	raw := written(t, composer(), p, s)
	lf := bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	for name, eml := range map[string][]byte{
		"as sent":        raw,
		"LF":             lf,
		"mailbox file":   append([]byte("From privacy@shop.example Wed Nov 21 09:30:00 2018\n"), lf...),
		"BOM":            append([]byte("\ufeff\r\n"), raw...),
		"base64":         resaved(t, raw, "base64"),
		"8bit":           resaved(t, raw, "8bit"),
		"received":       append([]byte("Received: from a by b\r\nX-Spam-Status: No\r\n"), raw...),
		"trailing lines": bytes.Replace(raw, []byte("\r\n\r\n--candor"), []byte("\r\n\r\n\r\n\r\n--candor"), -1),
	} {
		c, err := Check(eml, keys().verifier+"\n")
		if err != nil || !c.Genuine || len(c.Why)+len(c.Changed) != 0 || c.Campaign != messageCampaign || !c.Sent.Equal(date) || c.Code != keys().signer.Code(messageCampaign, "1001") || c.Signer != "shop.example/candor" || len(c.NotChecked) == 0 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// What a person would see changed is not genuine, whatever it is; what they may not see is said.
func TestCheckChanged(t *testing.T) {
	p, s := alice(t)
	raw := string(written(t, composer(), p, s))
	_, stranger, err := note.GenerateKey(rand.Reader, "shop.example/candor")
	must(err)
	boundary := "--candor-" + keys().signer.Key(messageCampaign, "1001")
	attachment := boundary + "\r\nContent-Type: application/pdf\r\n\r\nx\r\n" + boundary + "--\r\n"
	for name, c := range map[string]struct {
		eml, key, why string
	}{
		"text":           {strings.Replace(raw, "now on this", "now on https://shop.evil.example this", 1), keys().verifier, "its text was changed"},
		"formatted part": {strings.Replace(raw, "<body>", "<body>Go to https://shop.evil.example<br>", 1), keys().verifier, "formatted part"},
		"attachment":     {strings.Replace(raw, boundary+"--\r\n", attachment, 1), keys().verifier, "1 parts or attachments"},
		"code":           {strings.ReplaceAll(raw, keys().signer.Code(messageCampaign, "1001"), "0000-0000-0000"), keys().verifier, "signature does not fit"},
		"campaign":       {strings.Replace(raw, "c="+messageCampaign, "c=another", 1), keys().verifier, "signature does not fit"},
		"date":           {strings.Replace(raw, "at=2018", "at=2019", 1), keys().verifier, "signature does not fit"},
		"key":            {raw, stranger, "it names the signing key"},
		"no header":      {strings.Replace(raw, "\r\nCandor-Notice:", "\r\nX-Notice:", 1), keys().verifier, "0 Candor-Notice headers"},
		"two headers":    {"Candor-Notice: v=1\r\n" + raw, keys().verifier, "2 Candor-Notice headers"},
		"damaged header": {strings.Replace(raw, " at=2018-", " at=x2018-", 1), keys().verifier, "damaged"},
		"version":        {strings.Replace(raw, ": v=1; i=", ": v=2; i=", 1), keys().verifier, "another version"},
	} {
		got, err := Check([]byte(c.eml), c.key)
		if err != nil || got.Genuine || len(got.Why) == 0 || !strings.Contains(got.Why[0], c.why) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	c, err := Check([]byte(strings.Replace(raw, "\r\nSubject:", "\r\nSubject: [EXTERNAL]", 1)), keys().verifier)
	if err != nil || !c.Genuine || len(c.Changed) != 1 {
		t.Errorf("subject: %+v, %v", c, err)
	}
}

func TestCheckTrouble(t *testing.T) {
	p, s := alice(t)
	raw := string(written(t, composer(), p, s))
	deep := "From: a@b.example\r\n"
	for range maxDepth + 1 {
		deep += "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
	}
	many := "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat("--x\r\n\r\nt\r\n", maxParts) + "--x--\r\n"
	for name, c := range map[string]struct{ eml, key string }{
		"no key":     {raw, "shop.example"},
		"empty":      {"", keys().verifier},
		"no message": {"hello", keys().verifier},
		"too large":  {raw + strings.Repeat("x", MaxChecked), keys().verifier},
		"two types":  {strings.Replace(raw, "Content-Type: text/plain", "Content-Type: text/x\r\nContent-Type: text/plain", 1), keys().verifier},
		"cut off":    {raw[:len(raw)-200], keys().verifier},
		"deep":       {deep, keys().verifier},
		"many parts": {many, keys().verifier},
	} {
		if got, err := Check([]byte(c.eml), c.key); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzCheck(f *testing.F) {
	p, s := alice(f)
	raw := written(f, composer(), p, s)
	f.Add(raw)
	f.Add(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")))
	f.Add([]byte("From: a\nCandor-Notice: v=1; s=" + base64.StdEncoding.EncodeToString([]byte("x")) + "\n\n7CXK-YD27-HKFQ"))
	text, _ := render(p, date)
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	io.WriteString(w, text.Text)
	w.Close()
	f.Add(b.Bytes())
	want, _ := Check(raw, keys().verifier)
	f.Fuzz(func(t *testing.T, eml []byte) {
		// The key is new in each process: what is genuine now can only have grown out of raw.
		c, err := Check(eml, keys().verifier)
		if err == nil && c.Genuine && (c.Code != want.Code || c.Campaign != want.Campaign) {
			t.Errorf("genuine: %+v", c)
		}
	})
}
