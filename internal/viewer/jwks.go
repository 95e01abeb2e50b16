package viewer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

const (
	maxKeySet    = 1 << 20 // bytes
	fetchTimeout = 5 * time.Second
)

// parseKeySet reads a JSON Web Key Set (RFC 7517 §5). Keys for encryption, and of kinds that no signature uses, are passed
// over, as §5 asks: one of them must not take the others away.
func parseKeySet(b []byte) (keyfunc.Keyfunc, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, fmt.Errorf("not a JSON Web Key Set: %w", err)
	}
	var keys []jwkset.JWK
	for _, raw := range set.Keys {
		k, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{Private: true}, jwkset.JWKValidateOptions{})
		if err == nil && k.Marshal().USE != jwkset.UseEnc {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("a JSON Web Key Set without any key to check signatures by")
	}
	storage := jwkset.NewMemoryStorage()
	if err := storage.KeyReplaceAll(context.Background(), keys); err != nil {
		return nil, err
	}
	return keyfunc.New(keyfunc.Options{Storage: storage})
}

// remoteKeys is a key set behind a URL. It is fetched in the background only, so that no response ever waits for it:
// keyfunc's own client would fetch while a request with an unknown key id waits, and not again for an hour after a failed
// start.
type remoteKeys struct {
	url            string
	client         *http.Client
	log            *slog.Logger
	refresh, retry time.Duration

	set  atomic.Pointer[keyfunc.Keyfunc] // nil until the first success
	wake chan struct{}                   // a token names a key that is not in the set
	stop context.CancelFunc
	done sync.WaitGroup
}

func startRemoteKeys(ctx context.Context, o Options) *remoteKeys {
	ctx, stop := context.WithCancel(ctx)
	k := &remoteKeys{
		url: o.JWKS, client: &http.Client{Timeout: fetchTimeout}, log: o.Log,
		refresh: o.refresh, retry: o.retry, wake: make(chan struct{}, 1), stop: stop,
	}
	if k.refresh == 0 {
		k.refresh = time.Hour
	}
	if k.retry == 0 {
		k.retry = 10 * time.Second
	}
	ok := k.fetch(ctx, true)
	k.done.Go(func() { k.run(ctx, ok) })
	return k
}

func (k *remoteKeys) close() {
	k.stop()
	k.done.Wait()
}

// run fetches every refresh, or when woken but not more often than every retry; after a failure, every retry.
func (k *remoteKeys) run(ctx context.Context, ok bool) {
	for {
		if !wait(ctx, k.retry, nil) || ok && !wait(ctx, k.refresh-k.retry, k.wake) {
			return
		}
		ok = k.fetch(ctx, ok)
	}
}

// wait returns after d or when woken; false when it is time to stop.
func wait(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-t.C:
	}
	return true
}

// fetch replaces the keys, or leaves them as they are. was is how the last fetch ended: only a change is worth a log line.
func (k *remoteKeys) fetch(ctx context.Context, was bool) (ok bool) {
	set, err := k.get(ctx)
	if err == nil {
		k.set.Store(&set) // before it is said: who reads that the keys are there may use them
	}
	switch {
	case ctx.Err() != nil:
		return was
	case err != nil && was:
		k.log.Warn("JWT key set cannot be fetched: trying again; holders of tokens that it would verify stay anonymous",
			"url", redacted(k.url), "every", k.retry, "error", err)
	case err == nil && !was:
		k.log.Info("JWT key set is there again", "url", redacted(k.url))
	}
	return err == nil
}

func (k *remoteKeys) get(ctx context.Context) (keyfunc.Keyfunc, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	res, err := k.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %s", res.Status)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxKeySet {
		return nil, fmt.Errorf("is longer than %d bytes", maxKeySet)
	}
	return parseKeySet(b)
}

var errNoKeys = errors.New("the key set has not been fetched yet")

// key is the jwt.Keyfunc.
func (k *remoteKeys) key(t *jwt.Token) (any, error) {
	set := k.set.Load()
	if set == nil {
		return nil, errNoKeys
	}
	key, err := (*set).Keyfunc(t)
	if err != nil {
		select {
		case k.wake <- struct{}{}:
		default:
		}
	}
	return key, err
}

func redacted(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}
