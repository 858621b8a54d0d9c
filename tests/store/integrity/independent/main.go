// Checks a lake's transparency log with golang.org/x/mod/sumdb, which shares no code with Tooltrail: the checkpoint's
// signature, every tile against its root, every entry against its tile, consistency with an older checkpoint, and proofs.
//
//	independent LOG KEY [-old CHECKPOINT] [-proof FILE -entry FILE]
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// files reads tiles laid out as c2sp.org/tlog-tiles, whose paths leave out the height, which is 8.
type files struct{ dir string }

func (f files) Height() int                     { return 8 }
func (f files) SaveTiles([]tlog.Tile, [][]byte) {}
func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(f.dir, strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func main() {
	old := flag.String("old", "", "an older checkpoint of the log")
	proof := flag.String("proof", "", "a .tlog-proof")
	entry := flag.String("entry", "", "the entry it is of")
	flag.Parse()
	if err := check(flag.Arg(0), flag.Arg(1), *old, *proof, *entry); err != nil {
		fmt.Println("FAULT", err)
		os.Exit(4)
	}
}

func check(dir, key, old, proof, entry string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	tree, err := open(filepath.Join(dir, "checkpoint"), verifier)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, files{dir})
	if err := entries(dir, tree, reader); err != nil {
		return err
	}
	if old != "" {
		before, err := open(old, verifier)
		if err != nil {
			return err
		}
		steps, err := tlog.ProveTree(tree.N, before.N, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(steps, tree.N, tree.Hash, before.N, before.Hash); err != nil {
			return err
		}
	}
	if proof != "" {
		if err := included(proof, entry, verifier); err != nil {
			return err
		}
	}
	fmt.Println("ok", tree.N)
	return nil
}

// open reads a checkpoint that the key has signed.
func open(path string, verifier note.Verifier) (tlog.Tree, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	return parse(data, verifier)
}

func parse(data []byte, verifier note.Verifier) (tlog.Tree, error) {
	signed, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// entries compares each entry with its hash in the tiles, which the reader has authenticated up to the root.
func entries(dir string, tree tlog.Tree, reader tlog.HashReader) error {
	for index := int64(0); index*256 < tree.N; index++ {
		tile := tlog.Tile{H: 8, L: -1, N: index, W: int(min(256, tree.N-index*256))}
		path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		for number := index * 256; number < index*256+int64(tile.W); number++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return fmt.Errorf("%s ends in entry %d", path, number)
			}
			size := int(binary.BigEndian.Uint16(data))
			found, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, number)})
			if err != nil {
				return err
			}
			if tlog.RecordHash(data[2:2+size]) != found[0] {
				return fmt.Errorf("entry %d is not the one in the tree", number)
			}
			data = data[2+size:]
		}
	}
	return nil
}

// included checks a c2sp.org/tlog-proof of an entry.
func included(path, entry string, verifier note.Verifier) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	record, err := os.ReadFile(entry)
	if err != nil {
		return err
	}
	head, checkpoint, found := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "extra ") {
		return fmt.Errorf("%s is no proof", path)
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var steps tlog.RecordProof
	for _, line := range lines[3:] {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return fmt.Errorf("%q is no hash", line)
		}
		steps = append(steps, tlog.Hash(raw))
	}
	tree, err := parse(checkpoint, verifier)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(steps, tree.N, tree.Hash, index, tlog.RecordHash(record))
}
