// Package testdb starts the database servers that tests talk to: Debian's, on a free loopback port, each with a folder of its own.
//
// [Postgres] and [Maria] return a URL, and stop the server when the test ends.
package testdb

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"

	"candor.example/internal/testpart"
)

// Password is the user's, so that tests can look for it where it must not be.
const Password = "s3cret-pass"

// Postgres starts PostgreSQL; the user is the superuser "shop".
func Postgres(t testing.TB) string {
	t.Helper()
	database, _, _ := StoppablePostgres(t)
	return database
}

// StoppablePostgres is Postgres with what stops the server, and what starts it again with all that was in it.
func StoppablePostgres(t testing.TB) (database string, stop, start func()) {
	t.Helper()
	initdb := testpart.Program(t, "initdb", "/usr/lib/postgresql/*/bin/initdb")
	postgres := testpart.Program(t, "postgres", "/usr/lib/postgresql/*/bin/postgres")
	dir, attr := asUser(t, "postgres")
	os.WriteFile(filepath.Join(dir, "pw"), []byte(Password), 0o644)
	run(t, dir, attr, initdb, "-D", dir+"/data", "-U", "shop", "-A", "scram-sha-256", "--pwfile="+dir+"/pw", "-E", "UTF8", "--locale=C", "-N")
	port := strconv.Itoa(testpart.FreePort(t))
	database = "postgres://shop:" + Password + "@127.0.0.1:" + port + "/postgres"
	ready := func() error {
		c, err := pgx.Connect(context.Background(), database)
		if err == nil {
			c.Close(context.Background())
		}
		return err
	}
	var running func()
	start = func() {
		t.Helper()
		running = serve(t, dir, attr, ready, postgres, "-D", dir+"/data", "-p", port, "-c", "listen_addresses=127.0.0.1", "-k", dir, "-c", "fsync=off", "-c", "max_wal_size=4GB", "-c", "shared_buffers=256MB")
	}
	start()
	return database, func() { running() }, start
}

// Maria starts MariaDB; the user is "shop", who may do anything.
func Maria(t testing.TB) string {
	t.Helper()
	install := testpart.Program(t, "mariadb-install-db")
	mariadbd := testpart.Program(t, "mariadbd")
	dir, attr := asUser(t, "mysql")
	run(t, dir, attr, install, "--no-defaults", "--datadir="+dir+"/data", "--auth-root-authentication-method=normal", "--skip-test-db")
	port := strconv.Itoa(testpart.FreePort(t))
	db, err := sql.Open("mysql", "root@tcp(127.0.0.1:"+port+")/mysql")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	serve(t, dir, attr, db.Ping, mariadbd, "--no-defaults", "--datadir="+dir+"/data", "--port="+port, "--bind-address=127.0.0.1", "--socket="+dir+"/s", "--pid-file="+dir+"/pid")
	for _, query := range []string{"CREATE USER shop IDENTIFIED BY '" + Password + "'", "GRANT ALL ON *.* TO shop"} {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	return "mysql://shop:" + Password + "@127.0.0.1:" + port + "/mysql"
}

// asUser makes a folder for a server that will not run as root, and returns what to run it with.
func asUser(t testing.TB, name string) (dir string, attr *syscall.SysProcAttr) {
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

func run(t testing.TB, dir string, attr *syscall.SysProcAttr, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.SysProcAttr = dir, attr
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// serve starts a server that stops with the test at the latest, and waits until it answers.
func serve(t testing.TB, dir string, attr *syscall.SysProcAttr, ready func() error, name string, args ...string) (stop func()) {
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
	stop = func() {
		cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-gone:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-gone
		}
	}
	t.Cleanup(stop)
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
	return stop
}
