package bounce

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Found is a message that lies in a mailbox.
type Found struct {
	Message []byte // at most MaxMessage bytes of it
	Folder  string // "" is the inbox; else as the Maildir has it, such as ".Junk"
}

// Spam: the server, or the mailbox's rules, put it where nobody looks.
func (f Found) Spam() bool {
	name := strings.ToLower(f.Folder)
	for _, word := range []string{"junk", "spam", "bulk"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// Find looks through a Maildir and its folders (Maildir++) for the message with a Message-ID, which is given without its brackets, among those that came
// since. False: it is not there yet. A folder in which it lies is read, and nothing is changed.
func Find(dir, messageID string, since time.Time) (f Found, ok bool, err error) {
	root, err := os.OpenRoot(dir) // no name or link in a folder that others write to leads out of it
	if err != nil {
		return f, false, err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return f, false, err
	}
	folders := []string{""}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), ".") {
			folders = append(folders, e.Name())
		}
	}
	for _, folder := range folders {
		for _, sub := range []string{"new", "cur"} {
			message, err := findIn(root, filepath.Join(folder, sub), messageID, since)
			if err != nil || message != nil {
				return Found{message, folder}, message != nil, err
			}
		}
	}
	return f, false, nil
}

func findIn(root *os.Root, folder, messageID string, since time.Time) ([]byte, error) {
	entries, err := fs.ReadDir(root.FS(), folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.Type().IsRegular() || info.ModTime().Before(since) {
			continue // somebody took it away, or it is an older one
		}
		message, err := readSome(root, filepath.Join(folder, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		if hasID(message, messageID) {
			return message, nil
		}
	}
	return nil, nil
}

func readSome(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxMessage))
}

func hasID(message []byte, id string) bool {
	if !bytes.Contains(message, []byte(id)) {
		return false // most others
	}
	for _, f := range ordered(message) {
		if f.name == "message-id" && strings.Trim(f.value, "<> ") == id {
			return true
		}
	}
	return false
}
