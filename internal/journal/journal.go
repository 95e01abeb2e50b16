// Package journal keeps disclosures durable: an append-only stream on NATS JetStream, embedded in this process and without
// a listener.
//
// Start with [Open]; [Journal.Record] returns nil only when what it was given would survive a SIGKILL, and with
// Options.Sync a power cut. [Journal.Consume] delivers everything in order, to be folded into a ledger.
//
// It promises: an entry is there or Record fails, within a bounded time; the same disclosure recorded twice is kept once;
// nothing in it names a person other than by the opaque id that the customer file gave.
//
// Why a nil from Record is enough: the server writes a message to its file before it acknowledges it (the stream has the
// default persist mode, "writes to the stream will immediately be flushed"), and what a process has written survives the
// process. With Sync the file is opened with O_SYNC.
package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"candor.example"
	"candor.example/internal/lock"
)

// Options is where and how to keep the journal.
type Options struct {
	Dir  string       // the folder; made with 0700 when it is not there
	Sync bool         // survive a power cut, at the cost of a disk's sync for each record
	Log  *slog.Logger // nil: slog.Default()
}

// Journal is an open journal. It is safe for concurrent use; one process has it at a time.
type Journal struct {
	dir      string
	log      *slog.Logger
	lock     *os.File
	server   *server.Server
	conn     *nats.Conn
	js       jetstream.JetStream
	stream   jetstream.Stream
	sessions jetstream.KeyValue
	failing  atomic.Bool // the last Record failed: said once, not for each response
	records  records
	notes    notes
}

const (
	streamName = "CANDOR"
	subject    = "candor.entry"
	bucket     = "candor_sessions"
	// recordWithin bounds how long a response may wait for the journal.
	recordWithin = 2 * time.Second
	sessionTTL   = 30 * 24 * time.Hour
)

// Open starts the journal in its folder, and makes it on first use.
func Open(ctx context.Context, o Options) (_ *Journal, err error) {
	j := &Journal{dir: o.Dir, log: o.Log}
	if j.log == nil {
		j.log = slog.Default()
	}
	defer func() {
		if err != nil {
			j.Close()
		}
	}()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal: cannot make the folder: %w", err)
	}
	if j.lock, err = lockFolder(o.Dir); err != nil {
		return nil, err
	}
	if err := j.start(o); err != nil {
		return nil, fmt.Errorf("journal: %s: %w", o.Dir, err)
	}
	if err := j.open(ctx); err != nil {
		return nil, fmt.Errorf("journal: %s: %w", o.Dir, err)
	}
	j.notes.start(j)
	return j, nil
}

// lockFolder keeps a second process out: two servers on one store would spoil it.
func lockFolder(dir string) (*os.File, error) {
	f, err := lock.Take(filepath.Join(dir, "lock"), 0o600)
	var held *lock.Held
	if errors.As(err, &held) {
		return nil, fmt.Errorf("journal: another candor (process %s) uses %s: stop it, or name another folder with --data", held.PID, dir)
	} else if err != nil {
		return nil, fmt.Errorf("journal: cannot lock the folder: %w", err)
	}
	return f, nil
}

// start runs the embedded server.
func (j *Journal) start(o Options) (err error) {
	j.server, err = server.NewServer(&server.Options{
		ServerName: "candor", DontListen: true, JetStream: true, StoreDir: filepath.Join(o.Dir, "store"), NoSigs: true,
		SyncAlways: o.Sync, MaxPayload: maxPayload,
	})
	if err != nil {
		return err
	}
	j.server.SetLoggerV2(natsLog{j.log}, false, false, false)
	go j.server.Start()
	if !j.server.ReadyForConnections(20 * time.Second) {
		return errors.New("the embedded NATS server did not start within 20 seconds")
	}
	j.conn, err = nats.Connect("", nats.InProcessServer(j.server), nats.Name("candor"))
	if err != nil {
		return err
	}
	j.js, err = jetstream.New(j.conn)
	return err
}

func (j *Journal) open(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	j.stream, err = j.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: streamName, Subjects: []string{subject}, Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy,
		Discard: jetstream.DiscardNew, DenyDelete: true, DenyPurge: true, Duplicates: 2 * time.Minute,
	})
	if err != nil {
		return err
	}
	j.sessions, err = j.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, TTL: sessionTTL, Storage: jetstream.FileStorage})
	return err
}

// ID names this journal and no other: it is when its stream was made, to the nanosecond. It stays when the folder is moved or copied.
func (j *Journal) ID() string {
	return j.stream.CachedInfo().Created.UTC().Format(time.RFC3339Nano)
}

// Close finishes what is under way and stops the server.
func (j *Journal) Close() error {
	j.notes.stop()
	if j.conn != nil {
		j.conn.Close()
	}
	if j.server != nil {
		j.server.Shutdown()
		j.server.WaitForShutdown()
	}
	if j.lock != nil {
		return j.lock.Close()
	}
	return nil
}

// Record makes an entry durable, and returns nil only then. A large one becomes several messages: see Cut.
func (j *Journal) Record(ctx context.Context, e candor.Entry) error {
	for _, m := range Cut(e) {
		var err error
		switch {
		case len(m.Disclosures) == 0:
			err = j.publish(ctx, "", m)
		case isLive(m):
			err = j.record(ctx, m)
		default:
			err = j.publish(ctx, m.Disclosures[0].ID, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isLive: it holds nothing but disclosures and what belongs to them, so that it may stand in one message with others.
func isLive(e candor.Entry) bool {
	e.Disclosures, e.Responses, e.Sealed = nil, nil, nil
	return reflect.ValueOf(e).IsZero()
}

// Release records that a release went live.
func (j *Journal) Release(ctx context.Context, r candor.Release) error {
	return j.publish(ctx, "", candor.Entry{Releases: []candor.Release{r}})
}

// publish waits for the server's acknowledgement of a message. id makes a repetition within two minutes harmless; empty: none.
func (j *Journal) publish(ctx context.Context, id string, entries ...candor.Entry) error {
	b, err := encode(entries...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, recordWithin)
	defer cancel()
	var opts []jetstream.PublishOpt
	if id != "" {
		opts = append(opts, jetstream.WithMsgID(id))
	}
	if _, err = j.js.Publish(ctx, subject, b, opts...); err != nil {
		j.failing.Store(true)
		return fmt.Errorf("journal: cannot write to %s: %w%s", j.dir, err, full(j.dir))
	}
	if j.failing.Swap(false) {
		j.log.Info("journal writes again", "dir", j.dir)
	}
	return nil
}

// LastSeq is the number of the last entry, 0 when there is none.
func (j *Journal) LastSeq(ctx context.Context) (uint64, error) {
	info, err := j.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("journal: %s: %w", j.dir, err)
	}
	return info.State.LastSeq, nil
}

const (
	// A fold takes as many entries as are there, up to these: a transaction costs the same for one and for thousands, and rows that are written
	// together meet the same pages. Of entries with many disclosures there are fewer, so that memory stays bounded.
	foldBatch = 10_000
	foldBytes = 8 << 20 // of entries as they are in the journal
	foldWait  = 50 * time.Millisecond
)

// ErrStop, wrapped in what fold returns, ends Consume with that error.
var ErrStop = errors.New("no more of these entries")

// Consume delivers the entries behind number after, in order and in batches, until ctx ends. When fold fails it is called
// again with the same batch, a little later each time; what it was given twice it must fold once. An ErrStop is not tried again.
func (j *Journal) Consume(ctx context.Context, after uint64, fold func(context.Context, []candor.Entry) error) error {
	consumer, err := j.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1})
	if err != nil {
		return fmt.Errorf("journal: %s: %w", j.dir, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("journal: %s: %w", j.dir, err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	for {
		batch, err := j.batch(messages)
		if ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			return err
		}
		if err := j.retry(ctx, batch, fold); err != nil {
			return err
		}
	}
}

// batch waits for one entry, and takes along what else is there.
func (j *Journal) batch(messages jetstream.MessagesContext) (batch []candor.Entry, err error) {
	bytes := 0
	m, err := messages.Next()
	for err == nil {
		e, e2 := decode(m)
		if e2 != nil {
			return nil, fmt.Errorf("journal: %s: %w", j.dir, e2)
		}
		bytes += len(m.Data())
		if batch = append(batch, e); len(batch) >= foldBatch || bytes >= foldBytes {
			return batch, nil
		}
		m, err = messages.Next(jetstream.NextMaxWait(foldWait))
	}
	if errors.Is(err, nats.ErrTimeout) {
		err = nil
	}
	if len(batch) > 0 && errors.Is(err, jetstream.ErrMsgIteratorClosed) {
		err = nil
	}
	return batch, err
}

func decode(m jetstream.Msg) (candor.Entry, error) {
	var e candor.Entry
	meta, err := m.Metadata()
	if err != nil {
		return e, err
	}
	if err := parse(m.Data(), &e); err != nil {
		return e, fmt.Errorf("entry %d is no entry of this version: %w", meta.Sequence.Stream, err)
	}
	e.Seq = meta.Sequence.Stream
	return e, nil
}

func (j *Journal) retry(ctx context.Context, batch []candor.Entry, fold func(context.Context, []candor.Entry) error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := fold(ctx, batch)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		} else if errors.Is(err, ErrStop) {
			return err
		}
		j.log.Error("an entry could not be folded into the ledger; trying again", "seq", batch[0].Seq, "in", wait, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// SaveSession keeps whose credential a digest is; an empty customer forgets it. It does not wait.
func (j *Journal) SaveSession(credential, customer string) {
	var err error
	if customer == "" {
		_, err = j.js.PublishMsgAsync(&nats.Msg{Subject: "$KV." + bucket + "." + credential, Header: nats.Header{"KV-Operation": []string{"DEL"}}})
	} else {
		_, err = j.js.PublishAsync("$KV."+bucket+"."+credential, []byte(customer))
	}
	if err != nil {
		j.log.Warn("a learned session was not kept", "error", err)
	}
}

// LoadSessions calls set for every session that was saved.
func (j *Journal) LoadSessions(ctx context.Context, set func(credential, customer string)) error {
	w, err := j.sessions.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("journal: %s: %w", j.dir, err)
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.Updates():
			if !ok || e == nil {
				return nil // nil marks the end of what was there
			}
			set(e.Key(), string(e.Value()))
		}
	}
}

// natsLog turns the server's lines into records. They name files and limits, never contents.
type natsLog struct{ *slog.Logger }

func (l natsLog) Noticef(f string, v ...any) { l.Debug("nats", "event", fmt.Sprintf(f, v...)) }
func (l natsLog) Warnf(f string, v ...any)   { l.Debug("nats", "event", fmt.Sprintf(f, v...)) }
func (l natsLog) Fatalf(f string, v ...any)  { l.Error("nats", "event", fmt.Sprintf(f, v...)) }
func (l natsLog) Errorf(f string, v ...any)  { l.Warn("nats", "event", fmt.Sprintf(f, v...)) }
func (l natsLog) Debugf(string, ...any)      {}
func (l natsLog) Tracef(string, ...any)      {}
