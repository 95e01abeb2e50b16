package shopdb

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"candor.example/internal/testdb"
)

// Both databases stream a million rows in bounded memory, by columns' names, and what goes wrong is said without a password or a
// row.
func TestServers(t *testing.T) {
	for name, server := range map[string]struct {
		start  func(t testing.TB) string
		series string // a query of n rows
		types  string // one row of unusual types
		cast   string // a query that fails on the address in a row
	}{
		"PostgreSQL": {testdb.Postgres,
			`SELECT n AS "ID", 'customer' || n || '@shop.example' AS Email, NULL AS name, 'x' AS shoe FROM generate_series(1, %d) n`,
			`SELECT '0f8fad5b-d9cb-469f-a165-70867728950e'::uuid AS id, 'zoë@shop.example'::varchar AS email, 'O"Neil'::text AS name, now() AS since, 49.5::numeric AS phone, 'de-AT' AS "Locale"`,
			`SELECT 1 AS id, email, email::int AS name FROM (VALUES ('alice@shop.example')) c(email)`},
		"MariaDB": {testdb.Maria,
			`SELECT seq AS ID, concat('customer', seq, '@shop.example') AS Email, NULL AS name, 'x' AS shoe FROM seq_1_to_%d`,
			`SELECT uuid_to_text AS id, 'zoë@shop.example' AS email, 'O"Neil' AS name, now() AS since, 49.5 AS phone, 'de-AT' AS Locale FROM (SELECT '0f8fad5b-d9cb-469f-a165-70867728950e' AS uuid_to_text) x`,
			`SELECT 1 AS id, 'alice@shop.example' AS email, (SELECT 1 UNION SELECT 2) AS name`},
	} {
		t.Run(name, func(t *testing.T) {
			database := server.start(t)
			if got := all(t, database, fmt.Sprintf(server.series, 2)); got != `{"email":"customer1@shop.example","id":"1","name":""}
{"email":"customer2@shop.example","id":"2","name":""}
` {
				t.Error(got)
			}
			if got := all(t, database, server.types); got != `{"email":"zoë@shop.example","id":"0f8fad5b-d9cb-469f-a165-70867728950e","locale":"de-AT","name":"O\"Neil","phone":"49.5"}`+"\n" {
				t.Error(got)
			}
			if got := all(t, database, fmt.Sprintf(server.series, 0)); got != "" && name == "PostgreSQL" {
				t.Error(got)
			}
			streams(t, database, fmt.Sprintf(server.series, 1_000_000))
			for query, want := range map[string]string{
				"SELECT 1 AS id": `no column "email" in the result`,
				"SELEC 1":        "--query: ",
				"SELECT id, email FROM customers_of_none": "customers_of_none",
				"CREATE TABLE t (id int)":                 "read-only|READ ONLY",
				server.cast:                               "the server says",
			} {
				refused(t, database, query, want)
			}
			wrong := strings.Replace(database, testdb.Password, "wrong-pass", 1)
			refused(t, wrong, "SELECT 1", "--database: ")
			refused(t, strings.Replace(database, "127.0.0.1", "127.0.0.1:1,127", 1), "SELECT 1", "--database: ")
		})
	}
}

func all(t *testing.T, database, query string) string {
	t.Helper()
	r, err := Customers(t.Context(), database, query)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func streams(t *testing.T, database, query string) {
	t.Helper()
	r, err := Customers(t.Context(), database, query)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var least, most uint64 = 1 << 62, 0
	buf, total := make([]byte, 64<<10), 0
	for n := 0; ; n++ {
		got, err := r.Read(buf)
		total += got
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if n%100_000 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			least, most = min(least, m.HeapAlloc), max(most, m.HeapAlloc)
		}
	}
	if total < 50_000_000 || most-least > 8<<20 {
		t.Errorf("%d bytes came, and the heap grew by %d", total, most-least)
	}
	early, err := Customers(t.Context(), database, query)
	if err != nil {
		t.Fatal(err)
	}
	early.Read(buf)
	early.Close() // must not wait for the rest
}

func refused(t *testing.T, database, query, want string) {
	t.Helper()
	r, err := Customers(t.Context(), database, query)
	if err == nil {
		_, err = io.ReadAll(r)
		r.Close()
	}
	if err == nil {
		t.Errorf("%s: no error", query)
		return
	}
	found := false
	for w := range strings.SplitSeq(want, "|") {
		found = found || strings.Contains(err.Error(), w)
	}
	if !found || strings.Contains(err.Error(), "-pass") || strings.Contains(err.Error(), "alice") {
		t.Errorf("%s: %v", query, err)
	}
}

func TestURLs(t *testing.T) {
	for _, database := range []string{"", "shop", "oracle://u:s3cret@h/x", "postgres://u:s3cret@h:port/x", "mysql://u:s3cret@h/x?tls=custom-s3cret", "mysql://u:s3%cret@h/x", "postgres://u:s3cret@h/x?sslmode=s3cret"} {
		_, err := Customers(t.Context(), database, "SELECT 1")
		if err == nil || !strings.Contains(err.Error(), "--database: ") || strings.Contains(err.Error(), "s3") {
			t.Errorf("%s: %v", database, err)
		}
	}
}
