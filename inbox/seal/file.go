package seal

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// What LoadOrCreate refuses with; a program that met one of these must not go on and must not make
// a new key, because everything sealed so far would be lost for good.
var (
	ErrMissing = errors.New("the sealing key is missing")
	ErrOther   = errors.New("the sealing key is not the one this database was sealed with")
	ErrBroken  = errors.New("the sealing key file cannot be read as one")
)

const (
	// A key file has one line "deskbell-key-1 BASE64" per key, oldest first; # begins a comment.
	linePrefix = "deskbell-key-1 "
	comment    = "# Sealing keys of one Deskbell, newest last. Keep a copy apart from the backups:\n" +
		"# without it no password and no token in them opens.\n"
)

// LoadOrCreate reads the key file at path. fingerprint is what the database knows about its key: ""
// if nothing was sealed yet. Then, and only then, a missing file is made, readable by its owner
// alone, and created is true. Errors are ErrMissing, ErrOther, ErrBroken or those of the disk.
//
// Where Ring.Fingerprint differs from a known fingerprint afterwards, a newer key was added and the
// database still has to be re-keyed.
func LoadOrCreate(path, fingerprint string) (ring *Ring, created bool, err error) {
	ring, err = load(path)
	if errors.Is(err, fs.ErrNotExist) {
		if fingerprint != "" {
			return nil, false, fmt.Errorf("%w: there is no file %s; put back the copy of key %s", ErrMissing, path, fingerprint)
		}
		return create(path)
	}
	if err != nil {
		return nil, false, err
	}
	if fingerprint != "" && !ring.Has(fingerprint) {
		return nil, false, fmt.Errorf("%w: %s holds key %s, the database needs key %s", ErrOther, path, ring.Fingerprint(), fingerprint)
	}
	return ring, false, nil
}

// create makes the file without ever replacing one: of two programs that start at once, both end
// with the same key.
func create(path string) (ring *Ring, created bool, err error) {
	ring = &Ring{}
	if err := ring.grow(); err != nil {
		return nil, false, err
	}
	temporary, err := write(path, ring)
	if err != nil {
		return nil, false, fmt.Errorf("make the sealing key: %w", err)
	}
	defer func() { _ = os.Remove(temporary) }()
	err = os.Link(temporary, path)
	if errors.Is(err, fs.ErrExist) {
		ring, err = load(path)
		return ring, false, err
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return nil, false, fmt.Errorf("make the sealing key: %w", err)
	}
	return ring, true, nil
}

// Rotate adds a new key to the file at path and returns the ring with it. The old keys stay, because
// values sealed by them, in the database and in backups, still have to open.
func Rotate(path string) (*Ring, error) {
	ring, err := load(path)
	if err != nil {
		return nil, err
	}
	if err := ring.grow(); err != nil {
		return nil, err
	}
	temporary, err := write(path, ring)
	if err != nil {
		return nil, fmt.Errorf("rotate the sealing key: %w", err)
	}
	if err := errors.Join(os.Rename(temporary, path), syncFolder(filepath.Dir(path))); err != nil {
		return nil, fmt.Errorf("rotate the sealing key: %w", err)
	}
	return ring, nil
}

func (r *Ring) grow() error {
	var secret [keySize]byte
	_, _ = rand.Read(secret[:]) // never fails: the program ends instead
	k, err := newKey(secret)
	if err != nil {
		return fmt.Errorf("make a sealing key: %w", err)
	}
	r.keys = append(r.keys, k)
	return nil
}

func load(path string) (*Ring, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the sealing key: %w", err)
	}
	ring := &Ring{}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		text, found := strings.CutPrefix(line, linePrefix)
		secret, err := base64.StdEncoding.Strict().DecodeString(text)
		if !found || err != nil || len(secret) != keySize {
			return nil, fmt.Errorf("%w: %s has a line that is no key", ErrBroken, path)
		}
		k, err := newKey([keySize]byte(secret))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBroken, err)
		}
		ring.keys = append(ring.keys, k)
	}
	if len(ring.keys) == 0 {
		return nil, fmt.Errorf("%w: %s holds no key", ErrBroken, path)
	}
	return ring, nil
}

// write puts the ring into a temporary file beside path, synced, and returns its name.
func write(path string, ring *Ring) (temporary string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-") // CreateTemp makes it 0600
	if err != nil {
		return "", err
	}
	content := comment
	for _, k := range ring.keys {
		content += linePrefix + base64.StdEncoding.EncodeToString(k.secret[:]) + "\n"
	}
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		_ = os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
