package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"candor.example"
	"candor.example/internal/notice"
)

// StoreOptions is where the events and the queue are kept. One of Dir and URL is set.
type StoreOptions struct {
	Dir string // a folder of this process's own: an embedded server without a listener
	// URL is of an existing NATS server or cluster with JetStream, for workers on several machines. Whether it survives a power cut is the
	// server's to say (jetstream: sync_interval: always).
	URL string
	// NoSync leaves a power cut to lose what was written last, so that somebody may get two. For tests and measurements.
	NoSync bool
	Log    *slog.Logger // nil: slog.Default()
}

// Store keeps what happened to each person's notice, and which parts are to be worked. It is safe for concurrent use.
type Store struct {
	log    *slog.Logger
	server *server.Server // nil with a URL
	conn   *nats.Conn
	js     jetstream.JetStream
	events jetstream.Stream
	work   jetstream.Stream
	alive  jetstream.KeyValue
	// settled has of each part that was done how many of its first people are settled, and the number of the record that says so. That record is what
	// counts: this is there because to read the last record of each part has the server hold all of the stream in memory for some seconds.
	settled jetstream.KeyValue
	// ackWait is how long a part belongs to who took it, without a word from them.
	ackWait time.Duration
}

const (
	eventStream, workStream, aliveBucket, settledBucket = "CANDOR_DELIVERY", "CANDOR_WORK", "candor_senders", "candor_settled"

	maxPayload   = 4 << 20
	storeWithin  = 5 * time.Second // for one request to the server
	aliveFor     = 15 * time.Second
	ackWait      = 60 * time.Second
	batchHeader  = "Candor-Batch" // tells a record that was written, and whose acknowledgement was lost, from somebody else's
	maxBatch     = 1000           // events in one record
	followAtOnce = 256            // records
)

// OpenStore opens the store, and makes it on first use.
func OpenStore(ctx context.Context, o StoreOptions) (_ *Store, err error) {
	s := &Store{log: o.Log, ackWait: ackWait}
	if s.log == nil {
		s.log = slog.Default()
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	where := o.Dir
	if o.URL != "" {
		where = "the NATS server"
		s.conn, err = nats.Connect(o.URL, nats.Name("candor delivery"), nats.MaxReconnects(-1))
	} else {
		err = s.start(o)
	}
	if err == nil {
		err = s.open(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("delivery store: %s: %w", where, err)
	}
	return s, nil
}

// start runs the embedded server. JetStream's own lock on its folder keeps a second process out.
func (s *Store) start(o StoreOptions) (err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	s.server, err = server.NewServer(&server.Options{
		ServerName: "candor-delivery", DontListen: true, JetStream: true, StoreDir: filepath.Join(o.Dir, "store"), NoSigs: true,
		SyncAlways: !o.NoSync, MaxPayload: maxPayload,
	})
	if err != nil {
		return err
	}
	go s.server.Start()
	if !s.server.ReadyForConnections(20 * time.Second) {
		return errors.New("the embedded NATS server did not start within 20 seconds")
	}
	s.conn, err = nats.Connect("", nats.InProcessServer(s.server), nats.Name("candor delivery"))
	return err
}

func (s *Store) open(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if s.js, err = jetstream.New(s.conn); err != nil {
		return err
	}
	s.events, err = s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: eventStream, Subjects: []string{"candor.delivery.*.*", "candor.delivery.*.*.*"}, Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy,
		Discard: jetstream.DiscardNew, DenyDelete: true, DenyPurge: true,
	})
	if err != nil {
		return err
	}
	// One message for each part that is to be worked, however often it is asked for.
	s.work, err = s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: workStream, Subjects: []string{"candor.work.*.*"}, Storage: jetstream.FileStorage, Retention: jetstream.WorkQueuePolicy,
		Discard: jetstream.DiscardNew, MaxMsgsPerSubject: 1, DiscardNewPerSubject: true,
	})
	if err != nil {
		return err
	}
	if s.settled, err = s.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: settledBucket, Storage: jetstream.FileStorage}); err != nil {
		return err
	}
	s.alive, err = s.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: aliveBucket, TTL: aliveFor, Storage: jetstream.MemoryStorage})
	return err
}

// Close ends the connection, and the embedded server.
func (s *Store) Close() error {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.server != nil {
		s.server.Shutdown()
		s.server.WaitForShutdown()
	}
	return nil
}

// batch is one record of a part, or of what came in late.
type batch struct {
	Worker string         `json:"worker,omitempty"`
	Claim  bool           `json:"claim,omitempty"` // the worker has the part from here on
	Done   int            `json:"done,omitempty"`  // of the part's people, so many from its first are settled
	Events []notice.Event `json:"events,omitempty"`
	Mark   *Mark          `json:"mark,omitempty"`
}

// Mark says that the journal's actions on notices, as far as its entry Acted, were folded into the ledger before this campaign's record From,
// and those behind it after. With it a ledger that is built anew takes both in the order in which the lost one took them.
type Mark struct {
	From  uint64 `json:"from"`
	Acted uint64 `json:"acted"`
}

// late is the part of what is not fenced: answers that a worker heard after it had lost its part, and reports that came back. Each record of it has
// a subject of its own, which takes one record only: so the same report is kept once, however often it is read.
const late = "late"

// order is the part that says how a campaign's events and the journal's actions stand to each other: see Mark.
const order = "order"

func partSubject(campaign string, part int) string { return eventSubject(campaign, strconv.Itoa(part)) }

func eventSubject(campaign, part string) string { return "candor.delivery." + campaign + "." + part }

func workSubject(campaign string, part int) string {
	return "candor.work." + campaign + "." + strconv.Itoa(part)
}

var campaignID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// errFenced: somebody else has written to the part.
var errFenced = errors.New("another worker has this part now")

// last is the sequence number of a subject's last record, and the record; 0 where there is none.
func (s *Store) last(ctx context.Context, subject string) (seq uint64, b batch, id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	m, err := s.events.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, b, "", nil
	} else if err != nil {
		return 0, b, "", err
	}
	err = json.Unmarshal(m.Data, &b)
	return m.Sequence, b, m.Header.Get(batchHeader), err
}

// write appends a record behind the one with number token, and returns its number; errFenced where that is not the last any more. It tries
// until ctx ends: a record whose acknowledgement was lost is recognised, and is there once.
func (s *Store) write(ctx context.Context, subject string, token uint64, b batch) (uint64, error) {
	data, err := json.Marshal(b)
	if err != nil {
		return 0, err
	}
	id := candor.NewID()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		seq, err := s.append(ctx, subject, token, id, data)
		if err == nil || errors.Is(err, errFenced) {
			return seq, err
		}
		s.log.Error("the delivery store cannot write; nothing is sent until it can", "subject", subject, "error", err)
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("delivery store: %w", err)
		case <-time.After(wait):
		}
	}
}

func (s *Store) append(ctx context.Context, subject string, token uint64, id string, data []byte) (uint64, error) {
	within, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	m := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{batchHeader: {id}}}
	ack, err := s.js.PublishMsg(within, m, jetstream.WithExpectLastSequencePerSubject(token))
	if err == nil {
		return ack.Sequence, nil
	}
	var refused *jetstream.APIError
	if !errors.As(err, &refused) || refused.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequence && refused.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequenceConstant {
		return 0, err
	}
	switch seq, _, last, err2 := s.last(ctx, subject); {
	case err2 != nil:
		return 0, err2
	case last == id:
		return seq, nil
	case seq != token:
		return 0, errFenced
	}
	return 0, err // a replicated stream refuses what comes while another is under way: perhaps that one failed
}

// settle says that record seq says that so many of a part's first people are settled.
func (s *Store) settle(ctx context.Context, campaign string, part, done int, seq uint64) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	_, err := s.settled.PutString(ctx, fmt.Sprintf("%s.%d", campaign, part), fmt.Sprint(done, " ", seq))
	return err
}

// settledParts has what settle said, but for records that are not there: then the stream is of an older copy.
func (s *Store) settledParts(ctx context.Context, campaign string) (map[int]int, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	info, err := s.events.Info(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.settled.Watch(ctx, campaign+".*", jetstream.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer all.Stop()
	parts := map[int]int{}
	for {
		select {
		case e := <-all.Updates():
			if e == nil { // that was all
				return parts, nil
			}
			part, err := strconv.Atoi(e.Key()[strings.LastIndexByte(e.Key(), '.')+1:])
			var done int
			var seq uint64
			if _, bad := fmt.Sscan(string(e.Value()), &done, &seq); bad == nil && err == nil && seq <= info.State.LastSeq {
				parts[part] = done
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Report keeps what one message said that came back for a notice: a bounce, a complaint. id is the message's; the same one is kept once, and new
// says whether this was the first time.
func (s *Store) Report(ctx context.Context, campaign, id string, e notice.Event) (fresh bool, err error) {
	return s.report(ctx, campaign, id, batch{Events: []notice.Event{e}})
}

// Letters keeps the codes of people for whom letters were written. id is that of this part of a file.
func (s *Store) Letters(ctx context.Context, campaign, id string, events []notice.Event) error {
	_, err := s.report(ctx, campaign, id, batch{Events: events})
	return err
}

// Mark keeps a Mark, before what it is about is committed to a ledger: one too many says nothing that is untrue.
func (s *Store) Mark(ctx context.Context, campaign string, m Mark) error {
	_, err := s.put(ctx, campaign, eventSubject(campaign, order), batch{Mark: &m})
	return err
}

func (s *Store) report(ctx context.Context, campaign, id string, b batch) (fresh bool, err error) {
	if !campaignID.MatchString(id) {
		return false, fmt.Errorf("delivery store: %q is no report's id", id)
	}
	_, err = s.put(ctx, campaign, eventSubject(campaign, late+"."+id), b, jetstream.WithExpectLastSequencePerSubject(0))
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return false, nil
	}
	return err == nil, err
}

func (s *Store) put(ctx context.Context, campaign, subject string, b batch, o ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if !campaignID.MatchString(campaign) {
		return nil, fmt.Errorf("delivery store: %q is no campaign's id", campaign)
	}
	data, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	ack, err := s.js.Publish(ctx, subject, data, o...)
	if err != nil {
		return nil, fmt.Errorf("delivery store: %w", err)
	}
	return ack, nil
}

// Follow delivers a campaign's events behind number after, in order and in batches, until ctx ends or fold fails. seq is the number of the last: a
// fold that keeps it goes on from there.
func (s *Store) Follow(ctx context.Context, campaign string, after uint64, fold func(events []notice.Event, seq uint64) error) error {
	messages, err := s.read(ctx, eventSubject(campaign, ">"), after)
	if err != nil {
		return err
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	for {
		events, seq, err := follow(ctx, messages)
		if ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			return fmt.Errorf("delivery store: %w", err)
		}
		if err := fold(events, seq); err != nil {
			return err
		}
	}
}

// LastSeq is the number of the last record of a campaign; 0 for none.
func (s *Store) LastSeq(ctx context.Context, campaign string) (uint64, error) {
	m, err := s.events.GetLastMsgForSubject(ctx, eventSubject(campaign, ">"))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, fmt.Errorf("delivery store: %w", err)
	}
	return m.Sequence, nil
}

func (s *Store) read(ctx context.Context, subject string, after uint64) (jetstream.MessagesContext, error) {
	c, err := s.events.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
	})
	if err != nil {
		return nil, fmt.Errorf("delivery store: %w", err)
	}
	return c.Messages(jetstream.PullMaxMessages(followAtOnce))
}

// follow waits for a record, and takes along what else is there.
func follow(ctx context.Context, messages jetstream.MessagesContext) (events []notice.Event, seq uint64, err error) {
	m, err := messages.Next(jetstream.NextContext(ctx))
	for n := 1; err == nil; n++ {
		var b batch
		if b, seq, err = record(m); err != nil {
			return nil, 0, err
		}
		if events = append(events, b.Events...); n == followAtOnce {
			return events, seq, nil
		}
		m, err = messages.Next(jetstream.NextMaxWait(20 * time.Millisecond))
	}
	if seq > 0 {
		err = nil
	}
	return events, seq, err
}

func record(m jetstream.Msg) (b batch, seq uint64, err error) {
	meta, err := m.Metadata()
	if err != nil {
		return b, 0, err
	}
	if err := json.Unmarshal(m.Data(), &b); err != nil {
		return b, 0, fmt.Errorf("record %d is none of this version: %w", meta.Sequence.Stream, err)
	}
	return b, meta.Sequence.Stream, nil
}

// Replay is every record of a campaign behind number after, up to number to, which must be there, in order.
func (s *Store) Replay(ctx context.Context, campaign string, after, to uint64, fold func(events []notice.Event, seq uint64) error) error {
	return s.replay(ctx, eventSubject(campaign, ">"), after, to, func(b batch, seq uint64) error { return fold(b.Events, seq) })
}

// Marks are all of a campaign, in order.
func (s *Store) Marks(ctx context.Context, campaign string) (list []Mark, err error) {
	subject := eventSubject(campaign, order)
	to, _, _, err := s.last(ctx, subject)
	if err != nil {
		return nil, fmt.Errorf("delivery store: %w", err)
	}
	err = s.replay(ctx, subject, 0, to, func(b batch, _ uint64) error {
		if b.Mark != nil {
			list = append(list, *b.Mark)
		}
		return nil
	})
	return list, err
}

// history is every event of a subject up to number to, in order.
func (s *Store) history(ctx context.Context, subject string, to uint64, each func(notice.Event)) error {
	return s.replay(ctx, subject, 0, to, func(b batch, _ uint64) error {
		for _, e := range b.Events {
			each(e)
		}
		return nil
	})
}

func (s *Store) replay(ctx context.Context, subject string, after, to uint64, each func(b batch, seq uint64) error) error {
	if after >= to {
		return nil
	}
	messages, err := s.read(ctx, subject, after)
	if err != nil {
		return err
	}
	defer messages.Stop()
	for seq := after; seq < to; {
		m, err := messages.Next(jetstream.NextMaxWait(storeWithin))
		if err != nil {
			return fmt.Errorf("delivery store: %w", err)
		}
		var b batch
		if b, seq, err = record(m); err != nil {
			return err
		}
		if err := each(b, seq); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// queue asks for a part to be worked. It is asked once, however often.
func (s *Store) queue(ctx context.Context, campaign string, part int) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	_, err := s.js.Publish(ctx, workSubject(campaign, part), nil)
	var refused *jetstream.APIError
	if errors.As(err, &refused) && strings.Contains(refused.Description, "maximum messages per subject") {
		return nil
	}
	return err
}

// consumer is the campaign's queue, which all its workers share. With an embedded server there are no others: what a process that was killed
// had taken is there again at once.
func (s *Store) consumer(ctx context.Context, campaign string) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	name := "send_" + campaign
	if s.server != nil {
		if err := s.work.DeleteConsumer(ctx, name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return nil, err
		}
	}
	return s.work.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: name, FilterSubject: "candor.work." + campaign + ".*", AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: s.ackWait, MaxAckPending: -1, MaxDeliver: -1,
	})
}
