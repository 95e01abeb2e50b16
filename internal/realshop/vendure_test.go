package realshop

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"candor.example/internal/testpart"
)

// person is a made-up customer as populate.cjs made it.
type person struct {
	ID        string   `json:"id"` // Vendure's, and so Candor's
	Email     string   `json:"email"`
	FirstName string   `json:"firstName"`
	LastName  string   `json:"lastName"`
	Country   string   `json:"country"`
	Password  string   `json:"password"` // empty: a guest, who has no account
	Orders    []string `json:"orders"`   // codes
}

// vendure is a running shop.
type vendure struct {
	url       string
	customers string // customers.csv
	Admin     struct{ Identifier, Password string }
	People    []person `json:"customers"`
}

// members are the customers with an account.
func (v *vendure) members() (list []person) {
	for _, p := range v.People {
		if p.Password != "" {
			list = append(list, p)
		}
	}
	return list
}

// guests are the customers without.
func (v *vendure) guests() (list []person) {
	for _, p := range v.People {
		if p.Password == "" {
			list = append(list, p)
		}
	}
	return list
}

// startVendure starts a shop of its own for the test, on a copy of the database that was filled once.
func startVendure(t *testing.T, mistakes bool) *vendure {
	t.Helper()
	modules, template := filledShop(t)
	dir := t.TempDir()
	for _, name := range []string{"vendure.sqlite", "customers.csv", "shop.json"} {
		copyFile(t, filepath.Join(template, name), filepath.Join(dir, name))
	}
	v := &vendure{customers: filepath.Join(dir, "customers.csv")}
	readJSON(t, filepath.Join(dir, "shop.json"), v)
	port := testpart.FreePort(t)
	v.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	cmd := node(t, modules, dir, port)
	cmd.Env = append(cmd.Env, "SHOP_ASSETS="+filepath.Join(template, "assets"))
	if mistakes {
		cmd.Env = append(cmd.Env, "MISTAKES=1")
	}
	start(t, cmd, "ready http")
	return v
}

// node is server.cjs with its packages. NODE_PATH, because the packages are not beside it but in the cache.
func node(t *testing.T, modules, dir string, port int, args ...string) *exec.Cmd {
	t.Helper()
	script, err := filepath.Abs("vendure/server.cjs")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testpart.Program(t, "node"), append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "SHOP_DIR="+dir, "PORT="+strconv.Itoa(port), "NODE_ENV=production")
	return cmd
}

// filledShop installs Vendure and fills a shop, or takes both from the cache. It returns the folder of the packages and
// that of the shop, which nobody may write to.
func filledShop(t *testing.T) (modules, shop string) {
	t.Helper()
	if testing.Short() {
		t.Skip("a real shop is not short")
	}
	modules = filepath.Join(packages(t), "node_modules")
	count := customerCount(t)
	// What the shop holds depends on the packages and on these files.
	key := digestFiles(t, "vendure/package-lock.json", "vendure/populate.cjs", "vendure/people.cjs", "vendure/config.cjs", "vendure/server.cjs")
	shop = cached(t, fmt.Sprintf("shop-%d-%s", count, key), func(dir string) {
		began := time.Now()
		t.Logf("filling a shop with %d customers, once: half a minute for 100, two minutes for 1,000", count)
		cmd := node(t, modules, dir, testpart.FreePort(t), "populate")
		cmd.Env = append(cmd.Env, fmt.Sprintf("CUSTOMERS=%d", count))
		toEnd(t, cmd)
		t.Logf("filled in %v", time.Since(began).Round(time.Second))
	})
	return modules, shop
}

func customerCount(t *testing.T) int {
	t.Helper()
	s := os.Getenv("CANDOR_VENDURE_CUSTOMERS")
	if s == "" {
		return 100
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 40 || n > 10_000 {
		t.Fatalf("CANDOR_VENDURE_CUSTOMERS=%q: give a number from 40 to 10000", s)
	}
	return n
}

// packages installs what package-lock.json lists. Install scripts are off: of all packages only better-sqlite3 needs its
// own, and that is built from source, because where its ready-made binary comes from is not the registry.
func packages(t *testing.T) string {
	t.Helper()
	abi := nodeFact(t, "process.versions.modules")
	if major, _ := strconv.Atoi(nodeFact(t, "process.versions.node.split('.')[0]")); major < 20 {
		testpart.Missing(t, fmt.Sprintf("node is version %d, and Vendure needs 20 or later: see https://nodejs.org/en/download", major))
	}
	npm := testpart.Program(t, "npm")
	testpart.Program(t, "g++")
	testpart.Program(t, "make")
	key := digestFiles(t, "vendure/package.json", "vendure/package-lock.json")
	return cached(t, fmt.Sprintf("packages-%s-%s-%s-%s", runtime.GOOS, runtime.GOARCH, abi, key), func(dir string) {
		began := time.Now()
		t.Log("installing Vendure with npm ci and building better-sqlite3: about a minute and a half, once")
		for _, name := range []string{"package.json", "package-lock.json"} {
			copyFile(t, filepath.Join("vendure", name), filepath.Join(dir, name))
		}
		for _, args := range [][]string{
			{"ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"},
			{"rebuild", "better-sqlite3", "--build-from-source"},
		} {
			cmd := exec.Command(npm, args...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), nodeHeaders(t)...)
			toEnd(t, cmd)
		}
		t.Logf("installed in %v", time.Since(began).Round(time.Second))
	})
}

// nodeHeaders names the headers that came with node, where they did (Debian: libnode-dev); node-gyp fetches them otherwise.
func nodeHeaders(t *testing.T) []string {
	prefix := nodeFact(t, "require('path').resolve(process.execPath, '../..')")
	if _, err := os.Stat(filepath.Join(prefix, "include/node/node.h")); err != nil {
		return nil
	}
	return []string{"npm_config_nodedir=" + prefix}
}

func nodeFact(t *testing.T, expression string) string {
	t.Helper()
	out, err := exec.Command(testpart.Program(t, "node"), "-p", expression).Output()
	if err != nil {
		t.Fatalf("node -p %q: %v", expression, err)
	}
	return strings.TrimSpace(string(out))
}

// cached returns a folder of the cache, made by fill if it is not there. It appears under its name only when it is whole;
// of two test runs that make it at once, one wins.
func cached(t *testing.T, name string, fill func(dir string)) string {
	t.Helper()
	dir := filepath.Join(cacheDir(t), name)
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), name+".part-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(part)
	fill(part)
	if err := os.Rename(part, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func cacheDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CANDOR_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			base = os.TempDir() // no HOME
		}
		dir = filepath.Join(base, "candor-realshop")
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// toEnd runs a step that must succeed.
func toEnd(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = asChild()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
}

func digestFiles(t *testing.T, names ...string) string {
	t.Helper()
	h := sha256.New()
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(b), b)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:6])
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
