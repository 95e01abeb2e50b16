package bounce

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"candor.example/internal/notice"
)

// ordinary: nothing but words that servers use, and short numbers. A name that a server quotes is known to nobody here, so that every other word is
// hidden: status and cause say what is to be known.
func ordinary(w string) bool {
	for _, part := range strings.FieldsFunc(strings.ToLower(w), notWord) {
		if strings.Trim(part, "0123456789") == "" && len(part) <= 4 {
			continue
		}
		if !vocabulary[part] {
			return false
		}
	}
	return true
}

var vocabulary = func() map[string]bool {
	v := map[string]bool{}
	texts := []string{`a an and any are as at be been but by can cannot could did does doesn t s do for from had has have he here his i if in into is it its me more my no not of off on once or our out
over she so such than that the their them then there these they this those to too try trying up was we were when which will with you your
abuse accept accepted access account accounts action active after again against another attempt attempts available back bad because before being below bounce bounced box bytes check client code command company
complete connect connected connecting connection contact content correct count daemon data days deactivated deferred delay delayed deliver delivered delivery denied detail details diagnostic disabled disk dns domain due
during email enough envelope error errors esmtp exceed exceeded exceeds exist exists expired failed failure fatal file filter final first following full found further gave get giving goodbye group has helo help host hosts hours
inbox incoming information internal invalid ip issue known limit limits list local longer lookup lost mail mailbox mailboxes mailer maximum message messages minutes mx name network new next none notification null number
occurred open original other permanent permanently permitted please policy postmaster problem process processing program protocol queue quota reach read reason receive received receiver recipient recipients record refused
reject rejected relay relaying remote removed reply report request requested required requires resend resources response retry return returned rules said see seconds security send sender sending sent server servers service
session several sign site size smtp some sorry source space spam specified status storage subject support suspended syntax system table taken temporarily temporary text time times timed timeout tls too transaction transient
unable unavailable undeliverable undelivered unknown unreachable unreviewed until used user users using valid verify version via virtual virus visit wait warning within without wrong`}
	for _, p := range phrases {
		texts = append(texts, strings.NewReplacer(`\b`, " ", `\S`, " ", `\w`, " ").Replace(p.form.String()))
	}
	for _, text := range texts {
		for _, word := range strings.FieldsFunc(text, notWord) {
			v[word] = true
		}
	}
	return v
}()

// mask is a text without what is or looks like an address, what stands in brackets, and what the message elsewhere says is a part of an address or a
// name of a recipient: servers quote the local part alone, too.
func (m *mail) mask(text string) string {
	secrets := m.secrets()
	bracket, words := false, 0
	return notice.Detail(text, func(w string) bool {
		opens, closes := strings.ContainsAny(w, "<"), strings.ContainsAny(w, ">")
		hide := bracket || opens || secret(w, secrets) || !ordinary(w)
		bracket = (bracket || opens) && !closes && words < 50
		words++
		return hide
	})
}

func secret(w string, secrets map[string]bool) bool {
	low := strings.ToLower(w)
	if secrets[strings.TrimFunc(low, notWord)] {
		return true
	}
	for s := range secrets {
		if utf8.RuneCountInString(s) >= 4 && strings.Contains(low, s) {
			return true
		}
	}
	return false
}

// secrets are the local parts, domains and names of recipients, wherever the message names one, and their words.
func (m *mail) secrets() map[string]bool {
	s := map[string]bool{}
	add := func(text string) {
		for _, a := range addressForm.FindAllString(text, 20) {
			at := strings.LastIndexByte(a, '@')
			addWords(s, a[:at])
			s[strings.ToLower(strings.TrimRight(a[at+1:], ".>"))] = true
		}
	}
	for _, f := range m.reports {
		for _, name := range []string{"final-recipient", "original-recipient", "x-actual-recipient", "x-failed-recipients"} {
			for _, v := range f.all(name) {
				_, address, typed := strings.Cut(v, ";")
				if !typed {
					address = v
				}
				add(address)
				addWords(s, strings.TrimSpace(address)) // which may be a local part alone
			}
		}
	}
	for _, f := range append(append([]fields{m.head}, m.returned...), m.feedback...) {
		for _, name := range []string{"to", "x-failed-recipients", "original-rcpt-to", "delivered-to", "x-original-to"} {
			for _, v := range f.all(name) {
				add(v)
				name, _, _ := strings.Cut(v, "<")
				addWords(s, name)
			}
		}
	}
	add(m.text[:min(len(m.text), maxText)])
	delete(s, "")
	return s
}

// maxSecrets bounds the work that a hostile message makes.
const maxSecrets = 200

func addWords(s map[string]bool, text string) {
	text = strings.ToLower(text)
	if len(text) > 500 || len(s) > maxSecrets {
		return
	}
	s[strings.TrimFunc(text, notWord)] = true
	for _, w := range strings.FieldsFunc(text, notWord) {
		if utf8.RuneCountInString(w) >= 3 {
			s[w] = true
		}
	}
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
