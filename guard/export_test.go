package guard

// Transport is what NewProxy uses, for a comparison with another proxy on the same terms.
var Transport = transport
