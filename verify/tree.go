package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// height of tiles: 256 hashes, or entries, to one that is full (c2sp.org/tlog-tiles).
const height = 8

// Tree is a log's Merkle tree (RFC 6962), as [tlog.StoredHashes] lists its hashes.
type Tree []tlog.Hash

// ReadHashes is [tlog.HashReader].
func (t Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		if n >= int64(len(t)) {
			return nil, errors.New("the tree is smaller")
		}
		list[i] = t[n]
	}
	return list, nil
}

// grow the tree of n entries by one.
func (t *Tree) grow(n int64, leaf tlog.Hash) error {
	more, err := tlog.StoredHashesForRecordHash(n, leaf, *t)
	*t = append(*t, more...)
	return err
}

// TreeOf computes the tree of some entries.
func TreeOf(entries [][]byte) (t Tree, err error) {
	for i, e := range entries {
		if err := t.grow(int64(i), tlog.RecordHash(e)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// RootAt is the root of the tree at a size. That of no entries is the hash of nothing (RFC 6962 §2.1), which tlog leaves to its callers.
func (t Tree) RootAt(size int64) (tlog.Hash, error) {
	if size == 0 {
		return sha256.Sum256(nil), nil
	}
	return tlog.TreeHash(size, t)
}

// tilePath is where a tile is in the published folder. tlog has the height in its paths, and "data" for entries (level -1).
func tilePath(t tlog.Tile) string {
	rest := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", height))
	if data, ok := strings.CutPrefix(rest, "data/"); ok {
		rest = "entries/" + data
	}
	return logFolder + "/tile/" + rest
}

// parseTilePath reads such a path.
func parseTilePath(name string) (tlog.Tile, bool) {
	rest, ok := strings.CutPrefix(name, logFolder+"/tile/")
	if entries, is := strings.CutPrefix(rest, "entries/"); is {
		rest = "data/" + entries
	}
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", height, rest))
	return t, ok && err == nil && tilePath(t) == name
}

// tilesOf are the tiles that a tree of some size has: of each level the full ones, and the one that is not full. Level -1 are the entries.
func tilesOf(size int64) (list []tlog.Tile) {
	for level := -1; ; level++ {
		n := size >> (height * max(level, 0)) // hashes of that level
		if n == 0 {
			return list
		}
		for i := int64(0); i<<height < n; i++ {
			list = append(list, tlog.Tile{H: height, L: level, N: i, W: int(min(n-i<<height, 1<<height))})
		}
	}
}

// TilePaths are where the published folder has the entries and tiles of a log of some size.
func TilePaths(size int64) (names []string) {
	for _, t := range tilesOf(size) {
		names = append(names, tilePath(t))
	}
	return names
}

// BundlePath is where the published folder has the last entries of a log of some size, from 1.
func BundlePath(size int64) string {
	n := (size - 1) >> height
	return tilePath(tlog.Tile{H: height, L: -1, N: n, W: int(size - n<<height)})
}

// holds: is the tile one of a tree of some size, or of an earlier one?
func holds(size int64, t tlog.Tile) bool {
	return t.L < 8 && t.N<<height+int64(t.W) <= size>>(height*max(t.L, 0))
}

// SplitBundle splits a bundle into its entries, of which each has its length before it in 16 bits.
func SplitBundle(bundle []byte) (entries [][]byte, err error) {
	for len(bundle) > 0 {
		if len(bundle) < 2 {
			return nil, errors.New("it is cut off")
		}
		n := int(binary.BigEndian.Uint16(bundle))
		if len(bundle) < 2+n {
			return nil, errors.New("it is cut off")
		}
		entries, bundle = append(entries, bundle[2:2+n]), bundle[2+n:]
	}
	return entries, nil
}

// join is the bundle of some entries.
func join(entries [][]byte) (bundle []byte) {
	for _, e := range entries {
		bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(e))), e...)
	}
	return bundle
}
