package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"candor.example/directory"
)

// maxPost is how many bytes of customers one request may bring; whoever has more builds the directory.
const maxPost = 16 << 20

// postCustomers adds customers that another system sends, as CSV or JSON Lines: POST /directory/customers on the console's
// listener, with the token of keys/directory.token. It answers with the report: 200 when all rows were taken, 422 when some
// were not. A token, not the console's session: machines cannot sign in, and no page can make a browser send it.
func (s *service) postCustomers(w http.ResponseWriter, r *http.Request) {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) != 1 {
		w.Header().Set("WWW-Authenticate", `Bearer realm="candor directory"`) // RFC 6750 §3
		http.Error(w, "the token is missing or wrong: send Authorization: Bearer with what stands in keys/directory.token", http.StatusUnauthorized)
		return
	}
	d := dataFlag{s.config.Data}
	keys, err := directory.ReadKeys(d.digestKey())
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	report, err := directory.Add(r.Context(), d.snapshot(), keys, http.MaxBytesReader(w, r.Body, maxPost), "request", directory.AddOptions{})
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		http.Error(w, fmt.Sprintf("more than %d MiB: nothing was added; send less at a time, or build the directory", maxPost>>20), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.takeUp(d); err != nil {
		http.Error(w, "written down, but not yet in use: the log says why", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if report.BadRows+report.BadFields+report.Forgotten > 0 {
		w.WriteHeader(http.StatusUnprocessableEntity)
	}
	printJSON(w, report)
}

// openToken reads the token, and makes it on first use, in a file that only its owner can read.
func openToken(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeToken(path)
	} else if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("others may read %s: chmod 600 %s", path, path)
	}
	b, err := os.ReadFile(path)
	token := strings.TrimSpace(string(b))
	if err == nil && len(token) < 22 {
		err = fmt.Errorf("%s: a token has 22 characters or more: remove the file, and candor makes one", path)
	}
	return token, err
}

func makeToken(path string) (string, error) {
	var b [32]byte
	rand.Read(b[:])
	token := base64.RawURLEncoding.EncodeToString(b[:])
	err := os.WriteFile(path+".new", []byte(token+"\n"), 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return "", fmt.Errorf("cannot make the token: %w", err)
	}
	return token, nil
}
