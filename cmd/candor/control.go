package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"candor.example"
	"candor.example/internal/journal"
)

// A running serve owns the journal, so other commands of the same user reach it over a socket in the data folder.

func (s *service) listenControl(path string) error {
	os.Remove(path) // of a process that was killed; the journal's lock keeps a living one out
	short, done, err := socketPath(path)
	if err != nil {
		return err
	}
	defer done()
	l, err := net.Listen("unix", short)
	if err != nil {
		return fmt.Errorf("cannot make %s: %w", path, err)
	}
	os.Chmod(path, 0o600)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /release", func(w http.ResponseWriter, r *http.Request) {
		var release candor.Release
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&release); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		} else if err := s.journal.Release(r.Context(), release); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /directory/reload", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.takeUp(dataFlag{s.config.Data}); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /entry", func(w http.ResponseWriter, r *http.Request) {
		var e candor.Entry
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<20)).Decode(&e); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		} else if err := s.journal.Record(r.Context(), e); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /caught-up", func(w http.ResponseWriter, r *http.Request) {
		if err := s.caughtUp(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /action", func(w http.ResponseWriter, r *http.Request) {
		var e candor.Entry
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 2*candor.MaxDocument)).Decode(&e); err != nil || len(e.Actions) != 1 {
			http.Error(w, "this is no entry with one action", http.StatusBadRequest)
		} else if err := s.act(r.Context(), e.Actions[0], e.Documents...); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	})
	mux.HandleFunc("POST /console", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, s.console.SignInURL(s.consoleURL()))
	})
	s.control = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	s.tasks.Go(func() { s.control.Serve(l) })
	return nil
}

// socketPath shortens a socket's path, which may have 108 bytes (unix(7)), by way of its open folder. done may be called
// once the socket is open.
func socketPath(path string) (short string, done func(), err error) {
	if len(path) < 100 {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { dir.Close() }, nil
}

// errNotRunning: no serve has this data folder.
var errNotRunning = errors.New("candor serve is not running")

// ask sends a request to the serve that has the data folder.
func ask(ctx context.Context, d dataFlag, path string, body any) (string, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	client := http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			short, done, err := socketPath(d.control())
			if err != nil {
				return nil, err
			}
			defer done()
			return (&net.Dialer{}).DialContext(ctx, "unix", short)
		}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://candor"+path, bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return "", errNotRunning
	} else if err != nil {
		return "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(strings.TrimSpace(string(answer)))
	}
	return string(answer), err
}

// openJournal opens the journal of a serve that is not running.
func openJournal(ctx context.Context, d dataFlag) (*journal.Journal, error) {
	if _, err := os.Stat(d.journal()); err != nil {
		return nil, fmt.Errorf("%s holds no journal: start candor serve once, or name its folder with --data", d.Data)
	}
	return journal.Open(ctx, journal.Options{Dir: d.journal(), Log: newLogger(slog.LevelWarn, false)})
}

type releaseCmd struct {
	Mark releaseMarkCmd `cmd:"" help:"Mark that a release went live now: incidents then say since which release."`
}

type releaseMarkCmd struct {
	dataFlag
	Name string `arg:"" help:"The release: a version, a tag, a build number."`
	Site string `placeholder:"HOST" help:"The site that it went live on (default: all)."`
	At   string `placeholder:"TIME" help:"When, as RFC 3339 (default: now)."`
}

func (c *releaseMarkCmd) Run(ctx context.Context) error {
	at := time.Now()
	if c.At != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, c.At); err != nil {
			return fmt.Errorf("--at %s: write the time as RFC 3339, such as 2018-11-20T10:00:00Z", c.At)
		}
	}
	if len(c.Name) > 64 {
		return fmt.Errorf("the release's name has %d bytes; 64 is the most", len(c.Name))
	}
	release := candor.Release{Time: at.UTC(), Site: c.Site, Name: c.Name, Source: "command line"}
	_, err := ask(ctx, c.dataFlag, "/release", release)
	if errors.Is(err, errNotRunning) {
		err = c.write(ctx, release)
	}
	if err == nil {
		fmt.Printf("release %s marked at %s\n", clean(c.Name), release.Time.Format(time.RFC3339))
	}
	return err
}

// write puts the release into the journal of a stopped serve; the next start folds it.
func (c *releaseMarkCmd) write(ctx context.Context, r candor.Release) error {
	j, err := openJournal(ctx, c.dataFlag)
	if err != nil {
		return err
	}
	err = j.Release(ctx, r)
	if e := j.Close(); err == nil {
		err = e
	}
	return err
}

type consoleCmd struct {
	dataFlag
}

func (c *consoleCmd) Run(ctx context.Context) error {
	link, err := ask(ctx, c.dataFlag, "/console", nil)
	if errors.Is(err, errNotRunning) {
		return fmt.Errorf("%w with the data folder %s", err, c.Data)
	}
	if err == nil {
		fmt.Print(link)
	}
	return err
}
