package bounce

import (
	"regexp"
	"strings"

	"candor.example/internal/notice"
)

// judge says what a message is. Reports of a form that a standard gives come first.
func (m *mail) judge() Report {
	switch {
	case len(m.feedback) > 0:
		return m.complaint()
	case len(m.recipients()) > 0:
		return m.delivery()
	case m.mdn:
		return Report{Kind: AutoReply} // somebody's mail program says that it was shown, or not
	case oldComplaint.MatchString(m.head.get("subject")) && len(m.returned) > 0:
		return Report{Kind: notice.Complained, Cause: Abuse}
	case m.isBounce():
		return m.worded()
	case m.isAutoReply():
		return Report{Kind: AutoReply}
	}
	return Report{Kind: Unknown}
}

// oldComplaint: Microsoft's junk mail reports before they were ARF.
var oldComplaint = regexp.MustCompile(`(?i)^complaint about message from `)

// complaint is RFC 5965 §3.1: the types, of which "not-spam" is none, and "auth-failure" (RFC 6591) says nothing of what a person wants.
func (m *mail) complaint() Report {
	switch kind := strings.ToLower(m.feedback[0].get("feedback-type")); kind {
	case "abuse", "fraud", "virus", "other":
		return Report{Kind: notice.Complained, Cause: kind}
	}
	return Report{Kind: Unknown}
}

// recipients are the blocks of a delivery report that concern one (RFC 3464 §2.3).
func (m *mail) recipients() (all []fields) {
	for _, f := range m.reports {
		if f.get("action") != "" || f.get("status") != "" {
			all = append(all, f)
		}
	}
	return all
}

// actions in order of what they mean for a message that has one recipient: if a report names several (an alias), one failure is one.
var actions = []struct {
	action string
	kind   notice.EventKind
}{{"failed", notice.Returned}, {"delayed", notice.Delayed}, {"delivered", notice.Delivered}, {"relayed", notice.Delayed}, {"expanded", notice.Delayed}}

func (m *mail) delivery() Report {
	for _, a := range actions {
		for _, f := range m.recipients() {
			if word, _, _ := strings.Cut(strings.ToLower(f.get("action")), " "); strings.Trim(word, ";,.") == a.action {
				return m.delivered(a.kind, a.action, f)
			}
		}
	}
	return m.delivered(notice.Returned, "failed", m.recipients()[0]) // a status, and no action that is one
}

func (m *mail) delivered(kind notice.EventKind, action string, f fields) Report {
	r := Report{Kind: kind}
	if s := statusForm.FindStringSubmatch(f.get("status")); s != nil {
		r.Status = s[1]
	}
	if r.Kind == notice.Returned && strings.HasPrefix(r.Status, "2") {
		r.Kind = Unknown // it contradicts itself
		return r
	}
	if action == "relayed" || action == "expanded" {
		r.Cause = Relayed
		return r
	}
	if kind == notice.Delivered {
		return r
	}
	diagnostic := f.get("diagnostic-code")
	_, words, typed := strings.Cut(diagnostic, ";") // "smtp; 550 …"
	if !typed {
		words = diagnostic
	}
	if s := statusIn(words); s != "" && (r.Status == "" || vague(r.Status)) {
		r.Status = s
	}
	r.Cause, r.Detail = causeOf(words, r.Status), m.mask(words)
	if r.Detail == "" || r.Cause == Other {
		// Some say it in the text only.
		if line := saying(beforeCopy(m.text)); line != "" && r.Detail == "" {
			r.Cause, r.Detail = causeOf(line, r.Status), m.mask(line)
		}
	}
	r.Hard = r.Kind == notice.Returned && hard(r.Status, r.Cause)
	return r
}

// isBounce: a machine that delivers mail wrote it.
func (m *mail) isBounce() bool {
	if m.head.get("x-failed-recipients") != "" { // Exim, Gmail
		return true
	}
	daemon := daemonForm.MatchString(m.head.get("from")) || m.head.get("return-path") == "<>"
	subject := bounceSubject.MatchString(m.head.get("subject"))
	text := bounceText.MatchString(m.text)
	return daemon && (subject || text) || subject && text
}

var (
	daemonForm    = regexp.MustCompile(`(?i)\b(mailer[-_.]?daemon|postmaster|mail[-_. ]?delivery|mailsystem|microsoftexchange|system administrator|noreply-dmarc)`)
	bounceSubject = regexp.MustCompile(`(?i)(undeliver|delivery (status notification|failure|has failed|problem|report)|returned mail|return(ed|ing) message|failure notice|mail delivery (failed|system|error)|message (delivery )?delayed|delayed mail|could not be delivered|not delivered|warning: (could not send|message)|nondeliverable|unzustellbar|non remis|no se (pudo|ha podido) entregar|mancato recapito|onbestelbaar|niedostarczon|não entregue|配信不能)`)
	bounceText    = regexp.MustCompile(`(?i)(this is the (qmail-send|postfix|mail) (program|system)|was(n't| not) (able to be )?deliver|could ?n(o|')t (be deliver|deliver)|unable to deliver|undeliverable|did not reach|permanent (fatal )?error|delivery (to the following|has failed|attempts? (has|have) failed)|(has|have) not (yet )?been delivered|recipient address rejected|user unknown|addresses? failed|zugestellt werden|returned to (you|sender)|failed permanently)`)
	delayText     = regexp.MustCompile(`(?i)(delivery (attempts )?(will|is) (continue|be(ing)? (re)?tr|retried|delayed)|will (be retried|continue to|keep trying|retry)|has not yet been delivered|warning message only|you do not need to resend|delayed (mail|delivery|message)|message (delivery )?delayed|still being retried|\bdelayed\b.*\bretry)`)
	finalText     = regexp.MustCompile(`(?i)(permanent|giving up|gave up|i'm not going to try again|will not be retried|has failed|retry timeout exceeded)`)
)

// worded reads a bounce of a program that knows no RFC 3464: qmail, Exim, sendmail before 8.8, Yahoo, Gmail, Exchange.
func (m *mail) worded() Report {
	r := Report{Kind: notice.Returned}
	text := beforeCopy(m.text)
	if s := m.head.get("subject"); (delayText.MatchString(text) || delayText.MatchString(s)) && !finalText.MatchString(text) {
		r.Kind = notice.Delayed
	}
	line := saying(text)
	r.Status = statusIn(line)
	if r.Status == "" {
		r.Status = statusIn(text)
	}
	if r.Cause = causeOf(line, r.Status); r.Cause == Other {
		r.Cause = causeOf(text, r.Status)
	}
	r.Detail = m.mask(line)
	r.Hard = r.Kind == notice.Returned && hard(r.Status, r.Cause)
	return r
}

var copyBegins = regexp.MustCompile(`(?im)^[-=\s]*(below this line is a copy of the message|this is a copy of (the|your) message|original message|content of original message|returned message|unsent message|message header follows|original message headers|the body of the message|message contents)\b`)

// beforeCopy is what the reporter says, without the notice that it quotes.
func beforeCopy(text string) string {
	if at := copyBegins.FindStringIndex(text); at != nil {
		return text[:at[0]]
	}
	return text
}

// saying is the line that says why, with the line behind it, in which many continue: the first with a status, else with a reply code, else with words that say a
// cause.
func saying(text string) string {
	lines := strings.Split(text, "\n")
	for _, is := range []func(string) bool{
		func(l string) bool {
			return statusForm.MatchString(l) && !ipForm.MatchString(l) || replyForm.MatchString(l) && statusForm.MatchString(l)
		},
		replyForm.MatchString,
		func(l string) bool { return phrased(l) != "" },
	} {
		for i, l := range lines {
			if l = strings.TrimSpace(l); l == "" || len(l) > 2000 || !is(l) {
				continue
			}
			if i+1 < len(lines) {
				l += " " + strings.TrimSpace(lines[i+1])
			}
			return l
		}
	}
	return ""
}

// isAutoReply: RFC 3834 §5 and what came before it.
func (m *mail) isAutoReply() bool {
	if auto, _, _ := strings.Cut(strings.ToLower(m.head.get("auto-submitted")), ";"); auto != "" && strings.TrimSpace(auto) != "no" {
		return true
	}
	for _, name := range []string{"x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-response-from", "x-mail-autoreply"} {
		if m.head.get(name) != "" {
			return true
		}
	}
	precedence := strings.ToLower(m.head.get("precedence"))
	return precedence == "auto_reply" || strings.Contains(strings.ToLower(m.head.get("x-auto-response-suppress")), "all") && autoSubject.MatchString(m.head.get("subject")) ||
		autoSubject.MatchString(m.head.get("subject"))
}

var autoSubject = regexp.MustCompile(`(?i)^\s*(auto(matic|mated)?[- :]*(reply|response|antwort)|out of (the )?office|autoreply|auto:|abwesen|abwesenheit|automatische antwort|réponse automatique|absence du bureau|respuesta automática|fuera de la oficina|risposta automatica|fuori sede|automatisch antwoord|afwezig|autoodpowiedź|odpowiedź automatyczna|resposta automática|自動(返信|応答)|不在)`)
