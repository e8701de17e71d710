package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/deskbell/deskbell/inbox/seal"
)

var here = seal.Binding{Table: "connections", Field: "secret", Row: 7, Shop: 3}

func newRing(t *testing.T) (ring *seal.Ring, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "key")
	ring, created, err := seal.LoadOrCreate(path, "")
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	return ring, path
}

func TestOpensOnlyWhereItBelongs(t *testing.T) {
	ring, _ := newRing(t)
	secret := []byte("correct horse")
	sealed := ring.Seal(secret, here)
	if got, err := ring.Open(sealed, here); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("Open: %q, %v", got, err)
	}
	for name, there := range map[string]seal.Binding{
		"other row":   {Table: "connections", Field: "secret", Row: 8, Shop: 3},
		"other shop":  {Table: "connections", Field: "secret", Row: 7, Shop: 4},
		"other field": {Table: "connections", Field: "token", Row: 7, Shop: 3},
		"other table": {Table: "users", Field: "secret", Row: 7, Shop: 3},
		"moved word":  {Table: "connectionss", Field: "ecret", Row: 7, Shop: 3},
	} {
		if got, err := ring.Open(sealed, there); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("%s: %q, %v; want ErrSealed", name, got, err)
		}
	}
}

func TestEveryByteCounts(t *testing.T) {
	ring, _ := newRing(t)
	sealed := ring.Seal([]byte("x"), here)
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := ring.Open(changed, here); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("byte %d may change: %v", i, err)
		}
		if _, err := ring.Open(sealed[:i], here); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("the first %d bytes open: %v", i, err)
		}
	}
}

func TestSealedLooksDifferentEachTime(t *testing.T) {
	ring, _ := newRing(t)
	if bytes.Equal(ring.Seal([]byte("x"), here), ring.Seal([]byte("x"), here)) {
		t.Error("two values sealed alike tell that the secrets are the same")
	}
	if got, err := ring.Open(ring.Seal(nil, here), here); err != nil || len(got) != 0 {
		t.Errorf("an empty secret: %q, %v", got, err)
	}
}

func TestRotation(t *testing.T) {
	old, path := newRing(t)
	sealed := old.Seal([]byte("old secret"), here)
	ring, err := seal.Rotate(path)
	if err != nil {
		t.Fatal(err)
	}
	if ring.Fingerprint() == old.Fingerprint() || !ring.Has(old.Fingerprint()) {
		t.Fatalf("after rotating: newest %s, has the old one: %v", ring.Fingerprint(), ring.Has(old.Fingerprint()))
	}
	fresh, changed, err := ring.Reseal(sealed, here)
	if err != nil || !changed {
		t.Fatalf("Reseal: changed %v, %v", changed, err)
	}
	if got, err := ring.Open(fresh, here); err != nil || string(got) != "old secret" {
		t.Errorf("after re-keying: %q, %v", got, err)
	}
	if _, err := old.Open(fresh, here); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("the old key opens what the new one sealed: %v", err)
	}
	if again, changed, err := ring.Reseal(fresh, here); err != nil || changed || !bytes.Equal(again, fresh) {
		t.Errorf("re-keying twice: changed %v, %v", changed, err)
	}
	if _, _, err := ring.Reseal(sealed, seal.Binding{}); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("re-keying for another place: %v", err)
	}

	// The program starts again with either fingerprint in the database.
	for _, fingerprint := range []string{old.Fingerprint(), ring.Fingerprint(), ""} {
		loaded, created, err := seal.LoadOrCreate(path, fingerprint)
		if err != nil || created || loaded.Fingerprint() != ring.Fingerprint() {
			t.Errorf("loading for %q: created %v, %v", fingerprint, created, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	ring, path := newRing(t)
	missing := filepath.Join(t.TempDir(), "key")
	if _, _, err := seal.LoadOrCreate(missing, ring.Fingerprint()); !errors.Is(err, seal.ErrMissing) {
		t.Errorf("missing key: %v", err)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("a new key was made for a database that has one")
	}
	other, _ := newRing(t)
	if _, _, err := seal.LoadOrCreate(path, other.Fingerprint()); !errors.Is(err, seal.ErrOther) {
		t.Errorf("other key: %v", err)
	}
	key, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty":      "",
		"comments":   "# nothing else\n",
		"cut":        string(key[:len(key)-5]),
		"no key":     "-----BEGIN PRIVATE KEY-----\n",
		"other form": strings.ReplaceAll(string(key), "deskbell-key-1", "deskbell-key-2"),
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := seal.LoadOrCreate(path, "")
		if !errors.Is(err, seal.ErrBroken) {
			t.Errorf("%s: %v, want ErrBroken", name, err)
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != content {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestKeyFile(t *testing.T) {
	_, path := newRing(t)
	if _, err := seal.Rotate(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("beside the key lies %v, %v", left, err)
	}
	if _, _, err := seal.LoadOrCreate(filepath.Join(path, "below", "a", "file"), ""); err == nil {
		t.Error("no folder, no complaint")
	}
}

func TestSeveralStartAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	prints, made := make([]string, 8), make([]bool, 8)
	var all sync.WaitGroup
	for i := range prints {
		all.Go(func() {
			ring, created, err := seal.LoadOrCreate(path, "")
			if err != nil {
				t.Error(err)
				return
			}
			prints[i], made[i] = ring.Fingerprint(), created
		})
	}
	all.Wait()
	makers := 0
	for i := range prints {
		if prints[i] != prints[0] {
			t.Errorf("two keys: %s and %s", prints[i], prints[0])
		}
		if made[i] {
			makers++
		}
	}
	if makers != 1 {
		t.Errorf("%d made the key, want 1", makers)
	}
}

func TestDerivedKeys(t *testing.T) {
	_, path := newRing(t)
	ring, err := seal.Rotate(path)
	if err != nil {
		t.Fatal(err)
	}
	one, err := ring.Derive("references")
	if err != nil || len(one) != 2 || len(one[0]) != 32 || bytes.Equal(one[0], one[1]) {
		t.Fatalf("%d keys, %v", len(one), err)
	}
	other, err := ring.Derive("cursors")
	if err != nil || bytes.Equal(one[0], other[0]) {
		t.Errorf("two purposes share a key, %v", err)
	}
	again, _, err := seal.LoadOrCreate(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if same, err := again.Derive("references"); err != nil || !bytes.Equal(same[0], one[0]) || !bytes.Equal(same[1], one[1]) {
		t.Errorf("the keys change with a restart, %v", err)
	}
}

func TestKeysStayOutOfLogs(t *testing.T) {
	ring, path := newRing(t)
	key, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "sealing key " + ring.Fingerprint()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, ring); got != want || strings.Contains(string(key), ring.Fingerprint()) {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}
