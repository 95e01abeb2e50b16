package guard

import (
	"io"
	"net/http"

	"candor.example"
)

// SkipTripped: Candor answered itself, because the route had tripped. The shop was not asked, or what it said was dropped: nothing of it left, so
// that this is no gap in what was looked at.
const SkipTripped candor.Skip = "tripped"

const trippedText = "503 Service Unavailable: this page has been switched off for the moment, because it showed personal data to the wrong people. Please come back later.\n"

// tripped answers in place of the shop when the request's route is known and has tripped, or its whole site has. A route that is not known yet,
// such as that of a GraphQL operation, whose name stands in the body, is recognised by the answer: see WriteHeader.
func (rw *response) tripped() bool {
	e := &rw.x
	route := rw.g.routes.peek(rw.r, e.site, rw.g.Routes)
	if route != "" {
		route = impersonalRoute(rw.g.Directory, route)
	}
	if rw.g.mode(e.site, route) != Trip {
		return false
	}
	if e.route = route; route == "" {
		e.route = rw.r.Method + " /" + otherRoute
	}
	e.skip = SkipTripped
	rw.trip()
	e.done()
	rw.release()
	return true
}

// dropped is a response whose route turned out to have tripped.
func (rw *response) dropped(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		return // the response itself is still to come
	}
	rw.started, rw.x.skip = true, SkipTripped
	rw.trip()
}

// trip sends 503 in place of whatever the response is.
func (rw *response) trip() {
	rw.withheld, rw.sent = true, true
	rw.held, rw.queue, rw.learning = rw.held[:0], nil, nil
	h := rw.w.Header()
	clear(h)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Retry-After", "120")
	rw.w.WriteHeader(http.StatusServiceUnavailable)
	if rw.r.Method != http.MethodHead {
		io.WriteString(rw.w, trippedText)
	}
}
