package ledger

import (
	"crypto/sha256"
	sqldriver "database/sql/driver"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	driver "modernc.org/sqlite" // and the name "sqlite" of database/sql
)

// registered: sets of words, such as kinds, are kept as text, sorted and with a space between. For PostgreSQL the union is a function in SQL.
var registered = sync.OnceValue(func() error {
	return driver.RegisterDeterministicScalarFunction("candor_union", 2, func(_ *driver.FunctionContext, args []sqldriver.Value) (sqldriver.Value, error) {
		a, _ := args[0].(string)
		b, _ := args[1].(string)
		return union(a, b), nil
	})
})

func union(a, b string) string {
	if b == "" || a == b {
		return a
	}
	all := append(strings.Fields(a), strings.Fields(b)...)
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// clean is a text that both databases keep alike: PostgreSQL refuses NUL and what is no UTF-8.
func clean(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// maxKey is how long a text in a key may be. PostgreSQL refuses keys of more than 2704 octets, and a route is as long as whoever asks for it
// wants it to be.
const maxKey = 512

// key is clean, and where it is too long its beginning with a digest of the whole.
func key(s string) string {
	if s = clean(s); len(s) <= maxKey {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return strings.ToValidUTF8(s[:maxKey-20], "") + "…" + hex.EncodeToString(sum[:8])
}
