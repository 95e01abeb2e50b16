package incident

import (
	"regexp"
	"slices"
	"strings"

	"candor.example"
)

// One rule for each cause: what speaks for it and what against, with figures. What a rule asks for must hold in any shop, by the reason that
// stands with it; internal/simulate plays each cause against all of them.

// memory: a server that sends more than the document reads what lay behind it in memory: other people's requests and pages (Cloudbleed, 2017;
// Heartbleed, CVE-2014-0160). Nobody's template writes there.
func memory(f *facts) (p finding) {
	p.fits = f.count(func(r candor.Response) bool { return r.AfterEnd })
	p.speaks(p.fits > 0, "In %d of %d responses the data stood behind the end of the document.", p.fits, f.n)
	p.contradicts(p.fits == 0 && f.n > 0, "In none of %d responses did anything stand behind the document's end.", f.n)
	whole := f.count(func(r candor.Response) bool { return r.Twins.Owner })
	p.contradicts(f.nearly(whole), "%d of %d pages were sent to their owners as well: whole pages, and no scraps of memory.", whole, f.n)
	trace := f.count(troubled)
	p.contradicts(f.nearly(trace), "%d of %d responses were errors: what was appended is an error's account.", trace, f.n)
	p.enough = 5*p.fits >= 4*f.n && f.n >= 2 // scraps may look as if the document went on
	return p
}

// errorPage: error messages that hold data of the request at hand, or of another one (CWE-209; API8:2023 names stack traces).
func errorPage(f *facts) (p finding) {
	p.fits = f.count(troubled)
	trace := f.count(func(r candor.Response) bool { return r.Trouble == "trace" })
	p.speaks(p.fits > 0, "%d of %d responses were errors (status 400 or above), or held a stack trace or a debugger's page (%d).", p.fits, f.n, trace)
	p.contradicts(p.fits == 0 && f.n > 0, "None of %d responses was an error or held a stack trace.", f.n)
	p.enough = f.nearly(p.fits)
	return p
}

func troubled(r candor.Response) bool { return r.Trouble != "" || r.Status >= 400 }

// deception: "/account/x.css" is answered with the account, by a shop that ignores what it does not know of a path, and kept by a cache that
// goes by the name (Gil, Web Cache Deception, 2017; Mirheidari et al., USENIX Security 2020 and 2022).
func deception(f *facts) (p finding) {
	p.fits = f.count(func(r candor.Response) bool { return r.Deceptive })
	kept := f.count(func(r candor.Response) bool { return r.Deceptive && (r.Cached || r.Twins.Owner) })
	p.speaks(p.fits > 0, "%d of %d responses were asked for under a static file's name and were none.", p.fits, f.n)
	p.speaks(kept > 0, "%d of them came out of a cache, or had been sent to their owner before.", kept)
	p.contradicts(p.fits == 0 && f.n > 0, "None of %d responses was asked for under a static file's name.", f.n)
	p.enough = f.nearly(p.fits) && 2*kept >= p.fits && kept > 0
	return p
}

// coalesced: what joins requests for one address gives all of them one answer, and may only do so with what may be kept (RFC 9111 §4). Then the
// viewers of a page waited at one moment, and nobody gets it later.
func coalesced(f *facts) (p finding) {
	overlap := f.count(func(r candor.Response) bool { return r.Twins.Overlap })
	said := f.count(collapsed)
	p.fits = max(overlap, said)
	sharable := f.count(func(r candor.Response) bool { return r.Shareable })
	p.speaks(overlap > 0, "%d of %d pages went to several viewers who were waiting at the same time.", overlap, f.n)
	p.speaks(said > 0, "A cache said of %d of %d responses that it joined requests (Cache-Status: collapsed).", said, f.n)
	p.speaks(overlap > 0 && f.some(overlap) && sharable == 0, "None of them may be kept by a shared cache.")
	p.contradicts(p.fits == 0 && f.n >= 3 && f.compared(), "Of %d pages none went to two viewers who were waiting at the same time.", f.n)
	kept := f.count(func(r candor.Response) bool { return r.Cached && !collapsed(r) })
	p.contradicts(f.some(kept), "%d of %d responses came out of a cache, where they had been kept.", kept, f.n)
	apart := f.count(func(r candor.Response) bool { return twinned(r) && !r.Twins.Overlap })
	p.contradicts(apart >= 2 && f.some(apart), "%d of %d pages went to a viewer after the others had theirs.", apart, f.n)
	p.contradicts(f.n >= 3 && !f.together(), "Viewers of one page did not all wait at one moment.")
	f.ownPage(&p)
	f.severalPeople(&p)
	p.enough = !f.some(sharable) && (overlap >= 3 && 2*overlap >= f.n && f.turns >= 2 || said > 0 && f.nearly(said))
	return p
}

// sharedCache: a cache gives a page to whoever asks for its address, so that one address shows one person after another, as whoever fills
// the cache does (RFC 9111 §4, CWE-524). A cache is blamed only when it had a hand in nearly every disclosure: a page that is wrong at its source
// is often cached as well.
func sharedCache(f *facts) (p finding) {
	hits := f.count(func(r candor.Response) bool { return r.Cached })
	fromShop := f.count(fresh)
	apart := f.count(func(r candor.Response) bool { return twinned(r) && !r.Twins.Overlap })
	owned := f.count(func(r candor.Response) bool { return r.Twins.Owner })
	p.fits = f.count(func(r candor.Response) bool { return r.Cached || f.shared(r) })
	p.speaks(hits > 0, "%d of %d responses came out of a shared cache, by what it says itself (%s).", hits, f.n, f.cacheWords())
	p.speaks(apart > 0, "%d of %d pages were sent to different viewers one after the other; %d had been sent to their owners.", apart, f.n, owned)
	p.speaks(f.replayed() > 0, "%s sent again with the Date of the first time.", count(f.replayed(), "page was", "pages were"))
	p.speaks(f.turns >= 2, "One address showed %d different people, one after the other.", f.turns)
	p.contradicts(p.fits == 0 && f.n >= 3 && f.compared(), "No cache says that it had a hand in any of %d responses, and no page went to two viewers.", f.n)
	p.contradicts(fromShop >= 2 && f.some(fromShop), "%d of %d responses came fresh from the shop, by what the cache says, and disclosed all the same.", fromShop, f.n)
	once := f.once()
	p.contradicts(2*once > f.n && f.n >= 4 && hits == 0, "%d of %d pages went to nobody else, not to their owners either: a cache has only what was made for somebody.", once, f.n)
	deceptive := f.count(func(r candor.Response) bool { return r.Deceptive })
	p.contradicts(f.nearly(deceptive), "The cache was deceived: all but %d of %d pages were asked for under a static file's name.", f.n-deceptive, f.n)
	errors := f.count(troubled)
	p.contradicts(f.nearly(errors), "%d of %d responses were errors, which show what they do at their source.", errors, f.n)
	f.ownPage(&p)
	f.severalPeople(&p)
	personal := f.nearly(f.count(alone)) && (f.turns >= 2 && 2*f.changing >= f.n || owned > 0 && f.nearly(f.count(f.atUsualPlace)))
	p.enough = personal && (f.nearly(hits) || f.nearly(p.fits) && f.replayed() > 0 && f.turns >= 2)
	return p
}

// cacheWords is what a cache said of the oldest response.
func (f *facts) cacheWords() string {
	age, status := 0, ""
	for _, r := range f.ended {
		age = max(age, r.Age)
		if r.Cached && r.CacheStatus != "" {
			status = r.CacheStatus
		}
	}
	s := count(age, "second old at most", "seconds old at most")
	if status != "" {
		s += ", " + status
	}
	return s
}

// fragment: a part of the page, made for one person, is kept by the shop under a key that does not hold the person, and put into pages that
// are made for each viewer: the same person again and again, in pages that differ (CWE-524).
func fragment(f *facts) (p finding) {
	again, differing := f.again()
	p.fits = again
	usual := f.count(f.atUsualPlace)
	own := f.count(func(r candor.Response) bool { return r.Own > 0 })
	p.speaks(differing > 0, "%d of %d responses showed a person whom other viewers were shown, too, in pages that were not the same.", differing, f.n)
	p.speaks(own > 0, "%d of %d pages held the viewer's own data beside it.", own, f.n)
	p.speaks(usual > 0, "%d of %d times it stood where visitors see their own (%s).", usual, f.n, f.places())
	p.contradicts(again == 0 && f.n >= 4, "Of %d responses no two showed the same person to different viewers.", f.n)
	hits := f.count(func(r candor.Response) bool { return r.Cached })
	p.contradicts(f.nearly(hits) && own == 0, "All but %d of %d pages came whole out of a cache.", f.n-hits, f.n)
	p.contradicts(usual == 0 && f.n >= 4 && f.seen() >= 3, "It never stood where visitors see their own (%s).", f.places())
	f.byAddress(&p)
	f.severalPeople(&p)
	scattered, lasting := f.scattered(), f.lasting()
	moves := 2*f.changing >= f.n || scattered >= 2 // it is not the address that decides whom it shows
	p.enough = f.n >= 4 && f.nearly(usual) && 10*differing >= 6*f.n && moves && (2*own >= f.n || scattered >= 2 && 2*lasting >= f.n)
	p.speaks(p.enough && scattered > 0, "%s at three addresses or more, so that it is not the page that was kept.", count(scattered, "person was shown", "people were shown"))
	return p
}

// seen is how often visitors were shown their own data.
func (f *facts) seen() (n int64) {
	for _, responses := range f.usual {
		n += responses
	}
	return n
}

// scattered are people who were shown at three addresses or more, each of which showed others as well.
func (f *facts) scattered() (people int) {
	for _, rs := range f.people {
		if different(rs, func(r candor.Response) string { return r.Object }) >= 3 && different(rs, viewer) >= 2 {
			people++
		}
	}
	return people
}

// mixUp: one request gets the answer, or the session, of another (CWE-488; Redis-py's connections and ChatGPT, March 2023). The page is whole
// and made for somebody, it went to one wrong viewer, and neither address nor cache says whose it is.
func mixUp(f *facts) (p finding) {
	p.fits = f.count(func(r candor.Response) bool {
		return alone(r) && f.atUsualPlace(r) && !r.Cached && byAddressOnly(r) && !r.AfterEnd && !r.Deceptive && !troubled(r)
	})
	once := f.once()
	p.speaks(p.fits > 0, "%d of %d responses were pages of one other person, whole; %d of all went to nobody else.", p.fits, f.n, once)
	p.speaks(f.changing > 0, "The address does not say whose page it is: one address showed %d different people.", f.turns)
	hits := f.count(func(r candor.Response) bool { return r.Cached })
	p.contradicts(f.some(hits), "%d of %d responses came out of a shared cache.", hits, f.n)
	many := f.count(func(r candor.Response) bool { return r.Twins.Viewers > 1 })
	p.contradicts(2*many > f.n, "%d of %d pages went to three viewers or more: an answer that goes astray goes once.", many, f.n)
	for _, sign := range []struct {
		is   func(candor.Response) bool
		what string
	}{{func(r candor.Response) bool { return r.AfterEnd }, "In %d of %d responses the data stood behind the document's end: no whole page of another."},
		{troubled, "%d of %d responses were errors."}} {
		k := f.count(sign.is)
		p.contradicts(f.some(k), sign.what, k, f.n)
	}
	f.byAddress(&p)
	f.ownPage(&p)
	f.severalPeople(&p)
	flat := f.Spread.Viewers >= 3 && !f.walked()
	p.enough = f.n >= 4 && f.nearly(p.fits) && 2*once > f.n && len(f.people) >= 3 && flat && 10*f.changing >= 8*f.n && 4*f.lasting() <= f.n
	return p
}

// byAddressOnly: what a request names, its address names. What is asked for in a POST's body is not in Object.
func byAddressOnly(r candor.Response) bool { return r.Method == "GET" || r.Method == "HEAD" }

// listing: a list of people, in which a row is a person: pages of an administrator, exports (CWE-862, API5:2023). In a response that is about
// something else, a person hangs on a row that is an article or a review.
func listing(f *facts) (p finding) {
	p.fits = f.count(func(r candor.Response) bool {
		return listed(r) && r.Owners >= 3 && (isTable(r) || r.Owners >= fewestRows && rowsArePeople(r))
	})
	tables := f.count(func(r candor.Response) bool { return listed(r) && isTable(r) })
	p.speaks(p.fits > 0, "%d of %d responses were lists whose rows are people, of %d people in the median.", p.fits, f.n, f.owners())
	p.speaks(tables > 0, "%d of them were tables or exports (%s).", tables, f.contentTypes())
	few := f.count(func(r candor.Response) bool { return !listed(r) })
	p.contradicts(f.some(few), "%d of %d responses did not list people.", few, f.n)
	hung := f.count(func(r candor.Response) bool {
		return listed(r) && !isTable(r) && !rowsArePeople(r) && !isDealing(r) && r.Owners < 100
	})
	p.contradicts(f.some(hung), "In %d of %d responses the people hang on rows of something else (%s).", hung, f.n, f.places())
	p.enough = f.nearly(p.fits)
	return p
}

// fewestRows is how many rows a page of a list usually has at least.
const fewestRows = 20

// isTable: CSV, spreadsheets, archives and streams of records are made for taking away.
func isTable(r candor.Response) bool {
	return slices.Contains(tables, r.ContentType) || strings.Contains(r.ContentType, "spreadsheet") ||
		len(r.Places) > 0 && !slices.ContainsFunc(r.Places, func(p string) bool { return !cell.MatchString(p) })
}

var (
	tables = []string{"text/csv", "application/csv", "text/tab-separated-values", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/vnd.ms-excel", "application/zip"}
	// cell is a place in an HTML table.
	cell = regexp.MustCompile(`^t[dhr]\b`)
	// row is an identifier that is itself a member of a list's element: $[].email, $.data.customers[].email. Some formats put an envelope
	// between: JSON:API's attributes, GraphQL connections' node.
	row = regexp.MustCompile(`\[\](\.(attributes|node|fields|properties))?\.[A-Za-z_]*(?i:mail|name|phone)[A-Za-z_]*$`)
	// another's: the key says that it is somebody's of the row, and not the row's own.
	ofRow   = regexp.MustCompile(`(?i)(author|seller|user|owner|creator|by|reviewer|sender)[A-Za-z]*_?(e_?mail|name|phone)[A-Za-z_]*$`)
	dealing = regexp.MustCompile(`(?i)(customer|buyer|billing|shipping|delivery|recipient|client|guest|patient|subscriber|member|payer|order|invoice|booking)`)
	// html is a place that is no JSON path.
	html = regexp.MustCompile(`^[a-z][a-z0-9]*(\.|\[|$)`)
)

// isDealing: a row is what somebody bought or is sent, and no more meant for others than a list of people. An author speaks to everybody.
func isDealing(r candor.Response) bool { return slices.ContainsFunc(r.Places, dealing.MatchString) }

func rowsArePeople(r candor.Response) bool {
	return len(r.Places) > 0 && !slices.ContainsFunc(r.Places, func(p string) bool { return !row.MatchString(p) || ofRow.MatchString(p) })
}

// hashed: MD5, SHA-1 and SHA-256 of an address are found by whoever has a list of addresses (Gravatar, 2009 and 2013; the Article 29 Working Party's Opinion
// 05/2014, §4: pseudonyms), and the page has no use for the address itself.
func hashed(f *facts) (p finding) {
	all := f.hashes()
	if all {
		p.fits = f.n
	}
	p.speaks(all, "All that was shown of anybody are hashes of addresses (%s).", kinds(f.Kinds))
	p.contradicts(!all && len(f.Kinds) > 0, "What was shown is in the clear: %s.", kinds(f.Kinds))
	p.contradicts(f.changing >= 2 && f.some(f.changing), "One address showed %d different people: how they came there is the cause, not the form in which they are shown.", f.turns)
	p.enough = all && f.n > 0 && (f.some(f.count(listed)) || !f.some(f.count(f.atUsualPlace)))
	return p
}

// hashes: nothing was shown in the clear. Their kinds are "email-" and an algorithm (scan.EmailMD5 and its like).
func (f *facts) hashes() bool {
	return len(f.Kinds) > 0 && !slices.ContainsFunc(f.Kinds, func(k candor.Kind) bool { return !strings.HasPrefix(string(k), "email-") })
}

func kinds(list []candor.Kind) string {
	var s []string
	for _, k := range list {
		s = append(s, string(k))
	}
	return strings.Join(s, ", ")
}

// inURL: what stands in a URL goes where the URL goes, to the sites that it is loaded from, logs and Referer (CWE-598; RFC 9110 §17.9). A
// link in a page that should not have been sent at all is not the cause, so only what browsers load unasked or are redirected to decides.
func inURL(f *facts) (p finding) {
	share := func(n int) bool { return n > 0 && n >= f.Disclosures-f.Disclosures/20 }
	if share(f.InURL) {
		p.fits = f.n
	}
	p.speaks(f.InURL > 0, "%d of %d disclosures stood in a URL, %d of them in one that browsers load from another site unasked, %d in a header.", f.InURL, f.Disclosures, f.ThirdParty, f.InHeader)
	p.contradicts(f.Disclosures > 0 && !share(f.InURL), "%d of %d disclosures stood in a URL, which is too few.", f.InURL, f.Disclosures)
	p.contradicts(share(f.InURL) && f.hashes(), "No address stood in a URL, only hashes of them.")
	p.enough = share(f.InURL) && (share(f.ThirdParty) || share(f.InHeader))
	whole := f.count(func(r candor.Response) bool { return r.Twins.Owner && twinned(r) })
	p.contradicts(f.nearly(whole) && !share(f.ThirdParty), "%d of %d pages were their owners', and went to somebody else.", whole, f.n)
	return p
}

// authentication: nobody had to say who they are (CWE-306, API2:2023). The address names the object, and whoever is not signed in gets it.
func authentication(f *facts) (p finding) {
	open := f.count(nobody)
	p.fits = f.count(func(r candor.Response) bool { return oneObject(r) && (nobody(r) || r.Viewer == "customer") })
	p.speaks(open > 0, "%d of %d responses went to somebody who was not signed in.", open, f.n)
	p.speaks(f.steady > 0, "%s the same person whoever asked.", count(f.steady, "address always showed", "addresses always showed"))
	p.contradicts(open == 0 && f.n >= 3, "All of the %d responses went to somebody who was signed in.", f.n)
	f.madeUp(&p)
	f.comesAndGoes(&p)
	f.severalPeople(&p)
	personal := f.nearly(f.count(func(r candor.Response) bool { return !r.Shareable }))
	p.speaks(personal && open > 0, "The shop itself says that the page is not to be shared.") // a seller's page that a script collects is
	p.enough = personal && (open >= 3 || open == 2 && f.some(open)) && f.objects()
	return p
}

// objectAccess: whoever is signed in can open any object by its id (CWE-639, API1:2023): the address decides who is shown, as it does for
// the owners, who see themselves at the same place.
func objectAccess(f *facts) (p finding) {
	p.fits = f.count(func(r candor.Response) bool { return oneObject(r) && r.Viewer == "customer" })
	open := f.count(nobody)
	p.speaks(p.fits > 0, "%d of %d responses showed what an id in the address names to a customer who is not its owner.", p.fits, f.n)
	p.speaks(f.walked(), "One viewer was shown %d of %d people.", f.Spread.MostOwners, f.Spread.Owners)
	p.speaks(f.steady > 0, "%s the same person whoever asked.", count(f.steady, "address always showed", "addresses always showed"))
	fixed := f.count(func(r candor.Response) bool { return r.Object == "" && byAddressOnly(r) })
	p.contradicts(f.nearly(fixed), "The address holds no id that one could change.")
	p.contradicts(open >= 2 && f.some(open), "%d of %d responses went to somebody who was not signed in at all.", open, f.n)
	f.madeUp(&p)
	f.comesAndGoes(&p)
	f.severalPeople(&p)
	p.enough = f.nearly(p.fits) && f.objects() && open == 0 // one who was not signed in shows that nobody asks
	return p
}

// madeUp: an address that nobody's page has, with the name of a static file in it, names no object.
func (f *facts) madeUp(p *finding) {
	k := f.count(func(r candor.Response) bool { return r.Deceptive })
	p.contradicts(f.nearly(k), "%d of %d responses were asked for under a static file's name, which names no object of anybody's.", k, f.n)
}

// oneObject: one person, nothing of the viewer's, and an id in the address, or perhaps in the body.
func oneObject(r candor.Response) bool {
	return alone(r) && (r.Object != "" || !byAddressOnly(r))
}

// objects: each address names one person, there are several, and somebody walked through them: else it is a page that many visit, such as a
// seller's. Owners see themselves at the same place, and few addresses are such as everybody visits.
func (f *facts) objects() bool {
	return f.nearly(f.count(oneObject)) && f.nearly(f.count(f.atUsualPlace)) && f.changing == 0 && len(f.people) >= 2 && len(f.addresses) >= 3 &&
		f.walked() && 5*f.visited <= len(f.addresses)
}

// excessiveData: the page is meant for everybody and says more of people than it needs (CWE-213, API3:2023): the same address shows the same
// people to whoever visits, at a place that is not the visitor's own.
func excessiveData(f *facts) (p finding) {
	lists := f.count(listed)
	hung := f.hung()
	unusual := f.count(func(r candor.Response) bool { return len(r.Places) > 0 && !f.atUsualPlace(r) })
	p.fits = max(hung, unusual)
	p.speaks(lists > 0, "%d of %d responses showed several people at one place (%s).", lists, f.n, f.places())
	p.speaks(unusual > 0, "%d of %d times it stood where visitors do not see their own.", unusual, f.n)
	p.speaks(f.wide >= 3, "One address showed the same person to %d viewers.", f.wide)
	tables := f.count(func(r candor.Response) bool { return listed(r) && isTable(r) })
	p.contradicts(f.nearly(tables), "%d of %d responses were tables of people and nothing else.", tables, f.n)
	f.signs(&p)
	p.contradicts(f.hashes(), "Nothing was shown but hashes of addresses.")
	f.comesAndGoes(&p)
	many := f.owners() >= 100
	dealings := f.count(func(r candor.Response) bool { return listed(r) && isDealing(r) })
	public := f.Spread.Viewers >= 10 || f.nested() || f.wide >= 3
	p.enough = !many && f.n >= 2 && (f.nearly(hung) && public && !f.some(dealings) || f.nearly(unusual) && f.wide >= 3 && 5*f.visited > len(f.addresses) && !f.walked() && len(f.people) >= 2)
	return p
}

// nested: the places are JSON paths, in which it shows on what a person hangs.
func (f *facts) nested() bool {
	return f.count(func(r candor.Response) bool { return slices.ContainsFunc(r.Places, html.MatchString) }) == 0
}

// What contradicts several causes alike.

// ownPage: a page with something of the viewer's was made for the viewer, and did not come whole from somebody else.
func (f *facts) ownPage(p *finding) {
	own := f.count(func(r candor.Response) bool { return r.Own > 0 })
	p.contradicts(own >= 2 && f.some(own), "%d of %d pages held the viewer's own data as well: they were made for the viewer.", own, f.n)
}

// severalPeople: what belongs to one person shows one person.
func (f *facts) severalPeople(p *finding) {
	k := f.count(listed)
	p.contradicts(f.some(k), "%d of %d responses showed several people at one place: it is no one person's page.", k, f.n)
}

// byAddress: addresses that were asked again showed the same person again, and none showed another: the address decides, not chance.
func (f *facts) byAddress(p *finding) {
	steady := f.steady
	p.contradicts(steady >= 2 && f.changing == 0 && len(f.people) >= 2, "%d addresses were asked again and always showed the same person: the address decides who is shown.", steady)
}

// comesAndGoes: one address showed one person and then another: it does not name whom it shows.
func (f *facts) comesAndGoes(p *finding) {
	k := f.changing
	p.contradicts(k >= 2 && f.some(k), "%d of %d responses are of addresses that showed different people in turn (up to %d): the address does not decide who is shown.", k, f.n, f.turns)
}

// signs: what stands behind the end of a document, in an error or only in URLs has a cause of its own.
func (f *facts) signs(p *finding) {
	behind, wrong := f.count(func(r candor.Response) bool { return r.AfterEnd }), f.count(troubled)
	p.contradicts(f.some(behind), "%d of %d times it stood behind the document's end.", behind, f.n)
	p.contradicts(f.nearly(wrong), "%d of %d responses were errors.", wrong, f.n)
	p.contradicts(f.Disclosures > 0 && f.InURL == f.Disclosures && f.ThirdParty+f.InHeader > 0, "All %d disclosures stood in a URL.", f.Disclosures)
}
