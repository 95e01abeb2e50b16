package ledger

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"candor.example/internal/testdb"
)

// What goes wrong with a server is said with what to do, and never with the password.
func tellsPeople(t *testing.T, server string) {
	admin(t, server, "CREATE ROLE guest LOGIN PASSWORD '"+testdb.Password+"'")
	admin(t, server, "CREATE DATABASE closed")
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	_, rest, _ := strings.Cut(server, "@")
	host, _, _ := strings.Cut(rest, "/")
	for name, c := range map[string]struct{ where, want string }{
		"password": {strings.Replace(server, testdb.Password, "wrong-s3cret", 1), "The password, or the name of the user, is wrong"},
		"database": {strings.Replace(server, "/postgres", "/none", 1), "createdb"},
		"server":   {strings.Replace(server, host, nobody.Addr().String(), 1), "Is the server running"},
		"rights":   {"postgres://guest:" + testdb.Password + "@" + host + "/closed", "must own the database"},
		"port":     {"postgres://shop:s3cret@127.0.0.1:port/x", "no URL of a PostgreSQL database"},
		"sslmode":  {"postgresql://shop:s3cret@127.0.0.1/x?sslmode=s3cret", "no URL of a PostgreSQL database"},
		"percent":  {"postgres://shop:s3%cret@127.0.0.1/x", "no URL of a PostgreSQL database"},
	} {
		l, err := Open(t.Context(), c.where)
		if err == nil {
			l.Close()
			t.Errorf("%s: no error", name)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3c") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Errors of a server keep what cannot come out of a row.
func TestExplainPostgres(t *testing.T) {
	l := &Ledger{where: "postgres://candor@db:5432/candor", dialect: postgres}
	for code, want := range map[string]string{"53100": "The server's disk is full", "28P01": "password", "28000": "does not let this user in", "57P03": "starting or stopping", "53300": "max_connections", "25006": "primary", "23505": "SQLSTATE 23505", "22P02": "SQLSTATE 22P02"} {
		err := l.explain(&pgconn.PgError{Code: code, Message: "message of alice@shop.example", Detail: "Key (owner)=(alice@shop.example)"})
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), l.where) || strings.Contains(err.Error(), "Key (") {
			t.Errorf("%s: %v", code, err)
		}
		if code[0] == '2' && code[1] < '5' && strings.Contains(err.Error(), "alice") {
			t.Errorf("%s: %v", code, err)
		}
	}
	if err := l.explain(context.Canceled); !errors.Is(err, context.Canceled) || err.Error() != context.Canceled.Error() {
		t.Error(err)
	}
}

func TestPlaceholders(t *testing.T) {
	for query, want := range map[string]string{"SELECT 1": "SELECT 1", "a = ? AND b = ?": "a = $1 AND b = $2", "a = ?2 OR b = ?1 OR c = ?12": "a = $2 OR b = $1 OR c = $12", "?": "$1"} {
		if got := postgres.bind(query); got != want {
			t.Errorf("%s: %s", query, got)
		}
		if got := sqlite.bind(query); got != query {
			t.Errorf("%s: %s", query, got)
		}
	}
}
