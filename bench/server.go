package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	txhttp "github.com/corazawaf/coraza/v3/http"
	"github.com/corazawaf/coraza/v3/types"
)

// server is a process of its own: the upstream, or one of the proxies that are written in Go, on an address.
func server(name string, args []string) error {
	if name == "upstream" {
		return http.ListenAndServe(args[0], upstream())
	}
	target, err := url.Parse(args[1])
	if err != nil {
		return err
	}
	h := reverseProxy(target)
	switch name {
	case "plain":
	case "coraza-mail":
		h, err = guarded(h, mailRule)
	case "coraza-crs":
		h, err = guarded(h, coreRules)
	default:
		err = fmt.Errorf("there is no server %q", name)
	}
	if err != nil {
		return err
	}
	return http.ListenAndServe(args[0], h)
}

// reverseProxy is the baseline: net/http/httputil as one would tune it, with the connections and buffers that guard.NewProxy
// has, too.
func reverseProxy(target *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		Transport: &http.Transport{DisableCompression: true, MaxIdleConns: 1024, MaxIdleConnsPerHost: 512, IdleConnTimeout: 90 * time.Second,
			ReadBufferSize: 32 << 10, WriteBufferSize: 32 << 10},
		BufferPool: &buffers{},
	}
}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

const (
	// bodies lets Coraza see the bodies of answers; its usual limit of 512 KiB lets all pages here through.
	bodies = `
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecResponseBodyLimit 1048576
`
	mailRule = "SecRuleEngine On\nSecRequestBodyAccess Off\n" + bodies + "SecRule RESPONSE_BODY \"@rx " + pattern + "\" \"id:1,phase:4,deny,status:403\"\n"
	// coreRules is the Core Rule Set as its own example sets it up, blocking.
	coreRules = "Include @coraza.conf-recommended\nInclude @crs-setup.conf.example\nInclude @owasp_crs/*.conf\nSecRuleEngine On\nSecAuditEngine Off\n" + bodies
)

func guarded(h http.Handler, directives string) (http.Handler, error) {
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(directives).WithErrorCallback(func(types.MatchedRule) {}))
	if err != nil {
		return nil, fmt.Errorf("coraza: %w", err)
	}
	return txhttp.WrapHandler(waf, h), nil
}

// upstream is the shop. Its pages hold at-signs as real pages do, but nobody's address, nor what reads like one, but where the
// path says so: Coraza would refuse them.
func upstream() http.Handler {
	mux := http.NewServeMux()
	for path, body := range map[string][]byte{
		"/2k.json": products(2 << 10), "/30k.html": listing(30<<10, 0), "/300k.json": products(300 << 10),
		"/planted.html": listing(30<<10, 1), "/twenty.html": listing(30<<10, 20),
		"/retina.html": bytes.ReplaceAll(listing(30<<10, 0), []byte("-2x.webp"), []byte("@2x.webp")),
		"/broken.html": []byte("<html><body>Fatal error: You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version</body></html>"),
	} {
		kind := "text/html; charset=utf-8"
		if strings.HasSuffix(path, ".json") {
			kind = "application/json"
		}
		mux.Handle("GET "+path, fixed(kind, body))
	}
	mux.HandleFunc("GET /slow.html", slow)
	return mux
}

// fixed answers with gzip whoever accepts it; compressed once, as a shop's cache would.
func fixed(kind string, body []byte) http.Handler {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(body)
	z.Close()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := body
		w.Header().Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			b = packed.Bytes()
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		w.Write(b)
	})
}

const pause = 100 * time.Millisecond

// slow sends a page's head, and the rest after a pause.
func slow(w http.ResponseWriter, _ *http.Request) {
	page := listing(30<<10, 0)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(page[:2048])
	w.(http.Flusher).Flush()
	time.Sleep(pause)
	w.Write(page[2048:])
}

var goods = []string{"Brass reading lamp", "Oak side table", "Wool blanket, 140 × 200 cm", "Enamel kettle", "Linen curtain", "Cast-iron pan", "Walnut shelf", "Stoneware bowl"}

// products is a shop's API answer of about size bytes.
func products(size int) []byte {
	b := []byte(`{"page":1,"currency":"EUR","items":[`)
	for i := 0; len(b) < size-330; i++ {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"@type":"Product","id":%d,"sku":"LM-%05d-%c","name":%q,"slug":"item-%d","price":{"value":%d.%02d,"tax":0.19,"formatted":"%d,%02d\u00a0\u20ac"},`+
			`"stock":%d,"rating":%d.%d,"image":"https:\/\/cdn.shop.example\/media\/%x\/%d-2x.webp?w=640&q=80","tags":["home","new-%d"],"description":"Made by hand \u2013 ready in %d\u201340 days."}`,
			1000+i, i*7, 'A'+i%26, goods[i%len(goods)], i, 10+i%90, i%100, 10+i%90, i%100, i%40, 3+i%2, i%10, i*2654435761, i, i%5, 2+i%9)
	}
	return append(b, `]}`...)
}

// listing is a shop's page of about size bytes, with so many customers' reviews that show an address.
func listing(size, disclosures int) []byte {
	b := []byte("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Lamps &amp; more | Shop</title>\n" +
		"<style>@media (max-width:40em){.card{width:100%}} .card{display:flex;color:#404040;margin:0 64px}</style>\n" +
		"<script type=\"application/ld+json\">{\"@context\":\"https://schema.org\",\"@type\":\"ItemList\",\"name\":\"Lamps\"}</script></head>\n<body>\n")
	for i := range disclosures {
		b = fmt.Appendf(b, "<article class=\"review\"><h3>Lovely</h3><p>By <b>%s</b>, %d stars</p></article>\n", address(100+i), 3+i%3)
	}
	for i := 0; len(b) < size-400; i++ {
		b = fmt.Appendf(b, "<li class=\"card\" data-id=\"%d\"><a href=\"/p/%d?ref=list%%2Ftop&amp;pos=%d\"><img src=\"/media/%x/%d-2x.webp\" alt=\"%s\" loading=\"lazy\"></a>"+
			"<h2>%s</h2><p class=\"price\">&euro;&nbsp;%d.%02d</p><button onclick=\"add(%d, '\\u002b1')\">Add &#43;</button></li>\n",
			i, 1000+i, i, i*2654435761, i, goods[i%len(goods)], goods[i%len(goods)], 10+i%90, i%100, 1000+i)
	}
	return append(b, "</body></html>\n"...)
}
