package shopdb

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const password = "s3cret-pass"

// Both databases stream a million rows in bounded memory, by columns' names, and what goes wrong is said without a password or a
// row.
func TestServers(t *testing.T) {
	for name, server := range map[string]struct {
		start  func(t *testing.T) string
		series string // a query of n rows
		types  string // one row of unusual types
		cast   string // a query that fails on the address in a row
	}{
		"PostgreSQL": {startPostgres,
			`SELECT n AS "ID", 'customer' || n || '@shop.example' AS Email, NULL AS name, 'x' AS shoe FROM generate_series(1, %d) n`,
			`SELECT '0f8fad5b-d9cb-469f-a165-70867728950e'::uuid AS id, 'zoë@shop.example'::varchar AS email, 'O"Neil'::text AS name, now() AS since, 49.5::numeric AS phone, 'de-AT' AS "Locale"`,
			`SELECT 1 AS id, email, email::int AS name FROM (VALUES ('alice@shop.example')) c(email)`},
		"MariaDB": {startMaria,
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
			wrong := strings.Replace(database, password, "wrong-pass", 1)
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

// program finds a Debian program; without it the test is skipped, or fails where everything must run.
func program(t *testing.T, debian, name string, more ...string) string {
	t.Helper()
	for _, pattern := range append([]string{"/usr/sbin/" + name, "/usr/bin/" + name}, more...) {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	what := fmt.Sprintf("%s is not installed: run 'make install-test-tools', or as root apt-get install %s", name, debian)
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
	return ""
}

// asUser makes a folder for a server that will not run as root, and returns what to run it with.
func asUser(t *testing.T, name string) (dir string, attr *syscall.SysProcAttr) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "candor-db-") // short: it holds a socket (unix(7)), and others must reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if os.Getuid() != 0 {
		return dir, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	os.Chown(dir, uid, gid)
	return dir, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func run(t *testing.T, dir string, attr *syscall.SysProcAttr, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.SysProcAttr = dir, attr
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// serve starts a server that stops with the test, and waits until it answers.
func serve(t *testing.T, dir string, attr *syscall.SysProcAttr, ready func() error, name string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = dir, attr, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { cmd.Wait(); close(gone) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-gone:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-gone
		}
	})
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for ready() != nil {
		select {
		case <-tick.C:
		case <-gone:
			b, _ := os.ReadFile(log.Name())
			t.Fatalf("%s stopped:\n%s", name, b)
		case <-late:
			b, _ := os.ReadFile(log.Name())
			t.Fatalf("%s does not answer: %v\n%s", name, ready(), b)
		}
	}
}

func ping(database string) func() error {
	return func() error {
		db, _, err := open(database)
		if err != nil {
			return err
		}
		defer db.Close()
		return db.PingContext(context.Background())
	}
}

func startPostgres(t *testing.T) string {
	initdb := program(t, "postgresql", "initdb", "/usr/lib/postgresql/*/bin/initdb")
	postgres := program(t, "postgresql", "postgres", "/usr/lib/postgresql/*/bin/postgres")
	dir, attr := asUser(t, "postgres")
	os.WriteFile(filepath.Join(dir, "pw"), []byte(password), 0o644)
	run(t, dir, attr, initdb, "-D", dir+"/data", "-U", "shop", "-A", "scram-sha-256", "--pwfile="+dir+"/pw", "-E", "UTF8", "--locale=C", "-N")
	port := freePort(t)
	database := "postgres://shop:" + password + "@127.0.0.1:" + port + "/postgres"
	serve(t, dir, attr, ping(database), postgres, "-D", dir+"/data", "-p", port, "-c", "listen_addresses=127.0.0.1", "-k", dir, "-c", "fsync=off")
	return database
}

func startMaria(t *testing.T) string {
	install := program(t, "mariadb-server", "mariadb-install-db")
	mariadbd := program(t, "mariadb-server", "mariadbd")
	dir, attr := asUser(t, "mysql")
	run(t, dir, attr, install, "--no-defaults", "--datadir="+dir+"/data", "--auth-root-authentication-method=normal", "--skip-test-db")
	port := freePort(t)
	root := "mysql://root@127.0.0.1:" + port + "/mysql"
	serve(t, dir, attr, ping(root), mariadbd, "--no-defaults", "--datadir="+dir+"/data", "--port="+port, "--bind-address=127.0.0.1", "--socket="+dir+"/s", "--pid-file="+dir+"/pid")
	u, _ := url.Parse(root)
	db, _, err := open(u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(db *sql.DB, query string) {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	exec(db, "CREATE USER shop IDENTIFIED BY '"+password+"'")
	exec(db, "GRANT ALL ON *.* TO shop")
	return "mysql://shop:" + password + "@127.0.0.1:" + port + "/mysql"
}
