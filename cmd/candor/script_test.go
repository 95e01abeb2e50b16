package main

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"candor.example/internal/ledger"
)

// exits is a command of scripts: exits 2 candor frobnicate.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("it ended with status %d", got)
	}
}

// disclose is a command of scripts: disclose DATA CUSTOMERS.csv [HOST] puts Candor in front of a shop that shows each customer to a stranger, asks for
// each, stops again, and sets $ID to the incident's id. HOST is the shop's name, if it has one.
func disclose(ts *testscript.TestScript, _ bool, args []string) {
	data, file := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	rows, err := csvRows(file)
	ts.Check(err)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Release", "2018.11.20")
		w.Header().Set("Cache-Control", "public, max-age=60")
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		fmt.Fprintf(w, "<h1>Signed in as %s</h1>\n", rows[n%len(rows)][1])
	}))
	defer shop.Close()
	c := &Config{Upstream: shop.URL, Customers: file, Listen: "127.0.0.1:0", Console: "127.0.0.1:0", Data: data, Mode: "observe", DNS: "off"}
	if len(args) > 2 {
		c.Sites = args[2:]
	}
	s, err := startService(context.Background(), c, nil, slog.New(slog.DiscardHandler))
	ts.Check(err)
	for n := range rows {
		req, err := http.NewRequest("GET", fmt.Sprintf("%s/account?n=%d", s.siteURL(), n), nil)
		ts.Check(err)
		req.Host = strings.Join(args[2:], "") // empty: that of the URL
		res, err := http.DefaultClient.Do(req)
		ts.Check(err)
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	ts.Check(s.drain(10 * time.Second))
	l, err := ledger.Open(context.Background(), filepath.Join(data, "ledger.sqlite"))
	ts.Check(err)
	defer l.Close()
	list, err := l.Incidents(context.Background())
	ts.Check(err)
	if len(list) != 1 {
		ts.Fatalf("%d incidents", len(list))
	}
	ts.Setenv("ID", list[0].ID)
}

// envOf is a command of scripts: env-of NAME FILE sets $NAME to what the file holds.
func envOf(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// tamper is a command of scripts: tamper FILE SQL changes a ledger as somebody would who has the file.
func tamper(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}

func csvRows(file string) ([][]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		return nil, fmt.Errorf("%s: nobody is in it: %w", file, err)
	}
	return rows[1:], nil
}
