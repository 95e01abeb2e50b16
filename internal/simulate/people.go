package simulate

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"candor.example"
	"candor.example/directory"
)

// customers is how many people shop here.
const customers = 300

var (
	given  = []string{"Anna", "Bernd", "Chloe", "Dmitri", "Elif", "Femke", "Giulia", "Hakan", "Ines", "Jonas", "Katarzyna", "Liam", "Marta", "Niels", "Olga"}
	family = []string{"Abendroth", "Brugman", "Castellano", "Dombrowski", "Eriksen", "Fitzgerald", "Grillparzer", "Hasanovic", "Iliescu", "Jorgensen",
		"Kowalczyk", "Lindqvist", "Montalbano", "Nakamura", "Okonkwo", "Papadakis", "Quintana", "Rosenfeld", "Szymanska", "Tikhonov"}
)

func name(n int) string { return given[n%len(given)] + " " + family[n/len(given)] }

func address(n int) string {
	return strings.ToLower(strings.ReplaceAll(name(n), " ", ".")) + fmt.Sprintf("%d@mail%d.example", n, n%7)
}

func md5Of(n int) string {
	sum := md5.Sum([]byte(address(n)))
	return hex.EncodeToString(sum[:])
}

func sha256Of(n int) string {
	sum := sha256.Sum256([]byte(address(n)))
	return hex.EncodeToString(sum[:])
}

func session(n int) string { return fmt.Sprintf("5e5510n-%016x", n*7919) }

// customerOf is who holds a request's session; -1: nobody.
func customerOf(r *http.Request) int {
	c, err := r.Cookie("sid")
	if err != nil {
		return -1
	}
	var n int
	if _, err := fmt.Sscanf(c.Value, "5e5510n-%x", &n); err != nil {
		return -1
	}
	return n / 7919
}

// viewer is what Candor knows of who asks.
func viewer(r *http.Request) candor.Viewer {
	v := candor.Viewer{Client: r.Header.Get("X-Client")}
	if n := customerOf(r); n >= 0 {
		v.Customer = fmt.Sprint(n + 1000)
	} else if strings.Contains(r.UserAgent(), "Googlebot") {
		v.Crawler = "Googlebot"
	}
	return v
}

// Directory builds the shop's customer directory in a folder.
func Directory(ctx context.Context, dir string) (*directory.Directory, error) {
	var csv strings.Builder
	csv.WriteString("id,email,name\n")
	for n := range customers {
		fmt.Fprintf(&csv, "%d,%s,%s\n", n+1000, address(n), name(n))
	}
	path := filepath.Join(dir, "customers")
	var key directory.Key
	if _, err := directory.Build(ctx, path, key, strings.NewReader(csv.String()), "customers.csv", directory.BuildOptions{}); err != nil {
		return nil, err
	}
	return directory.Open(path, key)
}
