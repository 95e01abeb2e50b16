package guard

import (
	"bytes"
	"math/bits"
	"slices"
)

// traces are what stack traces and debuggers' pages say of themselves, by what writes them.
var traces = signs(
	"\tat java.", "\tat org.springframework.", "at jakarta.servlet.", // Java
	"Traceback (most recent call last)", "<code>DEBUG = True</code>", "werkzeug.debug", "__debugger__", // Python, Django, Werkzeug
	"Stack trace:\n#0", "<b>Fatal error</b>:", "<b>Warning</b>:  ", // PHP
	"Illuminate\\", "window.ignite", "sf-dump", "Symfony\\Component\\", "sfWebDebug", "sf-toolbar", // Laravel, Symfony
	"at Object.<anonymous> (", "at Object.&lt;anonymous&gt; (", "nextjs__container_errors", // Node.js, Next
	"ActionController::", "ActionView::", "better_errors", // Rails
	"   at System.", "Server Error in &#39;/", "Server Error in '/", // .NET
	"goroutine 1 [", "runtime/debug.Stack(", // Go
)

// frames come before the number of a line. One alone may be anything; a trace has several.
var frames = signs(".java:", ".php:", ".php(", ".js:", ".ts:", ".rb:", ".cs:line ", ".go:", `.py", line `)

func signs(list ...string) (all [][]byte) {
	for _, s := range list {
		all = append(all, []byte(s))
	}
	return all
}

// threes has a bit for each trace, and behind these for each frame, that has a byte as its first, second or third: one look at three bytes
// says with which of them something threes.
var threes = func() (t [3][256]uint64) {
	for i, sign := range slices.Concat(traces, frames) {
		for k := range t {
			t[k][sign[k]] |= 1 << i
		}
	}
	return t
}()

// maxTrace is how far from a match a trace is looked for in a page that says that it is in order, in bytes.
const maxTrace = 1 << 10

// isTrace says whether a stack trace or a debugger's page stands in the piece of the body at hand: in all of it when the status says that
// something failed, else near the match. What comes in a later piece is not seen.
func isTrace(status int, piece []byte, at int) bool {
	if status < 400 {
		piece = piece[max(0, at-maxTrace):min(len(piece), at+maxTrace)]
	}
	var seen [64]bool // frames, once
	for i := 0; i+2 < len(piece); i++ {
		for signs := threes[0][piece[i]] & threes[1][piece[i+1]] & threes[2][piece[i+2]]; signs != 0; signs &= signs - 1 {
			switch k := bits.TrailingZeros64(signs); {
			case k < len(traces):
				if bytes.HasPrefix(piece[i:], traces[k]) {
					return true
				}
			case isFrame(piece[i:], frames[k-len(traces)]):
				if seen[k] {
					return true
				}
				seen[k] = true
			}
		}
	}
	return false
}

func isFrame(p, sign []byte) bool {
	rest, ok := bytes.CutPrefix(p, sign)
	return ok && len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9'
}
