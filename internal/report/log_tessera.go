package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"

	"candor.example/verify"
)

// quiet: Tessera logs to standard error; what matters comes back as an error.
var quiet = sync.OnceFunc(func() { klog.SetSlogLogger(slog.New(slog.DiscardHandler)) })

// witnessTimeout is how long all witnesses together may take.
const witnessTimeout = 30 * time.Second

// append adds an entry at an index, unless it is there, and gives all entries with the signed checkpoint of them. Only the last entry may be what was
// added before: there is one appender, and it finishes each.
func (l *Log) append(ctx context.Context, entry []byte, index int64) (entries [][]byte, checkpoint string, err error) {
	quiet()
	driver, err := posix.New(ctx, posix.Config{Path: l.work("log")})
	if err != nil {
		return nil, "", err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	appender, shutdown, reader, err := tessera.NewAppender(background, driver, l.tessera())
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", l.work("log"), err)
	}
	if entries, err = readEntries(ctx, reader); err != nil {
		return nil, "", err
	}
	switch n := int64(len(entries)); {
	case n == index+1 && bytes.Equal(entries[index], entry):
	case n == index:
		got, err := appender.Add(ctx, tessera.NewEntry(entry))()
		if err = errors.Join(err, shutdown(ctx)); err != nil || got.Index != uint64(index) {
			return nil, "", errors.Join(err, fmt.Errorf("the entry was to have the index %d", index))
		}
		entries = append(entries, entry)
	default:
		return nil, "", fmt.Errorf("%s has %d entries, and this one was prepared for the index %d: it is not the log of this folder; restore both from one copy", l.work("log"), n, index)
	}
	checkpoint, err = l.sign(ctx, reader, entries)
	return entries, checkpoint, err
}

// tessera says how the log is kept: one entry at a time, and every partial tile stays, because a checkpoint was published that needs it.
func (l *Log) tessera() *tessera.AppendOptions {
	var more []note.Signer
	if l.o.Cosigner != nil {
		more = append(more, cosigning{l.o.Cosigner, l.o.Now})
	}
	return tessera.NewAppendOptions().WithCheckpointSigner(l.o.Signer, more...).WithBatching(1, time.Millisecond).
		WithCheckpointInterval(100 * time.Millisecond).WithCheckpointRepublishInterval(0).WithGarbageCollectionInterval(0)
}

// sign makes the checkpoint of some entries, with the cosignatures of all witnesses: Tessera's own, in its folder, is nobody's to see, and is made before they are asked.
func (l *Log) sign(ctx context.Context, reader tessera.LogReader, entries [][]byte) (string, error) {
	o := l.tessera() // its own: the appender's goroutines read theirs
	if len(l.o.Witnesses) > 0 {
		group, err := tessera.NewWitnessGroupFromPolicy([]byte(policy(l.o.Witnesses)))
		if err != nil {
			return "", fmt.Errorf("witnesses: %w", err)
		}
		o.WithWitnesses(group, &tessera.WitnessOptions{Timeout: witnessTimeout})
	}
	tree, err := verify.TreeOf(entries)
	if err != nil {
		return "", err
	}
	root, err := tree.RootAt(int64(len(entries)))
	if err != nil {
		return "", err
	}
	b, err := o.CheckpointPublisher(reader, http.DefaultClient)(ctx, uint64(len(entries)), root[:])
	if err != nil {
		return "", fmt.Errorf("signing the checkpoint: %w", err)
	}
	_, err = verify.ParseCheckpoint(string(b), l.keys)
	return string(b), err
}

// policy asks all witnesses, in the form that Tessera reads.
func policy(list []Witness) string {
	var b strings.Builder
	var names []string
	for i, w := range list {
		names = append(names, fmt.Sprintf("w%d", i))
		fmt.Fprintf(&b, "witness w%d %s %s\n", i, w.Key, w.URL)
	}
	fmt.Fprintf(&b, "group them all %s\nquorum them\n", strings.Join(names, " "))
	return b.String()
}

// readEntries are all that Tessera has.
func readEntries(ctx context.Context, reader tessera.LogReader) (entries [][]byte, err error) {
	size, err := reader.IntegratedSize(ctx)
	if err != nil {
		return nil, err
	}
	for n := uint64(0); n < size; n += layout.EntryBundleWidth {
		index := n / layout.EntryBundleWidth
		bundle, err := reader.ReadEntryBundle(ctx, index, layout.PartialTileSize(0, index, size))
		if err != nil {
			return nil, err
		}
		list, err := verify.SplitBundle(bundle)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join("tile/entries", fmt.Sprint(index)), err)
		}
		entries = append(entries, list...)
	}
	if uint64(len(entries)) != size {
		return nil, fmt.Errorf("the log has %d entries and should have %d", len(entries), size)
	}
	return entries, nil
}
