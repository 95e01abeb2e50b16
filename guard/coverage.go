package guard

import (
	"sync"
	"time"

	"candor.example"
)

// Why a response, or a part of it, was not inspected. "" is inspected.
const (
	SkipMedia      candor.Skip = "media"               // images, video, audio, fonts
	SkipUpgrade    candor.Skip = "websocket"           // another protocol, which is not WebSocket, took over the connection
	SkipBinary     candor.Skip = "websocket-binary"    // a binary WebSocket message
	SkipEncoding   candor.Skip = "unknown-encoding"    // a Content-Encoding that is not gzip, deflate, br or zstd
	SkipMalformed  candor.Skip = "malformed-encoding"  // it could not be decoded to its end
	SkipLimit      candor.Skip = "limit"               // it decodes to more than MaxDecoded, is a document beyond MaxDocument, or costs too much to read
	SkipEncrypted  candor.Skip = "document-encrypted"  // the text of a document needs a password
	SkipDocument   candor.Skip = "document-malformed"  // not all of a document's text could be read
	SkipUnreadable candor.Skip = "document-unreadable" // it holds pictures of text, or fonts that name no characters
	SkipPartial    candor.Skip = "partial"             // a range of a representation: what crosses its edges cannot be seen
	SkipNoBody     candor.Skip = "body-missing"        // the capture does not hold it
	SkipFailed     candor.Skip = "failed"              // inspection itself broke
	SkipStale      candor.Skip = "stale"               // it was inspected, but the directory is known not to have everybody: see TakeCoverage
)

const (
	maxCoverageKeys = 2048
	otherRoute      = "{other}"
)

type coverageKey struct {
	site, route string
	skip        candor.Skip
}

// coverage adds up what became of responses until somebody takes the sums.
type coverage struct {
	mu   sync.Mutex
	sums map[coverageKey]*candor.Coverage
}

func (c *coverage) add(now time.Time, site, route string, skip candor.Skip, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := coverageKey{site, route, skip}
	sum := c.sums[k]
	if sum == nil && len(c.sums) >= maxCoverageKeys {
		k.site, k.route = otherRoute, otherRoute // hosts and paths come from strangers
		sum = c.sums[k]
	}
	if sum == nil {
		if c.sums == nil {
			c.sums = map[coverageKey]*candor.Coverage{}
		}
		sum = &candor.Coverage{Time: now.UTC().Truncate(time.Minute), Site: k.site, Route: k.route, Skip: skip}
		c.sums[k] = sum
	}
	sum.Responses++
	sum.Bytes += bytes
}

// TakeCoverage returns what was counted since it was last called, and starts from zero. With stale, what was inspected was so by a directory that
// is known not to have everybody, and counts as SkipStale.
func (g *Guard) TakeCoverage(stale bool) []candor.Coverage {
	g.coverage.mu.Lock()
	sums := g.coverage.sums
	g.coverage.sums = nil
	g.coverage.mu.Unlock()
	list := make([]candor.Coverage, 0, len(sums))
	for _, s := range sums {
		if stale && s.Skip == "" {
			s.Skip = SkipStale
		}
		list = append(list, *s)
	}
	return list
}

// releases remembers the last release that each site named.
type releases struct {
	mu   sync.RWMutex
	last map[string]string
}

func (l *releases) changed(site, name string) bool {
	l.mu.RLock()
	last := l.last[site]
	l.mu.RUnlock()
	if last == name {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = map[string]string{}
	}
	if l.last[site] == name || len(l.last) >= 1024 && l.last[site] == "" {
		return false
	}
	l.last[site] = name
	return true
}
