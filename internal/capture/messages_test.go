package capture

import (
	"fmt"
	"strings"
	"testing"

	"candor.example"
)

// What a client said is kept up to what of any request's body is kept.
func TestWhatWasSaidIsBounded(t *testing.T) {
	for size, want := range map[int]int{maxRequestBody - 1: maxRequestBody, maxRequestBody: maxRequestBody, maxRequestBody + 1: maxRequestBody, 10: 11} {
		entry := fmt.Sprintf(`{"request":{"url":"wss://a.example/"},"response":{"status":101},"_webSocketMessages":[{"type":"send","data":%q},{"data":"x"}]}`, strings.Repeat("y", size))
		kept := -1
		Read(t.Context(), "file", strings.NewReader(inHAR(entry)), func(x *candor.Exchange) error {
			if x.Body != nil {
				kept = len(x.RequestBody)
			}
			return nil
		})
		check(t, fmt.Sprint(size), kept, want)
	}
}
