package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func post(t *testing.T, url, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

// Customers come and go, and the key changes, while a serve runs: what it recognises changes with them at once, stays so after a
// restart, and who is signed in stays so.
func TestDirectoryWhileServing(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "a-long-random-session-0002"})
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		fmt.Fprint(w, "person1@people.example nora@people.example\n")
	}))
	defer shop.Close()
	data, file := filepath.Join(t.TempDir(), "data"), customersFile(t, 10)
	args := []string{"--upstream", shop.URL, "--customers", file, "--viewer", "session:sid"}
	p := serve(t, data, args...)
	candor := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(p.cmd.Path, append(args, "--data", data)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	const cookie = "sid=a-long-random-session-0002"
	sees := func(when, stranger, owner string) {
		t.Helper()
		for who, want := range map[string]string{"": stranger, cookie: owner} {
			_, body := get(t, p.site+"/", "Cookie", who)
			got := ""
			for _, name := range []string{"person1@", "nora@"} {
				if strings.Contains(body, name) {
					got += name
				}
			}
			if got != want {
				t.Errorf("%s: with the cookie %q, %q is seen, want %q", when, who, got, want)
			}
		}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Post(p.site+"/login", "application/x-www-form-urlencoded", strings.NewReader("email=person1@people.example&password=x"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	sees("at first", "nora@", "person1@nora@")

	token, err := os.ReadFile(filepath.Join(data, "keys", "directory.token"))
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(filepath.Join(data, "keys", "directory.token")); info.Mode().Perm() != 0o600 {
		t.Error("others may read the token")
	}
	bearer, to := "Bearer "+strings.TrimSpace(string(token)), p.console+"/directory/customers"
	const nora = `{"id":"n1","email":"nora@people.example"}` + "\n"
	for _, c := range []struct {
		token, body string
		status      int
		answer      string
	}{
		{"", nora, 401, "the token is missing or wrong"},
		{"Bearer " + strings.Repeat("x", len(bearer)-7), nora, 401, "the token is missing or wrong"},
		{bearer + "x", nora, 401, "the token is missing or wrong"},
		{bearer, "", 400, "the file is empty"},
		{bearer, "id,mail\n", 400, `no column "email"`},
		{bearer, "id,email\n" + strings.Repeat(" \n", maxPost/2), 413, "nothing was added"},
	} {
		if status, body := post(t, to, c.token, c.body); status != c.status || !strings.Contains(body, c.answer) {
			t.Errorf("%.20q: %d %s", c.body, status, body)
		}
	}
	if status, _ := get(t, to, "Authorization", bearer); status == 200 {
		t.Error("the endpoint answers GET")
	}
	sees("after refused posts", "nora@", "person1@nora@")
	if status, body := post(t, to, bearer, nora); status != 200 || !strings.Contains(body, `"customers": 1`) {
		t.Error(status, body)
	}
	sees("posted", "", "person1@")
	if status, body := post(t, to, bearer, "id,email\nn1,nora@people.example\nn2,nora\n"); status != 422 || !strings.Contains(body, `"bad_rows": 1`) || strings.Contains(body, "nora") {
		t.Error(status, body)
	}

	candor("keys", "rotate", "--customers", file)
	sees("under the new key", "", "person1@")
	p.stop()
	p = serve(t, data, args...)
	sees("after a restart", "", "person1@")

	candor("directory", "forget", "n1")
	sees("forgotten", "nora@", "person1@nora@")
	if status, body := post(t, p.console+"/directory/customers", bearer, nora); status != 422 || !strings.Contains(body, `"forgotten": 1`) {
		t.Error(status, body)
	}
	p.stop()
	p = serve(t, data, args...)
	sees("forgotten, after a restart", "nora@", "person1@nora@")
	candor("directory", "add", "--again", "--customers", write(t, nora))
	sees("added again", "", "person1@")
	p.stop()
}

func write(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
