package viewer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

const (
	maxBody  = 64 << 10 // bytes of a request's or response's body that are looked at
	maxDepth = 64       // nesting of JSON that is followed
)

var errDeep = errors.New("JSON is nested too deeply")

// walkJSON visits every value of the first JSON text in data, containers before what is in them: a value is a string,
// json.Number, bool, nil, or json.Delim '{' or '['. path is the keys that lead to it, "[0]" for the places of an array,
// and is valid only during the visit. What was visited before an error, such as the end of data that was cut off, stands.
func walkJSON(data []byte, visit func(path []string, value any)) error {
	data = bytes.TrimPrefix(data, []byte(")]}',\n")) // what Angular's servers put before JSON
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	w := jsonWalk{dec: dec, visit: visit}
	for {
		t, err := dec.Token()
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
		if done, err := w.token(t); done || err != nil {
			return err
		}
	}
}

type jsonWalk struct {
	dec   *json.Decoder
	visit func([]string, any)
	path  []string
	open  []level // the containers around the next token
}

type level struct {
	array bool
	next  int  // index of the next element
	keyed bool // an object's key was read and its value is next
}

func (w *jsonWalk) token(t json.Token) (done bool, err error) {
	if d, ok := t.(json.Delim); ok && (d == '}' || d == ']') {
		w.open = w.open[:len(w.open)-1] // the decoder has checked that they match
		return w.leave(), nil
	}
	if n := len(w.open); n > 0 {
		top := &w.open[n-1]
		if key, ok := t.(string); ok && !top.array && !top.keyed {
			top.keyed = true
			w.path = append(w.path, key)
			return false, nil
		}
		if top.array {
			w.path = append(w.path, "["+strconv.Itoa(top.next)+"]")
			top.next++
		}
	}
	w.visit(w.path, t)
	if d, ok := t.(json.Delim); ok {
		if len(w.open) >= maxDepth {
			return false, errDeep
		}
		w.open = append(w.open, level{array: d == '['})
		return false, nil
	}
	return w.leave(), nil
}

// leave steps out of a value and reports whether it was the outermost.
func (w *jsonWalk) leave() (done bool) {
	n := len(w.open)
	if n == 0 {
		return true
	}
	w.path = w.path[:len(w.path)-1]
	w.open[n-1].keyed = false
	return false
}

// lastKey is the object key nearest to a value, "" if there is none.
func lastKey(path []string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if !strings.HasPrefix(path[i], "[") {
			return path[i]
		}
	}
	return ""
}
