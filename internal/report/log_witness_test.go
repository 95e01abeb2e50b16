package report

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"candor.example/verify"
)

// testWitness is one by c2sp.org/tlog-witness: it signs what is consistent with the last checkpoint that it signed.
type testWitness struct {
	vkey    string
	refuses bool

	mu   sync.Mutex
	keys verify.Keys
	key  ed25519.PrivateKey
	id   uint32
	size int64
	root tlog.Hash
}

const witnessName = "witness.example/w1"

func newTestWitness(t *testing.T, logKey string) *testWitness {
	keys, err := verify.ParseKeys(logKey + "\n")
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw := append([]byte{4}, public...)
	sum := sha256.Sum256([]byte(witnessName + "\n" + string(raw)))
	id := binary.BigEndian.Uint32(sum[:])
	return &testWitness{vkey: fmt.Sprintf("%s+%08x+%s", witnessName, id, base64.StdEncoding.EncodeToString(raw)), keys: keys, key: private, id: id}
}

func (w *testWitness) refuse(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuses = is
}

func (w *testWitness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	head, checkpoint, ok := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	var old int64
	_, err := fmt.Sscanf(lines[0], "old %d", &old)
	c, sigErr := verify.ParseCheckpoint(checkpoint, w.keys)
	switch {
	case w.refuses || sigErr != nil:
		http.Error(rw, "no", http.StatusForbidden)
	case !ok || err != nil || old > c.Size || r.URL.Path != "/add-checkpoint":
		http.Error(rw, "bad", http.StatusBadRequest)
	case old != w.size:
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", w.size)
	case !w.consistent(lines[1:], c):
		http.Error(rw, "another log", http.StatusUnprocessableEntity)
	default:
		w.size, w.root = c.Size, c.Root
		rw.Write([]byte(w.cosign(checkpoint)))
	}
}

func (w *testWitness) consistent(lines []string, c verify.Checkpoint) bool {
	var p tlog.TreeProof
	for _, line := range lines {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return false
		}
		p = append(p, h)
	}
	if w.size == 0 || w.size == c.Size {
		return len(p) == 0 && (w.size == 0 || w.root == c.Root)
	}
	return tlog.CheckTree(p, c.Size, c.Root, w.size, w.root) == nil
}

func (w *testWitness) cosign(checkpoint string) string {
	text := checkpoint[:strings.Index(checkpoint, "\n\n")+1]
	at := uint64(time.Now().Unix())
	sig := binary.BigEndian.AppendUint32(nil, w.id)
	sig = binary.BigEndian.AppendUint64(sig, at)
	sig = append(sig, ed25519.Sign(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))...)
	return "— " + witnessName + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
}
