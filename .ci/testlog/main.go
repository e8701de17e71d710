// Command testlog reads "go test -json" and prints what a person wants to see: a line for each
// package, and everything a failed test or package said. It writes "PASSED FAILED" into the file
// named by -count and fails if anything did. Tests with subtests count as their subtests.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of "go test -json"; see "go doc test2json".
type event struct {
	Action     string
	Package    string
	Test       string
	Output     string
	Elapsed    float64
	ImportPath string // of a build that failed
}

type test struct{ name, in string }

// above is the test whose subtest this is; its name is empty for the package.
func (t test) above() test {
	return test{t.name[:max(0, strings.LastIndexByte(t.name, '/'))], t.in}
}

type report struct {
	out            io.Writer
	passed, failed int
	broken         int // packages that failed without a failed test: they do not build, or crashed
	said           map[test][]string
	parents        map[test]bool // tests that have subtests
	failedBelow    map[test]bool // tests of which a subtest failed; "" for the package
}

func main() {
	count := flag.String("count", "", "file for the numbers of passed and failed tests")
	flag.Parse()
	r := &report{out: os.Stdout, said: map[test][]string{}, parents: map[test]bool{}, failedBelow: map[test]bool{}}
	err := r.read(os.Stdin)
	failed := r.failed + r.broken
	fmt.Printf("%d tests passed, %d failed\n", r.passed, failed)
	if *count != "" && err == nil {
		err = os.WriteFile(*count, fmt.Appendf(nil, "%d %d\n", r.passed, failed), 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(r.out, lines.Text()) // of go itself
			continue
		}
		r.take(e)
	}
	return lines.Err()
}

func (r *report) take(e event) {
	at := test{e.Test, e.Package}
	switch e.Action {
	case "run":
		r.parents[at.above()] = true
	case "output":
		if e.Test != "" || !chatter(e.Output) {
			r.said[at] = append(r.said[at], e.Output)
		}
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "pass":
		if e.Test == "" {
			fmt.Fprintf(r.out, "ok    %6.1f s  %s\n", e.Elapsed, e.Package)
		} else if !r.parents[at] {
			r.passed++
		}
		delete(r.said, at)
	case "fail":
		r.fail(e, at)
	case "skip":
		if e.Test != "" {
			fmt.Fprintf(r.out, "skip            %s %s\n%s", e.Package, e.Test, strings.Join(r.said[at], ""))
		}
		delete(r.said, at)
	}
}

func (r *report) fail(e event, at test) {
	defer delete(r.said, at)
	if e.Test == "" {
		fmt.Fprintf(r.out, "%sFAIL  %6.1f s  %s\n", strings.Join(r.said[at], ""), e.Elapsed, e.Package)
		if !r.failedBelow[at] {
			r.broken++
			for t, said := range r.said { // a crash or a timeout leaves tests without an end
				if t.in == e.Package && t != at {
					fmt.Fprint(r.out, strings.Join(said, ""))
				}
			}
		}
		return
	}
	fmt.Fprint(r.out, strings.Join(r.said[at], ""))
	if !r.failedBelow[at] { // a test counts as its subtests, unless it failed by itself
		r.failed++
	}
	for above := at.above(); ; above = above.above() {
		r.failedBelow[above] = true
		if above.name == "" {
			return
		}
	}
}

// chatter tells whether a package's own line only repeats what its result says.
func chatter(line string) bool {
	for _, start := range []string{"PASS", "ok  \t", "FAIL", "?   \t", "coverage:", "testing: warning: no tests"} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}
