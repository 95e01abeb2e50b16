package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"candor.example"
)

// A child of this test folds for as long as it lives, when this says what into.
const foldInto = "CANDOR_TEST_FOLD_INTO"

func TestMain(m *testing.M) {
	if where := os.Getenv(foldInto); where != "" {
		if err := foldOn(where, killedStream()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// killedStream is what parent and child both know: the journal.
func killedStream() []candor.Entry {
	list := random(rand.New(rand.NewPCG(11, 11)), 2000)
	b, err := json.Marshal(list) // what came through a journal has no time zone or nil of its own
	if err != nil {
		panic(err)
	}
	var again []candor.Entry
	if err := json.Unmarshal(b, &again); err != nil {
		panic(err)
	}
	for i := range again {
		again[i].Seq = uint64(i + 1)
	}
	return again
}

// foldOn goes on where the ledger stands, in small batches, and says when it has begun and when it is done.
func foldOn(where string, list []candor.Entry) error {
	ctx := context.Background()
	l, err := Open(ctx, where)
	if err != nil {
		return err
	}
	defer l.Close()
	seq, err := l.Applied(ctx)
	if err != nil {
		return err
	}
	fmt.Println("from", seq)
	for int(seq) < len(list) {
		next := min(len(list), int(seq)+7)
		// Some entries come again, as they do when the one who folded last did not live to say so.
		if err := l.Fold(ctx, list[max(0, int(seq)-3):next]); err != nil {
			return err
		}
		seq = uint64(next)
	}
	return nil
}

// A fold that is killed at random moments, again and again, loses nobody and counts nobody twice. CANDOR_TEST_KILLS says how often; 15 is the
// default. When the journal is through, it begins in a new ledger.
func testKilled(t *testing.T, fresh fresher) {
	kills := 15
	if n, err := strconv.Atoi(os.Getenv("CANDOR_TEST_KILLS")); err == nil {
		kills = n
	} else if testing.Short() {
		kills = 5
	}
	list := killedStream()
	undisturbed := open(t, sqliteFile)
	mustFold(t, undisturbed, list)
	want := dump(t, undisturbed)
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	killed, ledgers := 0, 0
	for killed < kills {
		where := fresh(t)
		for done := false; !done; {
			done = killAfter(t, where, time.Duration(r.IntN(120))*time.Millisecond, killed >= kills)
			if !done {
				killed++
			}
		}
		differ(t, want, dump(t, openAt(t, where)))
		ledgers++
	}
	t.Logf("%d kills, %d ledgers", killed, ledgers)
}

// killAfter folds in a process that is killed some time after it has begun, and reports whether it was done before that.
func killAfter(t *testing.T, where string, within time.Duration, spare bool) (done bool) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), foldInto+"="+where)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !spare {
		out.Read(make([]byte, 64)) // it has begun, or has ended
		timer := time.AfterFunc(within, func() { cmd.Process.Kill() })
		defer timer.Stop()
	}
	err = cmd.Wait()
	if err != nil && cmd.ProcessState.Exited() {
		t.Fatalf("it failed by itself: %v\n%s", err, said.String())
	}
	return err == nil
}
