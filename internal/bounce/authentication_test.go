package bounce

import (
	"strings"
	"testing"
)

const ours = "DKIM-Signature: v=1; a=rsa-sha256; d=shop.example\nMIME-Version: 1.0\nFrom: Shop <privacy@shop.example>\nTo: seed@mail.example\nSubject: Notice of data breach\n\ntext\n"

func TestAuthenticationResults(t *testing.T) {
	both := "Authentication-Results: mx.mail.example;\n dkim=pass (2048-bit key; unprotected) header.i=@shop.example header.s=r1 header.b=abc;\n" +
		" dkim=neutral (no key; ed25519) header.i=@shop.example header.s=e1;\n spf=pass (mail.example: domain of bounce+x@return.shop.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=\"bounce+x@return.shop.example\";\n" +
		" dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=shop.example\n"
	for name, c := range map[string]struct {
		head, authserv string
		want           Authentication
		err            string
	}{
		"all":               {"Delivered-To: seed@mail.example\nReceived: by 10.0.0.1\nReceived: from a by mx.mail.example\n" + both, "mx.mail.example", Authentication{"pass", "pass", "pass", false}, ""},
		"in other case":     {both, "MX.mail.example", Authentication{"pass", "pass", "pass", false}, ""},
		"two filters":       {"Authentication-Results: mx.mail.example; dmarc=pass header.from=shop.example\nAuthentication-Results: mx.mail.example 1; dkim=pass header.d=shop.example\n", "mx.mail.example", Authentication{"pass", "pass", "none", false}, ""},
		"a parent signs":    {"Authentication-Results: m; dkim=pass header.d=example; dmarc=fail\n", "m", Authentication{"unaligned", "fail", "none", false}, ""},
		"a stranger signs":  {"Authentication-Results: m; dkim=pass header.d=relay.example\n", "m", Authentication{"unaligned", "none", "none", false}, ""},
		"the second passes": {"Authentication-Results: m; dkim=fail header.d=shop.example; dkim/1=PASS header.d=shop.example\n", "m", Authentication{"pass", "none", "none", false}, ""},
		"no name":           {"Authentication-Results: spf=pass (sender IP is 192.0.2.1)\n smtp.mailfrom=return.shop.example; dkim=pass (signature was verified)\n header.d=shop.example;dmarc=pass action=none header.from=shop.example;compauth=pass reason=100\n", "", Authentication{"pass", "pass", "pass", false}, ""},
		"none":              {"Authentication-Results: m; none\n", "m", Authentication{"none", "none", "none", false}, ""},
		"topmost only":      {"Authentication-Results: m; dkim=fail header.d=shop.example\nReceived: from relay by m\nAuthentication-Results: m; dkim=pass header.d=shop.example\n", "m", Authentication{"fail", "none", "none", false}, ""},
		"in a comment":      {"Authentication-Results: m; dkim=fail (x; dkim=pass header.d=shop.example) header.d=shop.example\n", "m", Authentication{"fail", "none", "none", false}, ""},
		"in quotes":         {"Authentication-Results: m; dkim=fail reason=\"; dkim=pass header.d=shop.example\" header.d=shop.example\n", "m", Authentication{"fail", "none", "none", false}, ""},
		"another's":         {strings.ReplaceAll(both, "mx.mail", "mx.evil"), "mx.mail.example", Authentication{}, "no Authentication-Results field"},
		"the sender's":      {"Received: from a by b\nSubject: x\n" + both, "mx.mail.example", Authentication{}, "no Authentication-Results field"},
		"absent":            {"", "mx.mail.example", Authentication{}, "no Authentication-Results field"},
		"two senders":       {both + "From: x@evil.example\n", "mx.mail.example", Authentication{}, "one sender"},
		"SpamAssassin":      {both + "X-Spam-Flag: YES\n", "mx.mail.example", Authentication{"pass", "pass", "pass", true}, ""},
		"ham":               {both + "X-Spam-Status: No, score=-0.2\nX-Gmail-Labels: Inbox,Important,\"not spam\"\nX-MS-Exchange-Organization-SCL: 1\n", "mx.mail.example", Authentication{"pass", "pass", "pass", false}, ""},
		"Gmail":             {both + "X-Gmail-Labels: Spam,Unread\n", "mx.mail.example", Authentication{"pass", "pass", "pass", true}, ""},
		"Microsoft":         {both + "X-Microsoft-Antispam-Mailbox-Delivery: ucf:0;jmr:1;auth:0;dest:J;ENG:(910001)\n", "mx.mail.example", Authentication{"pass", "pass", "pass", true}, ""},
		"SCL":               {both + "X-MS-Exchange-Organization-SCL: 5\n", "mx.mail.example", Authentication{"pass", "pass", "pass", true}, ""},
	} {
		for _, eml := range []string{c.head + ours, strings.ReplaceAll(c.head+ours, "\n", "\r\n")} {
			got, err := AuthenticationResults([]byte(eml), c.authserv)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) || err == nil && got != c.want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	}
}

func FuzzAuthenticationResults(f *testing.F) {
	f.Add([]byte("Authentication-Results: m; dkim=pass (a; b) header.d=\"shop.example\"\n"+ours), "m")
	f.Add([]byte("Authentication-Results: ((\\)\n"+ours), "")
	f.Fuzz(func(t *testing.T, eml []byte, authserv string) {
		a, err := AuthenticationResults(eml, authserv)
		if err == nil && a.DKIM == "" {
			t.Errorf("%+v", a)
		}
	})
}
