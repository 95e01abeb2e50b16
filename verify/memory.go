package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Memory is a file in which this machine keeps what it saw of logs, so that one that is rolled back or rewritten later is found.
type Memory struct{ Path string }

// UserMemory is the user's own, in the folder that the system has for configuration.
func UserMemory() (Memory, error) {
	dir, err := os.UserConfigDir()
	return Memory{filepath.Join(dir, "candor", "logs-seen.json")}, err
}

// All that was seen.
func (m Memory) All() (list []Seen, err error) {
	b, err := os.ReadFile(m.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := decode(b, &list); err != nil {
		return nil, fmt.Errorf("%s: %w: it is what this machine remembers of logs; mend it, or move it away to begin anew", m.Path, err)
	}
	return list, nil
}

// Remember what was seen at a place. What was seen there before is part of it.
func (m Memory) Remember(s Seen) error {
	all, err := m.All()
	if err != nil {
		return err
	}
	kept := []Seen{s}
	for _, o := range all {
		if o.Place != s.Place {
			kept = append(kept, o)
		}
	}
	b, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(m.Path), 0o700); err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.%d", m.Path, os.Getpid())
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, m.Path)
}
