package viewer

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"candor.example"
)

// maxErrorDepth is how deep in a JSON answer an error still speaks about the whole answer: data, its one field, errorCode.
const maxErrorDepth = 3

// accepted reports whether a response to a login says that it worked. Shops answer a wrong password with 200 in many
// ways, so that anything which may be a refusal is one: a customer not recognised costs less than a wrong one recognised.
func accepted(x *candor.Exchange, body []byte, graphQL bool) bool {
	switch {
	case x.Status >= 300 && x.Status < 400:
		return x.Status != http.StatusNotModified && redirectsOnward(x)
	case x.Status < 200 || x.Status >= 300:
		return false
	}
	cut := len(body) >= maxBody
	media, _, _ := strings.Cut(strings.ToLower(x.Header.Get("Content-Type")), ";")
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return true
	case strings.Contains(media, "json"), startsWith(body, "{["):
		return jsonAccepts(body, cut, graphQL)
	case strings.Contains(media, "html"), media == "" && startsWith(body, "<"):
		return !cut && !asksPassword.Match(body)
	}
	return false // text, scripts, XML: nobody has said what they mean
}

// asksPassword finds the login form, shown again.
var asksPassword = regexp.MustCompile(`(?i)type\s*=\s*["']?\s*password|autocomplete\s*=\s*["']?\s*(current|new)-password`)

// backWords are parts of a place to which a shop sends people whose login failed.
var backWords = []string{"login", "logon", "signin", "anmeld", "einlogg", "connexion", "error", "fail", "fehler", "invalid", "denied", "wrong"}

func redirectsOnward(x *candor.Exchange) bool {
	to, err := x.Request.URL.Parse(x.Header.Get("Location"))
	if err != nil || x.Header.Get("Location") == "" {
		return false
	}
	if strings.TrimSuffix(to.Path, "/") == strings.TrimSuffix(x.Request.URL.Path, "/") {
		return false
	}
	return !containsAny(squash(to.Path+"?"+to.RawQuery), backWords)
}

// jsonAccepts looks for what says no: errors, a type that ends in Error, a success that is false, a status of 400 or more.
// A GraphQL answer whose data holds nothing says no, too.
func jsonAccepts(body []byte, cut, graphQL bool) bool {
	refused, something := false, false
	err := walkJSON(body, func(path []string, v any) {
		if refuses(path, v) {
			refused = true
		}
		if truthy(v) && len(path) > 1 && path[0] == "data" {
			something = true
		}
	})
	if refused || err != nil && !cut {
		return false
	}
	return something || !graphQL || cut
}

// refuses judges one value. Whatever stands inside an error makes that error a real one; an empty list does not.
func refuses(path []string, v any) bool {
	for i, key := range path {
		depth := depthOf(path[:i+1])
		if depth > maxErrorDepth {
			break
		}
		if isErrorKey(key) && (i < len(path)-1 || truthy(v)) {
			return true
		}
	}
	key := strings.ToLower(lastKey(path))
	if s, ok := v.(string); ok && key == "__typename" {
		return strings.HasSuffix(s, "Error")
	}
	return depthOf(path) <= maxErrorDepth && saysNo(key, v)
}

// depthOf counts the objects that lead to a value.
func depthOf(path []string) (n int) {
	for _, p := range path {
		if !strings.HasPrefix(p, "[") {
			n++
		}
	}
	return n
}

func isErrorKey(key string) bool {
	switch key = letters(key); key {
	case "error", "errorcode", "errormessage", "errordescription", "errortype", "errorid":
		return true
	}
	return strings.HasSuffix(key, "errors")
}

func saysNo(key string, v any) bool {
	switch key = letters(key); {
	case slices.Contains([]string{"success", "succeeded", "successful", "ok", "authenticated", "isauthenticated", "loggedin", "isloggedin", "valid"}, key):
		return !truthy(v)
	case slices.Contains([]string{"status", "statuscode", "code", "result"}, key):
		switch v := v.(type) {
		case json.Number:
			n, err := v.Int64()
			return err == nil && n >= 400 && n <= 599
		case string:
			return slices.Contains([]string{"error", "fail", "failed", "failure", "denied", "unauthorized", "forbidden", "invalid", "false", "ko"}, strings.ToLower(v))
		}
	}
	return false
}

// truthy is false for null, false, 0, "", "0", "false", and for a container, which speaks by what is in it.
func truthy(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return v != "" && v != "0" && !strings.EqualFold(v, "false")
	case json.Number:
		f, err := v.Float64()
		return err != nil || f != 0
	}
	return false
}
