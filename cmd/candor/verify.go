package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"candor.example"
	"candor.example/directory"
	"candor.example/guard"
	"candor.example/internal/ledger"
	"candor.example/internal/viewer"
)

type incidentVerifyCmd struct {
	actFlags
	ID       string        `arg:"" help:"The incident, as list names it."`
	Config   string        `placeholder:"FILE" help:"candor.yaml, for the upstream, the policy and the synthetic viewers (verify.viewers)."`
	Upstream string        `placeholder:"URL" help:"Where to ask: the shop, or the CDN in front of it (default: the config's upstream)."`
	Limit    int           `default:"50" help:"How many of the recorded requests are asked again (default: 50)."`
	Unsafe   bool          `help:"Also ask again what was no GET, HEAD or OPTIONS. It may change things in the shop."`
	Timeout  time.Duration `default:"30s" help:"For one request (default: 30s)."`
	JSON     bool          `help:"Print as JSON."`
}

func (c *incidentVerifyCmd) Help() string {
	return `The recorded requests are asked again, of the shop itself: each by nobody in particular and by each synthetic viewer, one after the other, so
that a cache has the chance to hand one's page to the next. Synthetic viewers are customers that nobody is, listed in candor.yaml and in the
customer file:

  verify:
    viewers:
      - name: first
        customer: "900001"
        headers: {Cookie: "sid=…"}

Nobody's recorded credentials are used: there are none. What comes back is inspected, and kept nowhere. The result goes into the audit; it
does not count as a disclosure. Ask the shop, or the cache or CDN in front of it, and not Candor: what it masks looks clean.

It is clean only where each of the requests was answered to somebody who matters: to a synthetic viewer, where the recorded one was signed in. A
redirect to the login page, a refusal of somebody whose session has ended, a failure prove nothing; a page that is refused to a stranger who is
signed in does.

Exit status: 0 none of them discloses, 1 one does, 2 trouble: also when that could not be found out.`
}

// replay is one recorded request, asked again by one viewer.
type replay struct {
	Method      string `json:"method"`
	URL         string `json:"url"`
	Viewer      string `json:"viewer"`
	Status      int    `json:"status,omitempty"`
	Disclosures int    `json:"disclosures"`
	Owners      int    `json:"owners"`
	Cached      bool   `json:"cached,omitempty"`
	Answered    bool   `json:"answered"` // it says whether such a viewer is shown others' data
	Error       string `json:"error,omitempty"`
}

// verification is what `incident verify --json` prints.
type verification struct {
	Incident   string         `json:"incident"`
	Upstream   string         `json:"upstream"`
	Asked      int            `json:"asked"`
	Disclosing int            `json:"disclosing"`
	Answered   int            `json:"answered"`
	Failed     int            `json:"failed"`
	Open       int            `json:"open"`    // requests that nobody who matters got an answer to
	Skipped    map[string]int `json:"skipped"` // recorded requests that were not asked again, by reason
	Result     string         `json:"result"`  // clean, disclosing or inconclusive
	Replays    []replay       `json:"replays"`
}

func (c *incidentVerifyCmd) Run(ctx context.Context) error {
	if _, err := c.action(candor.Verified, c.ID); err != nil {
		return err // before anything is asked
	}
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	if c.Upstream == "" {
		c.Upstream = config.Upstream
	}
	upstream, err := parseUpstream(c.Upstream)
	if err != nil {
		return err
	}
	if config.Listen != "" && upstream.Host == config.Listen {
		return fmt.Errorf("--upstream %s is Candor's own address: what it masks looks clean. Name the shop, or the cache in front of it", upstream.Host)
	}
	var recorded []candor.Response
	err = withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		e, err := l.Evidence(ctx, c.ID)
		recorded = e.Responses
		return hinted(err)
	})
	if err != nil {
		return err
	}
	v, err := c.replay(ctx, config, upstream, recorded)
	if err != nil {
		return err
	}
	if err := c.record(ctx, v); errors.Is(err, errRefused) && v.Result == "inconclusive" {
		// the table says so, and the exit status
	} else if errors.Is(err, errRefused) {
		fmt.Fprintln(os.Stderr, "candor:", err) // what was seen is worth knowing even so
	} else if err != nil {
		return err
	}
	return c.print(v)
}

// replay asks the recorded requests again.
func (c *incidentVerifyCmd) replay(ctx context.Context, config *Config, upstream *url.URL, recorded []candor.Response) (verification, error) {
	v := verification{Incident: c.ID, Upstream: upstream.Redacted(), Skipped: map[string]int{}, Replays: []replay{}}
	p, cleanup, err := c.player(ctx, config, upstream)
	if err != nil {
		return v, err
	}
	defer cleanup()
	for _, r := range c.choose(recorded, v.Skipped) {
		told := false
		for _, who := range p.viewers {
			played := p.play(ctx, r, who)
			v.add(played)
			told = told || played.Answered && (who.Customer != "" || !signedIn(r))
		}
		if !told {
			v.Open++
		}
		if ctx.Err() != nil {
			return v, ctx.Err()
		}
	}
	v.judge()
	return v, nil
}

// choose picks different requests that can be asked again, the same ones each time.
func (c *incidentVerifyCmd) choose(recorded []candor.Response, skipped map[string]int) (list []candor.Response) {
	seen := map[string]bool{}
	for _, r := range recorded {
		switch key := r.Method + " " + r.Site + r.URL; {
		case seen[key]:
		case r.Site == "{other}":
			skipped["its site is not known: too many names were asked for"]++
		case r.Masked:
			skipped["its URL held an identifier and was masked"]++
		case !c.Unsafe && r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions:
			skipped[r.Method+" may change things; --unsafe asks it again"]++
		case len(list) >= c.Limit:
			skipped["beyond --limit"]++
		default:
			seen[key] = true
			list = append(list, r)
		}
	}
	return list
}

// player asks a shop and inspects what it answers.
type player struct {
	guard    *guard.Guard
	client   *http.Client
	upstream *url.URL
	viewers  []SyntheticViewer
}

func (c *incidentVerifyCmd) player(ctx context.Context, config *Config, upstream *url.URL) (*player, func(), error) {
	keys, err := directory.ReadKeys(c.digestKey())
	if err != nil {
		return nil, nil, err
	}
	dir, err := directory.Open(c.snapshot(), keys...)
	if err != nil {
		return nil, nil, err
	}
	viewers, err := openViewerKey(c.dataFlag, keys[0])
	if err != nil {
		return nil, nil, err
	}
	p := &player{guard: &guard.Guard{Directory: dir, Key: viewers, Log: newLogger(slog.LevelWarn, false)}, upstream: upstream,
		client:  &http.Client{Timeout: c.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		viewers: append([]SyntheticViewer{{Name: "anonymous"}}, config.Verify.Viewers...)}
	resolver, err := configure(ctx, p.guard, config, viewer.Options{})
	if err != nil {
		dir.Close()
		return nil, nil, err
	}
	p.guard.Viewer, p.guard.Teaches, p.guard.Learn = synthetic, nil, nil
	return p, func() { resolver.Close(); dir.Close(); p.client.CloseIdleConnections() }, nil
}

// replayed marks a request with the synthetic viewer who sends it.
type replayed struct{}

func synthetic(r *http.Request) candor.Viewer {
	who, _ := r.Context().Value(replayed{}).(string)
	return candor.Viewer{Customer: who}
}

// play asks for one recorded request again. A page that fails proves nothing, and is counted apart.
func (p *player) play(ctx context.Context, r candor.Response, who SyntheticViewer) replay {
	out := replay{Method: r.Method, URL: r.URL, Viewer: who.Name}
	target := strings.TrimSuffix(p.upstream.String(), "/") + r.URL
	req, err := http.NewRequestWithContext(context.WithValue(ctx, replayed{}, who.Customer), r.Method, target, nil)
	if err != nil {
		out.Error = "this URL cannot be asked for"
		return out
	}
	req.Host = r.Site
	req.Header.Set("User-Agent", "candor-verify/"+version)
	for _, k := range slices.Sorted(maps.Keys(who.Headers)) {
		req.Header.Set(k, who.Headers[k])
	}
	res, err := p.client.Do(req)
	if err != nil {
		out.Error = unwrapURL(err).Error()
		return out
	}
	defer res.Body.Close()
	out.Status = res.StatusCode
	x := &candor.Exchange{Time: time.Now(), Request: req, Status: res.StatusCode, Header: res.Header, Body: res.Body}
	owners := map[string]bool{}
	cover, err := p.guard.Inspect(ctx, x, func(d candor.Disclosure) {
		if d.Class == candor.Disclosed {
			out.Disclosures++
			owners[d.Owner], out.Cached = true, d.Cached
		}
	})
	out.Owners = len(owners)
	switch {
	case err != nil:
		out.Error = "the answer could not be read to its end"
	case cover.Skip != "" && out.Disclosures == 0:
		out.Error = "not inspected: " + string(cover.Skip)
	case res.StatusCode >= 500 && out.Disclosures == 0:
		out.Error = "the shop failed, which proves nothing"
	case out.Disclosures == 0 && !answers(r, who, res.StatusCode):
		out.Error = fmt.Sprintf("%d proves nothing: nobody was shown the page", res.StatusCode)
	default:
		out.Answered = true
	}
	return out
}

// answers: the page itself is an answer, and so is that it is refused, to a stranger who is signed in, or to nobody in particular where it once was
// shown to nobody in particular.
func answers(r candor.Response, who SyntheticViewer, status int) bool {
	if status/100 == r.Status/100 {
		return true
	}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return safe && (who.Customer != "" || !signedIn(r))
	case http.StatusUnauthorized, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect:
		return safe && who.Customer == "" && !signedIn(r)
	}
	return false
}

// signedIn: the recorded viewer was.
func signedIn(r candor.Response) bool { return r.Viewer == "customer" || r.Viewer == "role" }

// unwrapURL takes the URL out of an error: it may hold an identifier.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (v *verification) add(r replay) {
	v.Replays = append(v.Replays, r)
	v.Asked++
	switch {
	case r.Disclosures > 0:
		v.Disclosing++
	case r.Error != "":
		v.Failed++
	}
	if r.Answered {
		v.Answered++
	}
}

// judge: one disclosure is enough to say that it goes on, and where a request has no good answer it is not proved that it does not.
func (v *verification) judge() {
	switch {
	case v.Disclosing > 0:
		v.Result = "disclosing"
	case v.Asked == 0 || v.Open > 0:
		v.Result = "inconclusive"
	default:
		v.Result = "clean"
	}
}

func (c *incidentVerifyCmd) record(ctx context.Context, v verification) error {
	a, err := c.action(candor.Verified, c.ID)
	if err != nil {
		return err
	}
	a.Details = v.details()
	return act(ctx, c.ledgerFlag, a)
}

// details are what the audit keeps of it.
func (v *verification) details() map[string]string {
	return map[string]string{"requests": strconv.Itoa(v.Asked), "disclosing": strconv.Itoa(v.Disclosing), "answered": strconv.Itoa(v.Answered), "failed": strconv.Itoa(v.Failed), "skipped": strconv.Itoa(total(v.Skipped)), "result": v.Result}
}

func total(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

func (c *incidentVerifyCmd) print(v verification) error {
	if c.JSON {
		if err := printJSON(os.Stdout, v); err != nil {
			return err
		}
	} else {
		v.table(os.Stdout)
	}
	switch v.Result {
	case "disclosing":
		return errFound
	case "inconclusive":
		return fmt.Errorf("nothing was proved: %d of the recorded requests had no answer that counts. See above why: is the shop up at %s, and are the sessions of verify.viewers in candor.yaml good?", v.Open, clean(v.Upstream))
	}
	return nil
}

func (v *verification) table(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "RESULT\tSTATUS\tVIEWER\tREQUEST")
	for _, r := range v.Replays {
		result := "clean"
		if r.Disclosures > 0 {
			result = fmt.Sprintf("discloses %d people", r.Owners)
		} else if r.Error != "" {
			result = r.Error
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s %s\n", clean(result), r.Status, clean(r.Viewer), r.Method, clean(r.URL))
	}
	t.Flush()
	fmt.Fprintf(w, "\n%s: %d asked again at %s, %d disclose, %d failed", v.Result, v.Asked, clean(v.Upstream), v.Disclosing, v.Failed)
	for _, reason := range slices.Sorted(maps.Keys(v.Skipped)) {
		fmt.Fprintf(w, "; %d not asked: %s", v.Skipped[reason], reason)
	}
	fmt.Fprintln(w)
}
