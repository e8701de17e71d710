package app_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/deskbell/deskbell"
	root   = "../../.."
)

// house is the list of our packages from the ground up, each with those of ours it may import. A
// package imports only what stands above it in this list, so no arrow of it can point up. The same
// table with its reasons is in ARCHITECTURE.md: change both together. A package may be listed
// before it exists; one that exists and is not listed fails. Test helpers (…test) are not listed.
var house = []struct{ name, imports string }{
	// Floor 0: the standard library and third parties only.
	{"rbac", ""},
	{"inbox/content/tokens", ""},
	{"inbox/content", ""},
	{"inbox/blob", ""},
	{"inbox/seal", ""},
	{"inbox/bus", ""},
	{"inbox/store/migrations", ""},
	{"channels/rest/outbound", ""},
	{"web/ui/help", ""},
	{"web/ui", ""},

	// Floor 1: words, and pure work on them.
	{"inbox", "rbac"},
	{"channels/email/mailparse", "inbox/content"},
	{"inbox/reference", "inbox"},
	{"routing/shift", "inbox rbac"},

	// Floor 2: rows and adapters.
	{"inbox/store", "inbox inbox/store/migrations inbox/content inbox/content/tokens rbac"},
	{"channels", "inbox"},
	{"channels/email/mailwrite", "inbox"},
	{"routing/rules", "inbox rbac"},
	{"inbox/translate", "inbox channels/rest/outbound"},

	// Floor 3: what services stand on.
	{"inbox/jobs", "inbox/store"},
	{"inbox/delivery", "inbox inbox/store"},
	{"inbox/search", "inbox inbox/store inbox/content/tokens rbac"},
	{"inbox/contacts", "inbox inbox/store rbac"},
	{"inbox/report", "inbox inbox/store rbac"},
	{"inbox/store/backup", "inbox inbox/store inbox/store/migrations inbox/blob"},
	{"channels/email/receive", "channels inbox channels/email/mailparse"},
	{"channels/email", "channels inbox channels/email/mailparse channels/email/mailwrite"},
	{"channels/rest", "channels inbox channels/rest/outbound"},
	{"web/auth", "inbox inbox/store inbox/seal rbac"},
	{"web/live", "inbox inbox/store inbox/bus rbac web/auth"},

	// Floor 4: services, each with a rule of its own, and the marketplaces.
	{"inbox/ingest", "inbox inbox/store inbox/delivery inbox/reference inbox/content inbox/content/tokens inbox/blob inbox/jobs"},
	{"inbox/ledger", "inbox inbox/store inbox/jobs inbox/ingest rbac"},
	{"inbox/outbox", "inbox inbox/store inbox/delivery inbox/reference inbox/content inbox/content/tokens inbox/blob inbox/jobs rbac"},
	{"inbox/remind", "inbox inbox/store inbox/jobs rbac"},
	{"inbox/claims", "inbox inbox/store inbox/blob inbox/jobs rbac"},
	{"inbox/retain", "inbox inbox/store inbox/blob inbox/jobs rbac"},
	{"inbox/bulk", "inbox inbox/store inbox/search inbox/contacts inbox/blob inbox/jobs rbac"},
	{"routing/sla", "inbox inbox/store inbox/jobs routing/shift"},
	{"routing", "inbox inbox/store inbox/jobs rbac routing/rules routing/shift"},
	{"routing/automation", "inbox inbox/store inbox/content inbox/jobs inbox/outbox rbac routing routing/rules"},
	{"channels/ebay", "channels inbox channels/rest"},
	{"channels/amazon", "channels inbox channels/rest"},
	{"channels/allegro", "channels inbox channels/rest"},
	{"channels/mercadolibre", "channels inbox channels/rest"},
	{"channels/mirakl", "channels inbox channels/rest"},
	{"channels/ozon", "channels inbox channels/rest"},
	{"channels/wildberries", "channels inbox channels/rest"},
	{"channels/yandexmarket", "channels inbox channels/rest"},
	{"web/push", "inbox inbox/store inbox/seal inbox/jobs rbac channels/rest/outbound"},
	{"web/hooks", "inbox inbox/store inbox/seal inbox/jobs channels channels/rest/outbound"},
	{"web/pictures", "inbox rbac channels/rest/outbound"},

	// Floors 5 and 6: the outside.
	{"web/api", "inbox inbox/store inbox/search inbox/outbox inbox/contacts inbox/remind inbox/report inbox/blob " +
		"inbox/content inbox/seal inbox/jobs inbox/ledger inbox/claims inbox/bulk inbox/retain inbox/translate " +
		"routing routing/sla routing/shift routing/rules routing/automation channels rbac web/auth web/pictures"},
	{"web", "inbox rbac web/api web/auth web/live web/push web/hooks web/ui web/ui/help"},

	// Floor 7: the wiring knows everybody and is known by cmd alone.
	{"cmd/internal/client", ""},
	{"cmd/internal/app", "*"},
	{"cmd/deskbell", "*"},
	{"cmd/deskbell-demo", "*"},
	{"cmd/deskbell-load", "cmd/internal/client"}, // speaks to a running server like any other client
}

// strangers are packages of others that some of ours must never import: pure packages have no
// database, no network and no clock of their own to reach for.
var strangers = map[string][]string{
	"inbox":                    {"database/sql", "net/http", "net", "os"},
	"inbox/content":            {"database/sql", "net/http", "net", "os"},
	"inbox/content/tokens":     {"database/sql", "net/http", "net", "os"},
	"inbox/search":             {"net/http"},
	"channels/email/mailparse": {"database/sql", "net/http", "net", "os"},
	"channels/email/mailwrite": {"database/sql", "net/http", "net", "os"},
	"routing/rules":            {"database/sql", "net/http", "net", "os"},
	"routing/shift":            {"database/sql", "net/http", "net", "os"},
	"web/api":                  {"database/sql", "github.com/uptrace/bun"},
}

// The programs that run the simulators of the tests: the demo, and the measuring tool, which needs
// mail servers that are faster than what it measures.
const (
	demo = "cmd/deskbell-demo"
	load = "cmd/deskbell-load"
)

// goPackage is the part of "go list -json" that the tests below read.
type goPackage struct {
	ImportPath string
	Imports    []string // of the package itself, not of its tests
	Module     *struct {
		Path, Dir string
		Main      bool
	}
}

func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	lookAround(t)
	command := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Module"}, args...)...)
	command.Dir = root
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// lookAround opens every folder of the source, so that "go test" sees what the answer of "go list"
// depends on and does not repeat an old verdict from its cache.
func lookAround(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(root, func(_ string, entry os.DirEntry, err error) error {
		if name := entry.Name(); err == nil && entry.IsDir() && (name == ".git" || name == "node_modules" || name == "bin" || name == "data") {
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ours returns the name of one of our packages below the module, or "".
func ours(importPath string) string {
	name, found := strings.CutPrefix(importPath, module+"/")
	if !found {
		return ""
	}
	return name
}

func isHelper(name string) bool { return strings.HasSuffix(path.Base(name), "test") }

func TestTheTablePointsDown(t *testing.T) {
	standing := map[string]bool{}
	for _, p := range house {
		for _, imported := range strings.Fields(p.imports) {
			if imported != "*" && !standing[imported] {
				t.Errorf("%s lists %s, which does not stand above it in the table", p.name, imported)
			}
		}
		if standing[p.name] {
			t.Errorf("%s is listed twice", p.name)
		}
		standing[p.name] = true
	}
	for name := range strangers {
		if !standing[name] {
			t.Errorf("%s is not a package of the house", name)
		}
	}
}

// The page people read shows the same table.
func TestArchitecturePageShowsTheTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| package | may import |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var want []string
	for _, p := range house {
		imports := "everything"
		if p.imports != "*" {
			imports = "–"
			if names := strings.Fields(p.imports); len(names) > 0 {
				imports = "`" + strings.Join(names, "`, `") + "`"
			}
		}
		want = append(want, "| `"+p.name+"` | "+imports+" |")
	}
	if got := strings.Split(table, "\n"); !found || !slices.Equal(got, want) {
		t.Errorf("the table in ARCHITECTURE.md is not the one of this test, which reads:\n%s", strings.Join(want, "\n"))
	}
}

func TestImportsPointDown(t *testing.T) {
	table := map[string][]string{}
	for _, p := range house {
		table[p.name] = strings.Fields(p.imports)
	}
	for _, p := range list(t, "./...") {
		name := ours(p.ImportPath)
		allowed, listed := table[name]
		if !listed && !isHelper(name) {
			t.Errorf("%s is not in the table: give it a place there and in ARCHITECTURE.md", name)
			continue
		}
		for _, imported := range p.Imports {
			if problem := judge(name, allowed, imported); problem != "" {
				t.Errorf("%s must not import %s: %s", name, imported, problem)
			}
		}
	}
}

// judge says what is wrong with one import, or "".
func judge(name string, allowed []string, importPath string) string {
	imported := ours(importPath)
	switch {
	case imported == "":
		if slices.Contains(strangers[name], importPath) {
			return "it has to stay without it"
		}
		return ""
	case isHelper(imported):
		if name == demo || name == load || isHelper(name) {
			return ""
		}
		return "helpers of tests are for _test.go files, " + demo + " and " + load
	case strings.HasPrefix(imported, "cmd/"):
		if strings.HasPrefix(name, "cmd/") && (slices.Contains(allowed, "*") || slices.Contains(allowed, imported)) {
			return ""
		}
		return "the wiring is known by cmd alone"
	case isHelper(name), slices.Contains(allowed, "*"), slices.Contains(allowed, imported):
		return ""
	}
	return "the table has no such arrow"
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name, allowed, imported string
		wrong                   bool
	}{
		{"inbox/ingest", "inbox inbox/store", module + "/inbox/store", false},
		{"inbox/ingest", "inbox inbox/store", module + "/channels", true},
		{"inbox/store", "inbox", module + "/inbox/store/storetest", true},
		{demo, "*", module + "/channels/email/emailtest", false},
		{"cmd/deskbell", "*", module + "/channels/email/emailtest", true},
		{"cmd/deskbell", "*", module + "/cmd/internal/app", false},
		{load, "cmd/internal/client", module + "/channels/email/emailtest", false},
		{load, "cmd/internal/client", module + "/cmd/internal/client", false},
		{load, "cmd/internal/client", module + "/cmd/internal/app", true},
		{load, "cmd/internal/client", module + "/inbox", true},
		{"web/api", "inbox", module + "/cmd/internal/app", true},
		{"inbox/store/storetest", "", module + "/inbox/store", false},
		{"inbox/store/storetest", "", module + "/cmd/internal/app", true},
		{"routing/shift", "rbac", "net/http", true},
		{"web", "rbac", "net/http", false},
	} {
		if problem := judge(tt.name, strings.Fields(tt.allowed), tt.imported); (problem != "") != tt.wrong {
			t.Errorf("%s imports %s: %q, want wrong: %v", tt.name, tt.imported, problem, tt.wrong)
		}
	}
}

// Beside the six folders only files that tools and people expect stand at the top.
func TestTopLevel(t *testing.T) {
	allowed := strings.Fields(`cmd channels inbox routing rbac web .ci .github
		README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md SECURITY.md LICENSE NOTICE
		Makefile Dockerfile .dockerignore compose.yaml go.mod go.sum .gitignore .gitattributes .editorconfig`)
	for _, name := range tracked(t) {
		top, _, _ := strings.Cut(name, "/")
		if !slices.Contains(allowed, top) {
			t.Errorf("%s: %s has no place at the top level", name, top)
		}
	}
}

// tracked lists the files that belong to the source: those git knows, or, in an unpacked archive
// without its repository, everything but what a build leaves at the top.
func tracked(t *testing.T) []string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
		output, err := exec.Command("git", "-C", root, "ls-files").Output()
		if err != nil {
			t.Fatalf("git ls-files: %v", err)
		}
		return strings.Split(strings.TrimSpace(string(output)), "\n")
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if name := entry.Name(); name != "bin" && name != "data" {
			names = append(names, name)
		}
	}
	return names
}

// Everything linked into a program of ours has a licence that lets it be given on.
func TestLicencesOfWhatWeLink(t *testing.T) {
	modules := map[string]string{} // path → folder
	for _, p := range list(t, "-deps", "./...") {
		if p.Module != nil && !p.Module.Main {
			modules[p.Module.Path] = p.Module.Dir
		}
	}
	for name, folder := range modules {
		text := licence(t, folder)
		if text == "" {
			t.Errorf("%s has no licence file", name)
		}
		if wrong := refused(text); wrong != "" {
			t.Errorf("%s is under the %s", name, wrong)
		}
	}
}

// licence returns what the licence files at the top of a module say, in capitals.
func licence(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, entry := range entries {
		name := strings.ToUpper(entry.Name())
		if entry.IsDir() || !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "UNLICENSE") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		// The title is enough, and the MPL names the GNU licences further down as ones it yields to.
		text.WriteString(strings.ToUpper(string(content[:min(len(content), 600)])) + "\n")
	}
	return text.String()
}

func refused(licence string) string {
	for _, title := range []string{"AFFERO GENERAL PUBLIC LICENSE", "GNU GENERAL PUBLIC LICENSE", "SERVER SIDE PUBLIC LICENSE", "BUSINESS SOURCE LICENSE", "COMMONS CLAUSE", "ELASTIC LICENSE"} {
		if strings.Contains(licence, title) {
			return title
		}
	}
	return ""
}
