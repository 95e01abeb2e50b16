// Package policy answers: may this viewer see it? Its rules are CEL expressions, the language that users of Envoy and
// Kubernetes know (https://cel.dev), and a list of addresses that are published on purpose.
//
// Start with [New], which checks rules against the variables of [Rule]; then ask [Policy.Allowed] and [Policy.Public].
//
// It promises that a rule allows only what it says in so many words: one that fails, costs too much or asks for what is
// not there allows nothing and is reported. Without rules it costs nothing.
package policy

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"

	"candor.example"
)

// Rule lets whoever When is true for see other people's data, in a role.
//
// When is a CEL expression of type bool. It may use:
//
//	viewer.kind       "anonymous", "customer", "role", "crawler" (verified by DNS), "claimed-crawler" or "script"
//	viewer.id         the customer's id, "" if there is none
//	viewer.role       a role that is known already, "" if there is none
//	viewer.crawler    what a crawler calls itself, "" for everybody else; worth nothing unless the kind is "crawler"
//	request.method, request.path, request.host, request.route
//	request.headers   by lower-case name; several values are joined by ", "
//	request.query     by name; the first value
//	response.status, response.headers
//	match.kind        "email", "name" and so on
//
// request.path is decoded ("/admin/a b"); request.host is in lower case and has no port. A header is worth what the edge
// makes of it: what clients may send, clients may forge. Asking a map for what is not in it is an error, and so allows
// nothing: write request.headers[?"x-staff"].orValue("") or "x-staff" in request.headers.
type Rule struct {
	Name string // shown in errors and logs
	Role string // given to the viewer; empty: Name
	When string
}

// maxCost is how much one evaluation may cost, in CEL's units: about a millisecond.
const maxCost = 100_000

// maxRule is how long an expression may be, in characters.
const maxRule = 16 << 10

// Options of a policy. The zero value is usable.
type Options struct {
	// Normalise brings an address into the form that Public is asked with, and returns false for what is no address. Nil:
	// lower case.
	Normalise func(string) (string, bool)
	// Log is told, once for each rule, that it could not be evaluated, in words that hold nothing of the request. Nil:
	// slog.Default().
	Log *slog.Logger
}

// Policy is safe for concurrent use.
type Policy struct {
	log    *slog.Logger
	rules  []*rule
	public map[string]struct{}
}

type rule struct {
	name, role string
	program    cel.Program
	failed     sync.Once
}

// New compiles rules; errors name the rule, line and column. public are e-mail addresses that are published on purpose.
func New(rules []Rule, public []string, o Options) (*Policy, error) {
	p := &Policy{log: o.Log, public: map[string]struct{}{}}
	if p.log == nil {
		p.log = slog.Default()
	}
	if err := p.addPublic(public, o.Normalise); err != nil {
		return nil, err
	}
	if len(rules) == 0 {
		return p, nil
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	for i, r := range rules {
		c, err := compile(env, r)
		if err != nil {
			return nil, fmt.Errorf("policy[%d] %q: %w", i, r.Name, err)
		}
		p.rules = append(p.rules, c)
	}
	return p, nil
}

func (p *Policy) addPublic(list []string, normalise func(string) (string, bool)) error {
	if normalise == nil {
		normalise = func(s string) (string, bool) {
			s = strings.ToLower(strings.TrimSpace(s))
			return s, strings.Contains(s, "@")
		}
	}
	for i, s := range list {
		n, ok := normalise(s)
		if !ok {
			return fmt.Errorf("public[%d]: is no e-mail address, telephone number or full name", i) // and might be a person's: not shown
		}
		p.public[n] = struct{}{}
	}
	return nil
}

// environment declares the variables as types, so that a misspelt one is an error at start and not a rule that never holds.
func environment() (*cel.Env, error) {
	return cel.NewEnv(
		cel.OptionalTypes(), ext.Strings(),
		cel.ParserExpressionSizeLimit(maxRule),
		ext.NativeTypes(ext.ParseStructTags(true),
			reflect.TypeFor[viewer](), reflect.TypeFor[request](), reflect.TypeFor[response](), reflect.TypeFor[match]()),
		cel.Variable("viewer", cel.ObjectType("policy.viewer")),
		cel.Variable("request", cel.ObjectType("policy.request")),
		cel.Variable("response", cel.ObjectType("policy.response")),
		cel.Variable("match", cel.ObjectType("policy.match")),
	)
}

func compile(env *cel.Env, r Rule) (*rule, error) {
	if strings.TrimSpace(r.When) == "" {
		return nil, errors.New(`when: is empty: want a condition such as request.path.startsWith("/admin/")`)
	}
	ast, issues := env.Compile(r.When)
	if errs := issues.Errors(); len(errs) > 0 {
		e := errs[0]
		return nil, fmt.Errorf("when: line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, e.Message)
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("when: line 1, column 1: is of type %s: want bool", ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("when: %w", err)
	}
	c := &rule{name: r.Name, role: r.Role, program: program}
	if c.role == "" {
		c.role = r.Name
	}
	return c, nil
}

// Allowed reports whether a rule lets the viewer see a match of that kind, and in which role: the first that does.
func (p *Policy) Allowed(v candor.Viewer, x *candor.Exchange, route string, kind string) (role string, ok bool) {
	if p == nil || len(p.rules) == 0 {
		return "", false
	}
	vars := &variables{v: v, x: x, route: route, kind: kind}
	for _, r := range p.rules {
		out, _, err := r.program.Eval(vars)
		if err != nil {
			r.failed.Do(func() { p.report(r, err) })
			continue
		}
		if yes, isBool := out.Value().(bool); isBool && yes {
			return r.role, true
		}
	}
	return "", false
}

// Public reports whether a normalised identifier is published on purpose.
func (p *Policy) Public(normalised []byte) bool {
	if p == nil {
		return false
	}
	_, ok := p.public[string(normalised)]
	return ok
}

// report says why a rule failed in words that hold nothing of the request, which CEL's own may.
func (p *Policy) report(r *rule, err error) {
	said := err.Error()
	switch {
	case strings.Contains(said, "no such key"):
		err = errors.New(`asks for something that is not there: test it first, as in "x-staff" in request.headers, or use [?"x-staff"].orValue("")`)
	case strings.Contains(said, "cost limit"):
		err = fmt.Errorf("costs more than %d units: make it simpler", maxCost)
	default:
		err = errors.New("cannot be evaluated for some requests: check its conversions and indexes")
	}
	p.log.Warn("policy rule failed, and allows nothing where it fails", "rule", r.name, "error", err)
}

// viewer is the variable of that name.
type viewer struct {
	Kind    string `cel:"kind"`
	ID      string `cel:"id"`
	Role    string `cel:"role"`
	Crawler string `cel:"crawler"`
}

// request is the variable of that name.
type request struct {
	Method  string            `cel:"method"`
	Path    string            `cel:"path"`
	Host    string            `cel:"host"`
	Route   string            `cel:"route"`
	Headers map[string]string `cel:"headers"`
	Query   map[string]string `cel:"query"`
}

// response is the variable of that name.
type response struct {
	Status  int64             `cel:"status"`
	Headers map[string]string `cel:"headers"`
}

// match is the variable of that name.
type match struct {
	Kind string `cel:"kind"`
}

// variables are made when a rule asks for them: few rules look at headers.
type variables struct {
	v           candor.Viewer
	x           *candor.Exchange
	route, kind string

	request  *request
	response *response
}

// Parent is part of cel's activation: there is none.
func (*variables) Parent() cel.Activation { return nil }

// ResolveName is part of cel's activation.
func (a *variables) ResolveName(name string) (any, bool) {
	switch name {
	case "viewer":
		return &viewer{Kind: a.v.Kind(), ID: a.v.Customer, Role: a.v.Role, Crawler: a.v.Crawler}, true
	case "match":
		return &match{a.kind}, true
	case "request":
		if a.request == nil {
			a.request = a.makeRequest()
		}
		return a.request, true
	case "response":
		if a.response == nil {
			a.response = &response{int64(a.x.Status), flat(a.x.Header)}
		}
		return a.response, true
	}
	return nil, false
}

func (a *variables) makeRequest() *request {
	r := a.x.Request
	query := map[string]string{}
	for k, vs := range r.URL.Query() {
		query[k] = vs[0]
	}
	return &request{Method: r.Method, Path: r.URL.Path, Host: candor.Site(r), Route: a.route, Headers: flat(r.Header), Query: query}
}

func flat(h http.Header) map[string]string {
	m := make(map[string]string, len(h))
	for k, vs := range h {
		m[strings.ToLower(k)] = strings.Join(vs, ", ")
	}
	return m
}
