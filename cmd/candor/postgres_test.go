package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"candor.example/internal/testdb"
)

// The ledger is in PostgreSQL: serve goes on there after a stop, and while the database is away people's pages go on and nothing is lost.
func TestPostgreSQL(t *testing.T) {
	database, cut, mend := testdb.StoppablePostgres(t)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello person%s@people.example\n", r.URL.Query().Get("n"))
	}))
	defer shop.Close()
	data := filepath.Join(t.TempDir(), "data")
	args := []string{"--upstream", shop.URL, "--customers", customersFile(t, 40), "--mode", "observe"}
	p := serve(t, data, append(args, "--ledger", database)...)
	show := func(from, to int) {
		t.Helper()
		for n := from; n < to; n++ {
			if status, body := get(t, fmt.Sprintf("%s/?n=%d", p.site, n)); status != 200 || !strings.Contains(body, "person") {
				t.Fatalf("status %d: %s", status, body)
			}
		}
	}
	show(0, 10)
	p.stop()

	t.Setenv("CANDOR_LEDGER", database)
	p = serve(t, data, args...)
	show(10, 20)
	p.until("twenty people are in the ledger", func() bool { return p.incident("GET /").Exposed == 20 })

	cut()
	show(20, 30)
	status, body := get(t, p.console+"/readyz")
	if status != http.StatusServiceUnavailable || !strings.HasPrefix(body, "ledger: ") || strings.Contains(body, testdb.Password) {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, _ := get(t, p.console+"/healthz"); status != 200 {
		t.Errorf("/healthz: %d, and a restart would help nobody", status)
	}
	if out, status := p.run("incident", "list"); status != exitTrouble {
		t.Errorf("status %d: %s", status, out)
	}
	show(30, 40)
	mend()
	p.until("forty people are in the ledger", func() bool { return p.incident("GET /").Exposed == 40 })
	if status, body := get(t, p.console+"/readyz"); status != 200 {
		t.Errorf("/readyz: %d %s", status, body)
	}
	id := p.incident("GET /").ID
	p.must("incident", "confirm", id)
	p.stop()

	// Built anew from the journal in a file, it says the same.
	want := p.must("incident", "show", id, "--json")
	file := filepath.Join(t.TempDir(), "new.sqlite")
	p.must("ledger", "rebuild", file)
	if got := p.must("incident", "show", id, "--json", "--ledger", file); got != want || !strings.Contains(got, "confirmed") {
		t.Errorf("in SQLite:\n%s\nin PostgreSQL:\n%s", got, want)
	}
	if strings.Contains(p.log.String(), testdb.Password) {
		t.Error("the log holds the database's password")
	}
	searchFolder(t, data, func(b []byte) string {
		if strings.Contains(string(b), testdb.Password) {
			return "the database's password"
		}
		return ""
	})
	if _, err := os.Stat(filepath.Join(data, "ledger.sqlite")); err == nil {
		t.Error("there is a ledger in SQLite as well")
	}
}
