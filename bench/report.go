package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// page is docs/performance.md.
type page struct {
	Machine    string
	Versions   []string
	Recogniser section[recogniserResults]
	Proxy      section[proxyResults]
	Directory  section[benchmarks]
	Journal    section[benchmarks]
	Ledger     section[benchmarks]
	Disclosing section[benchmarks]
	Delivery   section[benchmarks]

	before map[string]string // what the page held, by the titles of its sections

	strings.Builder
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) markdown() string {
	p.head()
	begin(p, "1. The recogniser", p.Recogniser, p.recogniser)
	begin(p, "2. The proxy", p.Proxy, p.proxy)
	begin(p, "3. The directory", p.Directory, p.directory)
	begin(p, "4. The journal", p.Journal, p.goBenchmarks)
	begin(p, "5. The ledger", p.Ledger, p.ledger)
	begin(p, "6. A page that discloses", p.Disclosing, p.disclosing)
	begin(p, "7. Notices", p.Delivery, p.notices)
	return p.String()
}

// head names the machine and who took part, of the run that measured the recogniser.
func (p *page) head() {
	if text := p.before[""]; p.Recogniser.When.IsZero() && text != "" {
		p.line("%s", text)
		return
	}
	p.line("# Performance\n")
	p.line("Written by `make bench`; edit `bench/report.go` instead. Each figure is a median of interleaved rounds, and each ratio is the")
	p.line("median of the ratios of rounds that ran one after the other, because machines are noisy: **only ratios taken in one run count**.\n")
	p.line("- Machine: %s", p.Machine)
	for _, v := range p.Versions {
		p.line("- %s", v)
	}
	p.line("\nCommand: `make bench` (about 15 minutes; `make bench QUICK=1` three, `make bench FULL=1` with 100 million customers).")
}

// sections are a page's, by their titles, as they stand below them; "" is what stands above the first.
func sections(page string) map[string]string {
	parts := strings.Split(page, "\n## ")
	list := map[string]string{"": strings.Trim(parts[0], "\n")}
	for _, s := range parts[1:] {
		title, text, _ := strings.Cut(s, "\n")
		list[title] = strings.Trim(text, "\n")
	}
	return list
}

// begin writes a section's heading and where its figures come from, and then its figures.
func begin[T any](p *page, title string, s section[T], write func(*T)) {
	p.line("\n## %s\n", title)
	if text := p.before[title]; s.When.IsZero() && text != "" {
		p.line("%s", text)
		return
	}
	if s.Error != "" {
		p.line("Not measured: %s\n", s.Error)
	}
	if s.Result == nil || s.Error != "" {
		return
	}
	quick := ""
	if s.Quick {
		quick = " **A quick run: fewer and shorter rounds.**"
	}
	p.line("Measured on %s at commit %s in %.0f s; load average before: %s.%s\n", s.When.Format("2 January 2006 15:04 UTC"), s.Commit, s.Seconds, s.Load, quick)
	write(s.Result)
}

func (p *page) table(heads ...string) {
	p.line("| %s |", strings.Join(heads, " | "))
	p.line("|%s", strings.Repeat("---|", len(heads)))
}

func (p *page) recogniser(r *recogniserResults) {
	var parts []string
	for _, k := range kinds {
		parts = append(parts, fmt.Sprintf("%s %d MB", k.name, r.Corpus.Kinds[k.name]>>20))
	}
	p.line("Corpus: %d MB, %d documents (%s) of npm packages with fixed versions (`bench/corpus.go`): real documentation, demonstrations,", r.Corpus.Bytes>>20, r.Corpus.Documents, strings.Join(parts, ", "))
	p.line("pages of newspapers, data. Real addresses (%d) were taken out first; then addresses were planted, half of them customers', with a", r.Corpus.Neutralised)
	p.line("fixed seed: 70 %% plain, the rest evenly `\\u0040`, `&#64;`, `&#x40;`, `&commat;`, `%%40` and base64url JSON. One thread, document by document,")
	p.line("from memory, %d rounds. The peers get `%s`.\n", r.Rounds, strings.ReplaceAll(pattern, "|", "\\|"))
	p.foundTable(r)
	p.line("### How fast\n")
	p.line("In multiples of the floor's speed, by CPU time, so that other work on the machine does not count. Who would take more than 0.4 s")
	p.line("runs over a part of the corpus, which stands in random order. ripgrep's time holds the start of its process and the printing of")
	p.line("matches with their offsets. The directory has %d customers.\n", r.Customers)
	heads := []string{"contestant"}
	for _, d := range densities {
		heads = append(heads, d.Name)
	}
	p.table(append(heads, "GB/s, none", "GB/s, 1 per KB", "MB a pass", "allocations a document, none / 1 per KB")...)
	for _, x := range r.Rows {
		cells := []string{x.Name}
		for _, ratio := range x.Ratio {
			cells = append(cells, short(ratio))
		}
		allocations := "–"
		if x.Allocate[0] >= 0 {
			allocations = short(x.Allocate[0]) + " / " + short(x.Allocate[2])
		}
		p.line("| %s | %s | %s | %d | %s |", strings.Join(cells, " | "), short(x.Speed[0]), short(x.Speed[2]), x.Covered[0]>>20, allocations)
	}
	p.missing(r.Missing)
	p.line("\n### Goals\n")
	p.goals(recogniserGoals(r))
	p.line("\n%s", recogniserTime)
}

const recogniserTime = `Where the time goes, by profiles of 30 November 2026 (AMD EPYC, family 26; "perf record", and for AVX-512 "pprof"), in parts of what
Finder takes. Clean pages, AVX-512: three tenths are the kernel, which alone runs at 0.8 of the floor's speed; over a third looks closer at the 390 runs in a
megabyte that may be base64 or a hash (a sixth of that finds where they end, a fifth asks for hashes, over a quarter for text, a quarter for escapes that part
them); over a fifth deals with words (runs that escapes part among them), most of it with what some 32 in a megabyte that hold an escape say; a tenth rules out
the 1,030 places in a megabyte at which nothing begins. AVX2: half is the kernel (0.3 of the floor alone): half a byte at a time needs twice as many look-ups,
and takes 3,300 places in a megabyte for signs that are none. Portable: six sevenths are the kernel, a byte at a time; "bytes.IndexByte" would need a rare byte
in each form, and base64 has none. With 1 per KB, an address costs 320 ns to find, in any form. Where half are
customers' (a million of them) it costs some 350 ns more to ask whether it is one's and some 480 to learn whose: a stranger ends at the first place of the
snapshot, the head of a bucket, a customer at the third, by way of the entry to the id, and these are seldom in the caches. The two allocations for a list of
owners are all of the 19 a document.

Tried, and no faster: telling a run's bytes apart with vectors; two classes beside each other in one table for plain Go; hashes in base64 looked for at every
22nd byte of a run.`

// foundTable comes before any speed: a fast miss is no result.
func (p *page) foundTable(r *recogniserResults) {
	p.line("### What each really finds\n")
	p.line("Found of what was planted at 1 per KB in the first %d MB, by form. A dash: not asked of it (the floor knows one form, the look-up", sample>>20)
	p.line("only customers, and of the peers none decodes base64). Others: matches that were not planted.\n")
	forms := []string{"plain", `\u0040`, "&#64;", "&#x40;", "&commat;", "%40", "base64"}
	heads := []string{"contestant"}
	for _, f := range forms {
		heads = append(heads, "`"+f+"`")
	}
	p.table(append(heads, "all", "others", "matches in the pages without any")...)
	for _, x := range r.Rows {
		cells := []string{x.Name}
		for _, f := range forms {
			t, asked := x.Found[f]
			cell := "–"
			if asked {
				cell = fmt.Sprintf("%d/%d", t.Found, t.Planted)
			}
			cells = append(cells, cell)
		}
		others, clean := "–", fmt.Sprint(x.Clean)
		if x.Others >= 0 {
			others = fmt.Sprint(x.Others)
		}
		t := x.total()
		p.line("| %s | %.2f %% | %s | %s |", strings.Join(cells, " | "), 100*float64(t.Found)/float64(max(1, t.Planted)), others, clean)
	}
	p.line("")
}

func (p *page) missing(list []string) {
	for _, m := range list {
		first, _, _ := strings.Cut(m, "\n")
		p.line("\nLeft out: %s", first)
	}
}

// goal is one of PERFORMANCE.md's, with what was measured.
type goal struct {
	what     string
	wanted   float64
	atMost   bool
	measured float64
	known    bool
}

func (p *page) goals(list []goal) {
	p.table("goal", "wanted", "measured", "reached")
	for _, g := range list {
		sign, measured, reached := ">=", "–", "not measured"
		if g.atMost {
			sign = "<="
		}
		if g.known {
			measured, reached = short(g.measured), "no"
			if g.measured >= g.wanted && !g.atMost || g.measured <= g.wanted && g.atMost {
				reached = "yes"
			}
		}
		p.line("| %s | %s %s | %s | %s |", g.what, sign, short(g.wanted), measured, reached)
	}
}

func recogniserGoals(r *recogniserResults) (list []goal) {
	rows := map[string]*row{}
	for _, x := range r.Rows {
		rows[x.Name] = x
	}
	add := func(what, name string, wanted float64, atMost bool, value func(*row) float64) {
		g := goal{what: what, wanted: wanted, atMost: atMost}
		if x := rows[name]; x != nil {
			g.measured, g.known = value(x), true
		}
		list = append(list, g)
	}
	clean := func(x *row) float64 { return x.Ratio[0] }
	add("clean pages, x floor, AVX-512", "Candor, kernel avx512", 0.9, false, clean)
	add("clean pages, x floor, AVX2", "Candor, kernel avx2", 0.6, false, clean)
	add("clean pages, x floor, portable Go", "Candor, kernel portable", 0.25, false, clean)
	add("clean pages, x floor, every form that the recogniser knows", rowFinder, 0.6, false, clean)
	add("1 per KB, x floor, with digest and look-up", rowLookup, 0.2, false, func(x *row) float64 { return x.Ratio[2] })
	for _, a := range []struct {
		name            string
		clean, onePerKB float64
	}{{"Hyperscan, ends only", 4, 2}, {"Vectorscan, ends only", 4, 2}, {rowRipgrep, 30, 15}, {rowRE2, 30, 10}, {rowRegexp, 500, 0}} {
		against := func(density int) func(*row) float64 {
			return func(x *row) float64 { return x.Against[density][a.name] }
		}
		add("clean pages, all forms, x "+a.name, rowFinder, a.clean, false, against(0))
		if a.onePerKB > 0 {
			add("1 per KB, all forms, x "+a.name, rowFinder, a.onePerKB, false, against(2))
		}
	}
	for i, g := range list { // a peer that was left out
		if strings.Contains(g.what, "all forms, x ") && g.measured == 0 {
			list[i].known = false
		}
	}
	add("allocations a document, clean pages", rowFinder, 0, true, func(x *row) float64 { return x.Allocate[0] })
	return list
}

func (p *page) proxy(r *proxyResults) {
	p.line("`wrk` with one thread and %d connections on loopback, %d rounds of %d s each; upstream is plain net/http with pages made up to", connections, r.Rounds, r.Seconds)
	p.line("look like a shop's (`bench/server.go`), none of which shows an address. Candor is `candor serve` in mask mode with %d customers. wrk, proxy", customers)
	p.line("and upstream share the machine's cores. In multiples of a tuned `httputil.ReverseProxy` without inspection:\n")
	p.line("First, one request each that they must act on:\n")
	for _, s := range r.Shown {
		p.line("- %s.", s)
	}
	for _, measure := range []struct {
		title string
		of    func(*underLoad) string
	}{
		{"Requests a second", func(x *underLoad) string { return withAbsolute(x.Ratio, x.PerSecond, "/s") }},
		{"CPU a request", func(x *underLoad) string { return withAbsolute(x.CPURatio, x.CPU, " us") }},
		{"99th percentile of the time to answer", func(x *underLoad) string { return withAbsolute(x.P99Ratio, x.P99/1000, " ms") }},
	} {
		p.line("\n### %s\n", measure.title)
		p.proxyTable(r, measure.of)
	}
	p.line("\nThe pages marked gzip are asked for with `Accept-Encoding: gzip`. The others pass compressed bytes on; Candor asks upstream for plain ones, to")
	p.line("mask in flight. To inflate and inspect beside the passing bytes would not be cheaper: it takes 22 us of CPU for the 30 KB and 194 us for the 300 KB, and to")
	p.line("pass plain ones on takes the ReverseProxy 16 and 110 us more than compressed ones (30 November 2026). Coraza sees nothing in compressed bodies and is left")
	p.line("out there.\n")
	p.line("Time to first byte of a page whose rest comes %s later: ReverseProxy %s us, Candor %s us (ratio %s).\n", pause, short(r.FirstByte.Plain), short(r.FirstByte.Candor), short(r.FirstByte.Ratio))
	p.line("What work costs, through Candor, on pages of 30 KB:\n")
	p.table("what is in the page", "requests a second", "ratio")
	for _, h := range r.Hard {
		p.line("| %s | %s | %s |", h.What, short(h.PerSecond), short(h.Ratio))
	}
	p.line("%s", whatTheProxyCosts)
	p.missing(r.Missing)
	p.line("\n### Goals\n")
	p.goals(proxyGoals(r))
}

// whatTheProxyCosts is from profiles of candor serve under wrk.
const whatTheProxyCosts = `
Where Candor's time goes, by profiles (30 November 2026): at 2 KB two fifths are system calls and most of the rest is net/http reading and writing heads; what
Candor adds is a tenth, and own connections to the shop, without Transport's goroutines, save more than that. At 30 KB a third is the recogniser, and a third
system calls. At 300 KB three fifths were the recogniser, of which two thirds asked of each of the escaped slashes that JSON is full of whether it stands in a
hash (hashAround); since then those of one path are told together, and such JSON is inspected 2.6 times as fast. Of a page with 20 disclosures
an eighth is the recogniser, a fifteenth the record, a tenth the journal's server, a sixth reading the journal and folding it into the ledger, which runs in the
same process, and a fifth classing, places and the disclosures themselves.`

func withAbsolute(ratio, absolute float64, unit string) string {
	return fmt.Sprintf("%s (%s%s)", short(ratio), short(absolute), unit)
}

func (p *page) proxyTable(r *proxyResults, of func(*underLoad) string) {
	heads := []string{"proxy"}
	for _, pg := range r.Pages {
		heads = append(heads, pg.Name)
	}
	p.table(heads...)
	for _, name := range []string{proxyPlain, proxyCandor, proxyNginx, proxyCaddy, proxyMail, proxyCRS} {
		cells := []string{name}
		for _, pg := range r.Pages {
			x := pg.Rows[name]
			cell := "–"
			switch {
			case x != nil && x.PerSecond == 0:
				cell = "no answer"
			case x != nil:
				cell = of(x)
				if x.Failed > 0 {
					cell += fmt.Sprintf(", %d failed", x.Failed)
				}
			}
			cells = append(cells, cell)
		}
		p.line("| %s |", strings.Join(cells, " | "))
	}
}

// proxyGoals takes the worst page of each goal.
func proxyGoals(r *proxyResults) (list []goal) {
	worst := func(what string, wanted float64, atMost bool, of func(map[string]*underLoad) (float64, bool)) {
		g := goal{what: what + ", worst of the plain pages", wanted: wanted, atMost: atMost}
		for _, pg := range r.Pages {
			v, ok := of(pg.Rows)
			if strings.HasSuffix(pg.Name, "gzip") || !ok {
				continue
			}
			if !g.known || v < g.measured != atMost {
				g.measured, g.known = v, true
			}
		}
		list = append(list, g)
	}
	against := func(other string) func(map[string]*underLoad) (float64, bool) {
		return func(rows map[string]*underLoad) (float64, bool) {
			return rows[proxyCandor].Against[other], rows[other] != nil && rows[other].PerSecond > 0
		}
	}
	worst("requests a second, x ReverseProxy", 0.97, false, against(proxyPlain))
	worst("CPU a request, x ReverseProxy", 1.05, true, func(m map[string]*underLoad) (float64, bool) { return m[proxyCandor].CPURatio, true })
	worst("99th percentile, x ReverseProxy", 1.1, true, func(m map[string]*underLoad) (float64, bool) { return m[proxyCandor].P99Ratio, true })
	worst("requests a second, x Caddy without inspection", 1, false, against(proxyCaddy))
	worst("requests a second, x nginx without inspection", 0.75, false, against(proxyNginx))
	worst("requests a second, x Coraza with one e-mail rule", 5, false, against(proxyMail))
	worst("requests a second, x Coraza with the Core Rule Set", 50, false, against(proxyCRS))
	list = append(list, goal{what: "time to first byte, x ReverseProxy (1.05: none measurable)", wanted: 1.05, atMost: true,
		measured: r.FirstByte.Ratio, known: r.FirstByte.Ratio > 0})
	twenty := goal{what: "a page with 20 disclosures, x one without", wanted: 0.5}
	if len(r.Hard) > 1 {
		twenty.measured, twenty.known = r.Hard[1].Ratio, true
	}
	return append(list, twenty)
}

func (p *page) goBenchmarks(b *benchmarks) {
	p.line("`%s`\n", b.Command)
	p.table("benchmark", "figures")
	for _, l := range b.Lines {
		p.line("| %s | %s |", l.Name, strings.Join(l.Metrics, ", "))
	}
}

func (p *page) directory(b *benchmarks) {
	p.goBenchmarks(b)
	p.line("\nGoals: 100 M customers built in <= 4 min and <= 4 GiB on two cores, opened in < 1 s, <= 24 bytes a customer on disk; one look-up at")
	p.line("100 M, cold: <= 150 ns for a stranger, <= 1 us for a customer, no allocations.")
}

func (p *page) ledger(b *benchmarks) {
	p.line("Each disclosure affects another person, in a response of its own that is recorded to its end, to one of 10,000 viewers. It comes in batches of")
	p.line("10,000 entries, as the journal gives them. InOrder: owners and the ids of responses ascend. AtRandom: both are random, so that each row meets another")
	p.line("page. Making up the entries is not counted, nor is reading them from a journal. CPU is this process's: for PostgreSQL, without the server's; where others")
	p.line("use the machine, too, it tells more than disclosures a second.\n")
	p.goBenchmarks(b)
	p.line("\nGoals: >= 100,000 disclosures a second on SQLite and >= 70,000 on PostgreSQL, at 10 M affected.")
	p.line("%s", whatStandsInTheWay)
}

// whatStandsInTheWay is from profiles of BenchmarkFold (-cpuprofile).
const whatStandsInTheWay = `
What it is spent on, from profiles with 500,000 people (` + "`-cpuprofile`" + `). SQLite, in order, of what Fold itself uses: two fifths are SQLite
(its virtual machine, one B-tree, the write-ahead log), three tenths summing up in memory, a twentieth binding values. SQLite, at
random: two thirds are writing pages, nearly one of 4 KB for each person to the log, and again to the file: a batch of 5,000 people meets 5,000
pages of the table, whatever its rows hold. Batches of 50,000 entries take 17 µs of CPU instead of 28 (a million people); the journal's are
of 10,000, or 8 MiB, so that memory stays bounded. What would help more, and has not been tried: a log of recent people beside the table, merged into it in
order now and then. PostgreSQL: the process mostly waits for the server, which keeps a heap and one index; those who are new go in
by COPY.`

func (p *page) disclosing(b *benchmarks) {
	p.line("Disclosures/MODE/N: a page of 30 KB with N customers' addresses against the same page with none, in the guard alone, without a network;")
	p.line("what is recorded goes to a file. Disclosing: 20 of them in mask mode through the proxy, over sockets.\n")
	p.goBenchmarks(b)
	p.line("\nGoal: Disclosing, x-clean >= 0.5.")
	p.line("%s", whatDisclosingCosts)
}

// whatDisclosingCosts is from a profile of BenchmarkDisclosures/mask/20 (-cpuprofile).
const whatDisclosingCosts = `
Where the time of a page with 20 disclosures goes, by a profile of Disclosures/mask/20 (` + "`-cpuprofile`" + `, 30 November 2026): a sixth is writing the record, here by
encoding/json (the journal writes and reads it by hand); a seventh finding what is disclosed, which is what the page is inspected for; a tenth following
the HTML for the places, for which each tag is looked at once; a fourteenth allocating, mostly the disclosures themselves, which the journal is handed; a sixteenth
classing (what the request carried, and what its session typed in); a twentieth the digest of the body, GMAC under HMAC (SHA-256 over
all of it took twice as long); a thirtieth the search for credentials, with the kernel's vectors. What would help most, and has not been tried: finding the
tags of scripts with the kernel, and handing the journal disclosures that share what they have in common.`

func (p *page) notices(b *benchmarks) {
	p.line("Machine: %s.\n\n%s\n", machine(), whatANoticeIs)
	p.line("`%s`\n", b.Command)
	p.table("", "x naive", "x pooled", "x pooled, by processor", "figures")
	for _, l := range b.Lines {
		p.line("| %s | %s | %s | %s | %s |", l.Name, ratio(b, l.Name, "Campaign/naive-"), ratio(b, l.Name, "Campaign/pooled-"),
			divided(processor(b, "Campaign/pooled-"), processor(b, l.Name)), strings.Join(l.Metrics, ", "))
	}
	p.line("\nWith RSA, and by processor time, %s of what the cores can sign (RSAOnly beside \"journalled,rsa,ed25519\" and its sink).\n",
		divided(metric(b, "RSAOnly", "cpu-µs/op"), processor(b, "Campaign/journalled,rsa,ed25519-")))
	p.line("%s", whereNoticesTakeTime)
}

const whatANoticeIs = `Each notice is opened from two seals, written by the real texts, built and signed, and goes to a sink in a process of its own, over 16
connections. Its intent is synced to the disk before the end of the message leaves, and the answer after it. "journalled" alone: the same, with the bytes of one
message for everybody, so that what the account costs can be told from what composing and signing cost. "naive": net/smtp, a connection for each message. "pooled": a
connection that stays, a command at a time. Both keep no account, and send one message's bytes. "ceiling": bytes written without a look at the answers.
cpu-µs: processor time of the sender, the store's server and its syncs counted in; sink-µs: of the other side. "by processor" compares the sum of both, which is what
bounds them where nothing else does, and is hardly changed by what else a machine is busy with. MB: the most memory that the sender's process had (VmHWM).`

// whereNoticesTakeTime is from profiles of BenchmarkCampaign (-cpuprofile), and what a run cannot say.
const whereNoticesTakeTime = `Goals: journalled, >= 4 x listmonk without DKIM, >= listmonk with Ed25519; with RSA >= 0.9 of what the cores can sign. listmonk itself is not measured here. By
the figures that the goals are from, it sends a third of what "pooled" does: so that four times listmonk is about 1.3 x pooled, and listmonk 0.33 x pooled.

How it is done: a connection has up to four people ahead of whom it is sending to, whose messages are made and whose intents are recorded meanwhile; so that hardly an
intent is waited for, and one sync serves many. A relay that offers CHUNKING and PIPELINING gets a message and the next one's MAIL and RCPT in one write. Lines that are the same
in everybody's notice are encoded once; what a text says to many is filled in once. The fold into the ledger reads the same record beside all this, and nothing waits for it; it is
not in these figures.

Where the time goes, of the sender's, with Ed25519: a third opens the two seals, most of it X25519; an eighth makes two Ed25519 signatures, DKIM's and the notice's own;
an eighth writes the texts; a fifteenth is SHA-256 of what is signed; a tenth is the network; a twentieth the store, with its syncs; a tenth is taking memory and
collecting it. With RSA, three quarters is that signature: what is missing to 0.9 is the two seals and the two other signatures, which are of elliptic curves and
have no cheaper form in Go's library.

A million: ` + "`make bench ONLY=delivery FULL=1`" + `, which says each ten seconds how far it is; or
` + "`CANDOR_BENCH_PROGRESS=/dev/tty CANDOR_BENCH_NOTICES=1000000 go test -run '^$' -bench '^BenchmarkCampaign$/^journalled,ed25519$' -benchtime 1x -timeout 3h ./internal/delivery`" + `. A
thousand people take turns in it, so that making their seals takes no time: each notice opens two all the same. Memory goes with how fast it is sent, because
the store's server keeps what it wrote for some seconds, and not with how many there are; ` + "`delivery.MemoryLimit`" + ` bounds what Go adds to that.

A million on 30 November 2026, with nothing else on the machine, signed with Ed25519: 7,200 a second, 225 µs of processor time each (and the sink's 28), 147 MB at most, all
of it in 2 min 19 s. Two million "journalled" on the same day: 18,700 a second, 218 MB.

Nobody twice, nobody lost: ` + "`CANDOR_TEST_RUNS=1000 go test ./internal/delivery -run TestNobodyTwiceNobodyLost -timeout 3h`" + `. On 30 November 2026 at 22:33 UTC (the code of 995fa85, seed
1796077980928642555): all 1,000 passed, in five minutes.`

// ratio of notices a second; a dash for what measures something else.
func ratio(b *benchmarks, name, to string) string {
	return divided(metric(b, name, "notices/s"), metric(b, to, "notices/s"))
}

// processor is what a notice takes of it on both sides, in µs; 0: it measures something else.
func processor(b *benchmarks, name string) float64 {
	return metric(b, name, "cpu-µs/notice") + metric(b, name, "sink-µs/notice")
}

func divided(one, other float64) string {
	if one == 0 || other == 0 {
		return "–"
	}
	return short(one / other)
}

// metric is what the first benchmark of this beginning measured in a unit; 0: it measures something else.
func metric(b *benchmarks, name, unit string) (v float64) {
	for _, l := range b.Lines {
		for _, m := range l.Metrics {
			if strings.HasPrefix(l.Name, name) && strings.HasSuffix(m, " "+unit) {
				fmt.Sscan(m, &v)
				return v
			}
		}
	}
	return 0
}

// short writes a number with three digits or so.
func short(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

// machine describes this one, from /proc.
func machine() string {
	info := map[string]string{}
	cpuinfo, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(cpuinfo)) {
		name, value, _ := strings.Cut(line, ":")
		info[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	flags := strings.Fields(info["flags"])
	var vector []string
	for _, f := range []string{"avx2", "avx512bw", "avx512_vbmi", "avx512vbmi", "sha_ni"} {
		if slices.Contains(flags, f) {
			vector = append(vector, f)
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%s, family %s model %s, %d cores, %s cache, %s; Linux %s; %s", info["model name"], info["cpu family"], info["model"], runtime.NumCPU(), info["cache size"],
		strings.Join(vector, ", "), strings.TrimSpace(string(kernel)), runtime.Version())
}

func load() string {
	b, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(b))[:min(3, len(strings.Fields(string(b))))], " ")
}

// commit names the tree that was measured.
func commit(o options) string {
	id, err := run(o.root, nil, "git", "describe", "--always", "--dirty")
	if err != nil {
		return "unknown"
	}
	return id
}
