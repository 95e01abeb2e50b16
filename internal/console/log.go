package console

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"candor.example/verify"
)

// logState is what the published log says of itself, without having been verified.
type logState struct {
	Folder     string    `json:"folder,omitempty"` // empty: nothing is published from here
	Origin     string    `json:"origin,omitempty"`
	Size       int64     `json:"size"`
	Root       string    `json:"root,omitempty"`
	Key        string    `json:"key,omitempty"`
	Written    time.Time `json:"written,omitzero"` // of the last checkpoint
	Checkpoint string    `json:"checkpoint,omitempty"`
	Wrong      string    `json:"wrong,omitempty"`
}

func (c *Console) logState() (s logState) {
	if s.Folder = c.o.Public; s.Folder == "" {
		return s
	}
	root, err := os.OpenRoot(s.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return s
	}
	if err == nil {
		defer root.Close()
		err = s.read(root)
	}
	if err != nil {
		s.Wrong = sentence(err.Error())
	}
	return s
}

func (s *logState) read(root *os.Root) error {
	if _, err := root.Stat(verify.CheckpointFile); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	p, err := verify.Published(root.FS())
	if err != nil {
		return err
	}
	s.Origin, s.Size, s.Root, s.Key, s.Checkpoint = p.Origin, p.Size, p.Root.String(), p.Key, strings.TrimSpace(p.Text)
	if info, err := root.Stat(verify.CheckpointFile); err == nil {
		s.Written = info.ModTime()
	}
	return nil
}

// checked is what the verify package finds, as a stranger would.
type checked struct {
	verify.Result
	Folder string   `json:"folder"`
	Found  []string `json:"findings"`
	Undone string   `json:"not_done,omitempty"`
}

func (c *Console) checkLog(r *http.Request) (any, error) {
	if c.o.Public == "" {
		return nil, missing("There is no such page.")
	}
	root, err := os.OpenRoot(c.o.Public)
	if err != nil {
		return nil, missing("Nothing is published yet.")
	}
	defer root.Close()
	o := verify.Options{Place: c.o.Public, Now: c.o.Now()}
	if c.o.LogKeys != nil {
		keys, err := c.o.LogKeys()
		if err != nil {
			return nil, err
		}
		o.Keys = &keys
	}
	v := checked{Result: verify.Folder(root.FS(), o), Folder: c.o.Public, Found: []string{}}
	for _, f := range v.Findings() {
		v.Found = append(v.Found, f.String())
	}
	v.Undone = v.NotDone()
	return v, nil
}
