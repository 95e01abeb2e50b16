// Package scan recognises identifiers of people in a byte stream, in whatever encoding a web response may carry them.
//
// Start with [Finder]: hand it a buffer, and it calls back for each candidate and says how much of the buffer is
// settled. It knows no customers: a candidate counts only when a directory confirms whose it is, so Finder may be
// generous and offer several readings of the same bytes.
//
// It promises the same candidates whatever the chunking, bounded work for each byte, and no allocation on clean input.
package scan

// Kind is what an identifier is, as spelled in DESIGN §7.
type Kind string

const (
	Email Kind = "email" // an e-mail address (RFC 5321 §4.1.2, internationalised by RFC 6531); Value as NormalizeEmail
	Name  Kind = "name"  // a full name; Value as NormalizeName
	Phone Kind = "phone" // a telephone number; Value as NormalizePhone
	// Hashes of a normalised address, as avatars, advertising pixels and data layers carry them; Value is the hash itself,
	// 16, 20 or 32 octets.
	EmailMD5    Kind = "email-md5"
	EmailSHA1   Kind = "email-sha1"
	EmailSHA256 Kind = "email-sha256"
)

// Evidence is what makes a weak identifier count.
type Evidence string

const (
	Key  Evidence = "key"  // it is the value of a key such as "fullName", or of "firstName" and "lastName" together
	Near Evidence = "near" // it stands beside an identifier that is somebody's: it counts when it is the same customer's
)

// Match is an identifier candidate found in bytes.
type Match struct {
	Kind     Kind
	Offset   int    // index of its first byte in the buffer given to Find
	Length   int    // its length there, in encoded bytes
	Encoding string // outermost form first: "plain", "json", "base64+json": nested forms joined by '+'
	Value    []byte // decoded and normalised as Kind says; valid only until Found returns
	Written  []byte // of a name: as it stands, decoded, given names first where keys say which they are; valid as Value is
	// Evidence says why something weak is offered: a name that many share, or a number that is written without its country.
	Evidence Evidence
	Sealed   bool // it stands in something signed, such as a JWT (RFC 7519), which a mask would break

	chain   [maxDepth]step // how it was decoded, from the outside in
	forms   [maxDepth]form
	depth   int
	own     form // of a hash
	charset *charset
}

// Kernel names the code that looks through the bytes: "avx512", "avx2" or "portable". It is the fastest that the machine has, unless the
// environment variable CANDOR_SCAN_KERNEL names a slower one, for comparisons.
func Kernel() string { return kernel }
