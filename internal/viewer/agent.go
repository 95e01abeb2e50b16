package viewer

import (
	"net/http"
	"strings"
)

// crawlerNames are what well-known crawlers call themselves in User-Agent, longer names before those that they contain.
var crawlerNames = []string{
	"AdsBot-Google", "APIs-Google", "Mediapartners-Google", "Storebot-Google", "Google-InspectionTool", "GoogleOther",
	"Google-Read-Aloud", "FeedFetcher-Google", "Googlebot",
	"bingbot", "adidxbot", "BingPreview", "MicrosoftPreview", "DuckDuckBot", "DuckAssistBot", "Slurp", "Baiduspider",
	"YandexBot", "YandexImages", "YandexMobileBot", "Sogou", "Applebot", "SeznamBot", "Qwantify", "Qwantbot", "MojeekBot",
	"PetalBot", "Yeti", "coccocbot", "facebookexternalhit", "meta-externalagent", "meta-externalfetcher", "Twitterbot",
	"LinkedInBot", "Pinterestbot", "Slackbot", "Discordbot", "TelegramBot", "WhatsApp", "redditbot", "SkypeUriPreview",
	"GPTBot", "ChatGPT-User", "OAI-SearchBot", "ClaudeBot", "Claude-User", "Claude-SearchBot", "PerplexityBot",
	"Perplexity-User", "CCBot", "Bytespider", "Amazonbot", "cohere-ai", "Diffbot",
	"SemrushBot", "AhrefsBot", "AhrefsSiteAudit", "MJ12bot", "DotBot", "rogerbot", "BLEXBot", "DataForSeoBot", "SiteAuditBot",
	"Screaming Frog SEO Spider", "archive.org_bot", "ia_archiver", "heritrix",
}

var crawlersLower = lower(crawlerNames)

func lower(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strings.ToLower(name)
	}
	return list
}

// crawler is what a crawler calls itself, or "" for everybody else. Who claims to be one may lie: that costs a liar the
// benefit of links, and gains nothing.
func crawler(userAgent string) string { return named(userAgent, crawlerNames, crawlersLower) }

func named(userAgent string, names, lowered []string) string {
	if len(userAgent) > 1024 {
		userAgent = userAgent[:1024]
	}
	ua := strings.ToLower(userAgent)
	for i, name := range lowered {
		if strings.Contains(ua, name) {
			return names[i]
		}
	}
	return ""
}

// scriptNames are what programs call themselves in User-Agent that people and tools fetch pages with. The libraries of mobile apps
// (okhttp, CFNetwork, Dart) are not among them: behind these sits a customer with the shop's own app.
var scriptNames = []string{
	"curl", "Wget", "HTTPie", "python-requests", "python-httpx", "python-urllib3", "Python-urllib", "aiohttp", "Scrapy",
	"Go-http-client", "Apache-HttpClient", "Java-http-client", "Java/", "node-fetch", "undici", "axios", "got (", "libwww-perl", "GuzzleHttp",
	"Faraday", "Ruby", "PostmanRuntime", "insomnia", "HeadlessChrome", "PhantomJS", "Selenium", "Playwright", "Puppeteer", "colly",
	"sqlmap", "Nikto", "Nuclei", "masscan", "zgrab",
}

var scriptsLower = lower(scriptNames)

// script is what a program calls itself, "unnamed" for who sends no User-Agent, as no browser does, or "". A capture may have left the
// header out: its requests have no peer.
func script(req *http.Request) string {
	ua := req.UserAgent()
	if ua == "" && req.RemoteAddr != "" {
		return "unnamed"
	}
	if strings.EqualFold(ua, "node") { // what Node's own fetch sends
		return "node"
	}
	return strings.TrimRight(named(ua, scriptNames, scriptsLower), "/( ")
}
