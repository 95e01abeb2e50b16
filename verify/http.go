package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxRedirects   = 3
	requestTimeout = 30 * time.Second
	siteTimeout    = 15 * time.Minute
	tries          = 3 // where the log grows while it is looked at
)

// URL checks what is published at a URL, as Folder does. Where the log grew meanwhile, files may be of before and after, and it is looked at again. An error is a URL
// that is none.
func URL(ctx context.Context, address string, o Options) (Result, error) {
	s, err := newSite(ctx, address)
	if err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, siteTimeout)
	defer cancel()
	s.ctx = ctx
	for n := 1; ; n++ {
		r := Folder(s, o)
		if r.OK() || n == tries || !s.grew(r.Seen.Checkpoint) {
			return r, nil
		}
	}
}

// site is a web server's folder. It is read with GET and nothing else, from the one host; whatever the server does, a file is bounded by who reads it.
type site struct {
	ctx    context.Context
	base   *url.URL
	client *http.Client
}

func newSite(ctx context.Context, address string) (*site, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%s is no http or https URL of a folder, such as https://shop.example/incidents/", address)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return &site{ctx, u, &http.Client{Timeout: requestTimeout, CheckRedirect: sameHost}}, nil
}

var errElsewhere = errors.New("it redirects to another host: verify what is published there, if that is meant")

// sameHost lets a server redirect within itself, and to https.
func sameHost(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return errors.New("it redirects too often")
	case r.URL.Hostname() != first.Hostname() || r.URL.Port() != first.Port() && r.URL.Scheme == first.Scheme || first.Scheme == "https" && r.URL.Scheme != "https":
		return errElsewhere
	}
	return nil
}

// Open is fs.FS.
func (s *site) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	r, err := http.NewRequestWithContext(s.ctx, http.MethodGet, s.base.JoinPath(strings.Split(name, "/")...).String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Cache-Control", "no-cache")
	answer, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return &remote{answer.Body, name, answer.ContentLength}, nil
	case http.StatusNotFound, http.StatusGone:
		err = fs.ErrNotExist
	default:
		err = fmt.Errorf("the server answers %s", answer.Status)
	}
	answer.Body.Close()
	return nil, &fs.PathError{Op: "get", Path: name, Err: err}
}

// grew: is the checkpoint another one now?
func (s *site) grew(checkpoint string) bool {
	b, err := readFile(s, CheckpointFile, maxNote)
	return err == nil && checkpoint != "" && !bytes.Equal(b, []byte(checkpoint))
}

// remote is a file that is being fetched.
type remote struct {
	io.ReadCloser
	name string
	size int64
}

func (r *remote) Stat() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }
