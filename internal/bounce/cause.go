package bounce

import (
	"regexp"
	"slices"
	"strings"
)

// The causes.
const (
	NoMailbox        = "no-mailbox"
	NoDomain         = "no-domain"
	MailboxFull      = "mailbox-full"
	MailboxDisabled  = "mailbox-disabled"
	Blocked          = "blocked"           // by policy, or as unwanted
	NotAuthenticated = "not-authenticated" // SPF, DKIM or DMARC did not satisfy the receiver: the publisher's to mend
	TooLarge         = "too-large"
	Expired          = "expired" // a relay gave up
	Unreachable      = "unreachable"
	Loop             = "loop"
	System           = "system" // the receiver's trouble
	Relayed          = "relayed"
	Abuse            = "abuse"
	Other            = "other"
)

// Causes is the closed list; the last three but Other are types of complaints (RFC 5965 §7.3).
var Causes = []string{NoMailbox, NoDomain, MailboxFull, MailboxDisabled, Blocked, NotAuthenticated, TooLarge, Expired, Unreachable, Loop, System, Relayed, Abuse, "fraud", "virus", Other}

// phrases are what servers say, the most certain first. Where a status and the words disagree, the words are right: 5.1.10 is "null MX" (RFC 7505) and, at
// Microsoft, "RecipientNotFound"; 5.4.1 is "no answer" and, there, "Recipient address rejected".
var phrases = []struct {
	cause string
	form  *regexp.Regexp
}{
	{NoDomain, words(`(host|domain)( or domain)?( name)? (was |is )?not found|no such (domain|host)|unrouteable (mail )?domain|domain (does not|doesn't) exist|nxdomain|null mx|(does not|doesn't) accept mail|couldn't find any host|name or service not known|host unknown|unknown (host|domain)|bad (destination )?(host|domain)|all relevant mx records point to non-existent hosts`)},
	{MailboxFull, words(`(mail)?box(es)? (is |was |has been )?(over)?full|over ?quota|quota (has been )?exceeded|exceed(s|ed|ing)?( \w+){0,3} (quota|storage)|quota violation|insufficient (system |disk )?storage|out of (storage|disk|space)|inbox is full|mailbox has exceeded|not enough (storage )?space|storage quota|mailbox size limit`)},
	{MailboxDisabled, words(`(mailbox|account|user|recipient|address)( \S+)? (is |has been |was |currently |temporarily )*(disabled|inactive|suspended|deactivated|closed|locked|blocked for inactivity|not active|unavailable or inactive)|inactive (user|mailbox|account)|disabled (user|mailbox|account)`)},
	{NotAuthenticated, words(`dmarc|dkim|spf|unauthenticated (mail|email)|does not pass authentication|authentication checks?|5\.7\.515|domainkeys|sender id`)},
	{NoMailbox, words(`(user|recipient|mailbox|account|address|alias|addressee)( \S+)?( is| was| name)? (unknown|not (be )?found|not known|invalid|non-?existent|not exist|not listed|couldn't be found|could not be found|wasn't found)|(unknown|no such|invalid|illegal|non-?existent|bad)( or (illegal|invalid))? (\S+ )?(user|recipient|mailbox|account|address|alias|person|local part|destination|rcpt|customer)|(does not|doesn't|did not|not) (currently )?(exist|have an? (\S+ )?account)|no mailbox( here)?( by that name)?|recipient ?not ?found|recipientnotfound|recnotfound|nosuchuser|recipient address rejected|address rejected|not our customer|no longer (available|valid|employed|with|in use)|unrouteable address|wasn't found at|unknown in \S+ (recipient|virtual)|is not a (known|valid) (user|mailbox|recipient)|address couldn't be found|address not found|unknown virtual mailbox`)},
	{TooLarge, words(`(message|mail|size) (is |was )?(too (large|big)|exceeds)|exceeds? (the )?(maximum |fixed )?(message )?size|size limit`)},
	{Loop, words(`too many hops|mail (is )?loop(s|ing)?|loops? back|hop count exceeded|routing loop`)},
	{Expired, words(`retry timeout exceeded|too long in( the)? queue|in (the )?queue too long|time ?out in queue|message (has )?expired|delivery time expired|delivery expired|not going to try again|has been (on|in) the queue|messageexpired|queue\.expired`)},
	{Blocked, words(`spam(m(y|ing)|haus)?|black-?list(ed)?|block-?list(ed)?|block list|blocked|reputation|rbl|dnsbl|(by|of|local|security) polic(y|ies)|policy (violation|reasons?|restrictions?|rejection)|unsolicited|banned|denied|not (permitted|allowed|authori[sz]ed)|junk|prohibited|rejected (by|due|for)|content (rejected|filter)|refused to talk|virus`)},
	{Unreachable, words(`connection (timed out|refused|reset|closed|dropped)|no route to host|(could|can) ?not connect|couldn't connect|network is unreachable|host is unreachable|timed out|lost connection|temporarily deferred|gr[ea]ylist(ed|ing)?|try again later|not responding|no answer from host`)},
	{System, words(`disk full|internal (server )?error|local error|configuration (error|problem)|temporary (failure|lookup failure|problem)|service (un|not )available|out of memory|resources`)},
}

func words(form string) *regexp.Regexp { return regexp.MustCompile(`(?i)\b(?:` + form + `)\b`) }

// phrased is the cause that words say, or empty.
func phrased(text string) string {
	if len(text) > maxText {
		text = text[:maxText]
	}
	text = strings.NewReplacer("’", "'", "\r", " ", "\n", " ", "_", " ").Replace(text)
	for _, p := range phrases {
		if p.form.MatchString(text) {
			return p.cause
		}
	}
	return ""
}

// causeOf: the words, else the status.
func causeOf(text, status string) string {
	if c := phrased(text); c != "" {
		return c
	}
	return statusCause(status)
}

// statusCause is by the subject and detail of RFC 3463 §3, as the IANA registry continues them.
func statusCause(status string) string {
	class, rest, ok := strings.Cut(status, ".")
	if !ok {
		return Other
	}
	subject, detail, _ := strings.Cut(rest, ".")
	if c, ok := statuses[rest]; ok {
		if rest == "4.4" && class == "4" { // no route now, or none at all
			return Unreachable
		}
		return c
	}
	switch {
	case subject == "7" && len(detail) == 2 && detail[0] == '2' && detail <= "27", rest == "7.515":
		return NotAuthenticated // RFC 7372, and Microsoft's
	case subject == "7":
		return Blocked
	case subject == "3", subject == "5", subject == "6":
		return System
	case subject == "4":
		return Unreachable
	case subject == "1":
		return NoMailbox
	}
	return Other
}

var statuses = map[string]string{
	"1.2": NoDomain, "1.10": NoDomain, "1.7": Other, "1.8": Other, "1.9": Other,
	"2.1": MailboxDisabled, "2.2": MailboxFull, "2.3": TooLarge,
	"3.1": System, "3.4": TooLarge, "4.4": NoDomain, "4.6": Loop, "4.7": Expired,
}

// later are causes that time may mend, whatever the class of the status.
var later = []string{MailboxFull, Expired, Unreachable, System}

// hard: class 5 (RFC 3463 §2), or no status and words that are certain.
func hard(status, cause string) bool {
	if slices.Contains(later, cause) {
		return false
	}
	switch {
	case strings.HasPrefix(status, "5"):
		return true
	case strings.HasPrefix(status, "4"):
		return false
	}
	return slices.Contains([]string{NoMailbox, NoDomain, MailboxDisabled}, cause)
}

var (
	statusForm = regexp.MustCompile(`(?:^|[^.\d\w])([245]\.\d{1,3}\.\d{1,3})(?:[^.\d\w]|\.?$|\.\s)`)
	replyForm  = regexp.MustCompile(`(?:^|[\s:(>"-])([45][0-5]\d)(?:[ \-:#]|$)`)
	ipForm     = regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`)
)

// statusIn is a failure's status in words, else its reply code.
func statusIn(text string) string {
	for _, s := range statusForm.FindAllStringSubmatch(text, 10) {
		if s[1][0] != '2' {
			return s[1]
		}
	}
	if s := replyForm.FindStringSubmatch(text); s != nil {
		return s[1]
	}
	return ""
}

// vague statuses say less than a reply may.
func vague(status string) bool { return strings.HasSuffix(status, ".0.0") }
