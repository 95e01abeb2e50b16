package report

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"candor.example/internal/incident"
	"candor.example/internal/notice"
	"candor.example/verify"
)

// statementFiles hold the words of open questions and press statements that no notice has: one file a language, for translators.
//
//go:embed statement/*.yaml
var statementFiles embed.FS

var statementWords = sync.OnceValues(func() (map[string]notice.Phrases, error) {
	all := map[string]notice.Phrases{}
	for _, lang := range notice.Languages {
		name := "statement/" + lang + ".yaml"
		b, err := statementFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var p notice.Phrases
		if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(&p); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[lang] = p
	}
	return all, nil
})

// voices speak each language, about facts.
func voices(f notice.Facts) (map[string]*notice.Voice, error) {
	own, err := statementWords()
	if err != nil {
		return nil, err
	}
	all := map[string]*notice.Voice{}
	for _, lang := range notice.Languages {
		v, err := notice.Speak(f, lang, own[lang])
		if err != nil {
			return nil, err
		}
		all[lang] = v
	}
	return all, nil
}

// words says in every language what notices say: cause, consequences, advice, how to check.
func (d *drafter) words(r *verify.Report, all map[string]*notice.Voice) error {
	in := func(say func(*notice.Voice) string) verify.Words {
		w := verify.Words{}
		for lang, v := range all {
			w[lang] = say(v)
		}
		return w
	}
	if d.Verdict.Cause != incident.CauseUndetermined && d.Facts.Cause != "" {
		r.Cause.Summary = known(d, in(func(v *notice.Voice) string { return v.Sentence("cause") }), d.verdict)
	}
	for _, c := range d.Verdict.Candidates {
		r.Cause.Candidates = append(r.Cause.Candidates, in(func(v *notice.Voice) string { return v.Say("cause." + string(c.Cause)) }))
	}
	r.Consequences = known(d, in((*notice.Voice).Consequences), d.figures)
	r.Advice = []verify.Words{}
	for n := range all["en"].Advice() {
		r.Advice = append(r.Advice, in(func(v *notice.Voice) string { return v.Advice()[n] }))
	}
	r.HowToCheck = in(func(v *notice.Voice) string { return v.Sentence("check") })
	for _, v := range all {
		if err := v.Err(); err != nil {
			return err
		}
	}
	return nil
}

// questions lists what is unknown, with by when it will be known, in the order of the report. One question may stand for several facts that are known together.
func (d *drafter) questions(r *verify.Report, all map[string]*notice.Voice) error {
	r.Open = []verify.Question{}
	for _, f := range fields(r) {
		if f.status() != verify.Unknown {
			continue
		}
		q := verify.Question{Text: verify.Words{}, Field: f.pointer, AnswerBy: f.due()}
		for lang, v := range all {
			q.Text[lang] = v.Say("question." + questionOf(f.pointer))
			if err := v.Err(); err != nil {
				return err
			}
		}
		r.Open = append(r.Open, q)
	}
	return nil
}

func questionOf(pointer string) string {
	return strings.ReplaceAll(strings.Trim(pointer, "/"), "/", ".")
}
