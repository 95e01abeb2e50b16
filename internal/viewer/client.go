package viewer

import (
	"encoding/hex"
	"net/http"
	"net/netip"
	"strings"
)

// private are loopback and the private networks, where a shop's own edge usually stands.
var private = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("fc00::/7"),
}

// maxHops is how many addresses of X-Forwarded-For are read, from the right.
const maxHops = 32

// trusts reports whether a peer belongs to the operator's edge. A request without an address comes from a capture or over
// a Unix socket: nobody else could have sent it.
func (r *Resolver) trusts(remoteAddr string) bool {
	if remoteAddr == "" || remoteAddr == "@" {
		return true
	}
	return r.o.Trusted(remoteAddr)
}

func fromPrivate(remoteAddr string) bool {
	a := parseAddr(remoteAddr)
	for _, p := range private {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// client tells one client from another: a keyed digest of address and User-Agent.
func (r *Resolver) client(req *http.Request) string {
	return hex.EncodeToString(r.mac("client", r.clientNet(req), req.UserAgent())[:8])
}

// Network is where a request comes from, for what limits how often somebody may ask: clientNet.
func (r *Resolver) Network(req *http.Request) string { return r.clientNet(req) }

// clientNet is the client's address, or for IPv6 its /64: that is what one subscriber gets (RFC 6177), and within it
// addresses change by the hour (RFC 8981).
func (r *Resolver) clientNet(req *http.Request) string {
	a := r.clientAddr(req)
	if a.Is6() {
		p, _ := a.Prefix(64) // fails only beyond 128
		return p.String()
	}
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// clientAddr is the peer or, behind trusted peers, the right-most address of X-Forwarded-For that is not one of them:
// all that stands left of it was written by somebody else.
func (r *Resolver) clientAddr(req *http.Request) netip.Addr {
	client := parseAddr(req.RemoteAddr)
	if !r.trusts(req.RemoteAddr) {
		return client
	}
	list := strings.Join(req.Header["X-Forwarded-For"], ",")
	for range maxHops {
		if list == "" {
			break
		}
		last := list[strings.LastIndexByte(list, ',')+1:]
		list = strings.TrimSuffix(list[:len(list)-len(last)], ",")
		a := parseAddr(strings.TrimSpace(last))
		if !a.IsValid() {
			break
		}
		if client = a; !r.o.Trusted(netip.AddrPortFrom(a, 0).String()) {
			break
		}
	}
	return client
}

// parseAddr reads an address with or without a port; the zero Addr is none.
func parseAddr(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
