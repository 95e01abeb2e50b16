package bounce

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	put := func(folder, name, message string) string {
		for _, sub := range []string{"new", "cur", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, folder, sub), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, folder, name)
		if err := os.WriteFile(path, []byte(message), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	since := time.Now().Add(-time.Minute)
	put("", "new/1", "Subject: quoting <a@shop.example>\r\nMessage-ID: <b@shop.example>\r\n\r\n<a@shop.example>\r\n")
	if _, ok, err := Find(dir, "a@shop.example", since); ok || err != nil {
		t.Fatal("found in what only names it:", err)
	}
	old := put("", "cur/2:2,S", "Message-ID: <a@shop.example>\r\n\r\nold\r\n")
	if err := os.Chtimes(old, since, since.Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := Find(dir, "a@shop.example", since); ok || err != nil {
		t.Fatal("found one from before:", err)
	}
	put(".Junk E-mail", "new/3", "Received: x\r\nmessage-id:\r\n <a@shop.example>\r\n\r\nspam\r\n")
	f, ok, err := Find(dir, "a@shop.example", since)
	if !ok || err != nil || !f.Spam() || f.Folder != ".Junk E-mail" {
		t.Fatal(f, ok, err)
	}
	put("", "cur/4:2,", "Message-ID: <a@shop.example>\r\n\r\nhere\r\n")
	if f, ok, err := Find(dir, "a@shop.example", since); !ok || err != nil || f.Spam() {
		t.Fatal(f, ok, err)
	}
	// A link leads nowhere.
	outside := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(outside, []byte("Message-ID: <c@shop.example>\r\n\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "new", "5")); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := Find(dir, "c@shop.example", since); ok || err != nil {
		t.Fatal("a link was followed:", err)
	}
	if _, _, err := Find(filepath.Join(dir, "none"), "a@shop.example", since); err == nil {
		t.Error("a folder that is not there")
	}
}
