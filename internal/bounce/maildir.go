package bounce

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Maildir takes reports from a folder into which an MTA delivers them (new, cur and tmp, as qmail has it), where no port can be had.
type Maildir struct {
	Dir    string
	Path   ReturnPath
	Report func(Report) error // ErrNoNotice: the message is set aside; another error ends Read, and the message stays
}

// ErrNoNotice: a report names a notice that nobody was sent from here.
var ErrNoNotice = errors.New("it is about no notice that was sent from here")

// NotUnderstood is the folder inside a Maildir where messages lie that are no report of a notice: a person should look.
const NotUnderstood = ".NotUnderstood"

// Read reads what is there now and says how many reports it took, and how many messages it set aside. A report that was kept is removed from
// the folder, since the address that bounced stands in it. Killed between the two, it hands the same Report, of the same ID, over again.
func (m Maildir) Read(ctx context.Context) (took, aside int, err error) {
	// A root, so that no name or link in a folder that others write to leads out of it.
	root, err := os.OpenRoot(m.Dir)
	if err != nil {
		return 0, 0, err
	}
	defer root.Close()
	for _, folder := range []string{"new", "cur"} {
		entries, err := fs.ReadDir(root.FS(), folder) // by name: the order of arrival
		if errors.Is(err, fs.ErrNotExist) {
			return took, aside, fmt.Errorf("%s is no Maildir: it has no folder %s", m.Dir, folder)
		} else if err != nil {
			return took, aside, err
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return took, aside, err
			}
			if !e.Type().IsRegular() || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			understood, err := m.one(root, filepath.Join(folder, e.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				continue // somebody else took it
			} else if err != nil {
				return took, aside, err
			}
			if understood {
				took++
			} else {
				aside++
			}
		}
	}
	return took, aside, nil
}

func (m Maildir) one(root *os.Root, name string) (understood bool, err error) {
	f, err := root.Open(name)
	if err != nil {
		return false, err
	}
	report, err := m.Path.Parse(f, "")
	f.Close()
	if err != nil {
		return false, err
	}
	if understood = Understood(report); !understood {
		return false, setAside(root, name)
	}
	if err := m.Report(report); errors.Is(err, ErrNoNotice) {
		return false, setAside(root, name)
	} else if err != nil {
		return false, err
	}
	return true, root.Remove(name)
}

// Understood: it says something about a notice that is known.
func Understood(r Report) bool {
	return r.Key != "" && r.Kind != Unknown
}

func setAside(root *os.Root, name string) error {
	for _, folder := range []string{"", "tmp", "new", "cur"} {
		if err := root.Mkdir(filepath.Join(NotUnderstood, folder), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return root.Rename(name, filepath.Join(NotUnderstood, "new", filepath.Base(name)))
}
