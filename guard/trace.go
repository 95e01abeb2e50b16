package guard

import "bytes"

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

// maxTrace is how far from a match a trace is looked for in a page that says that it is in order, in bytes.
const maxTrace = 1 << 10

// isTrace says whether a stack trace or a debugger's page stands in the piece of the body at hand: in all of it when the status says that
// something failed, else near the match, for each sign costs a search. What comes in a later piece is not seen.
func isTrace(status int, piece []byte, at int) bool {
	if status < 400 {
		piece = piece[max(0, at-maxTrace):min(len(piece), at+maxTrace)]
	}
	for _, sign := range traces {
		if bytes.Contains(piece, sign) {
			return true
		}
	}
	for _, sign := range frames {
		if countFrames(piece, sign) > 1 {
			return true
		}
	}
	return false
}

func countFrames(piece, sign []byte) (n int) {
	for n < 2 {
		i := bytes.Index(piece, sign)
		if i < 0 {
			break
		}
		if piece = piece[i+len(sign):]; len(piece) > 0 && piece[0] >= '0' && piece[0] <= '9' {
			n++
		}
	}
	return n
}
