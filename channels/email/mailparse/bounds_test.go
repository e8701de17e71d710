//go:build !race

// The race detector makes these measured tests ten times slower and finds nothing in pure functions.

package mailparse_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels/email/mailparse"
)

// The bounds that every mail keeps: its size, and what reading it takes of a processor and of memory.
const (
	monsterSize   = 50 << 20
	monsterTime   = 2 * time.Second
	monsterMemory = 200 << 20
)

const monsterName = "MAILPARSE_TEST_MONSTER"

// TestMain reads one mail and reports its memory if the test of the bounds started this process.
func TestMain(m *testing.M) {
	name := os.Getenv(monsterName)
	if name == "" {
		os.Exit(m.Run())
	}
	debug.SetMemoryLimit(120 << 20) // as the command "mail inspect" does
	if err := readMonster(name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status, _ := os.ReadFile("/proc/self/status")
	os.Stdout.Write(status)
}

func readMonster(name string) error {
	all := monsters()
	m := all[slices.IndexFunc(all, func(m monster) bool { return m.name == name })]
	raw := m.mail()
	mailparse.Sameness(raw)
	i := mailparse.Inspect(raw)
	if len(i.Attachments) > 1000 || len(i.To) > 1000 || len(i.References) > 500 {
		return fmt.Errorf("%d files, %d addresses, %d references", len(i.Attachments), len(i.To), len(i.References))
	}
	return json.NewEncoder(io.Discard).Encode(i)
}

// TestBounds reads mails of 50 MB that were made to be slow or large, each in a process of its own, and
// holds its time and peak memory. The time is that on the clock or of the processors, whichever is less:
// the one grows with what else the machine does, the other with the collector's help on idle cores. Of
// three attempts the best counts.
func TestBounds(t *testing.T) {
	for _, m := range monsters() {
		t.Run(m.name, func(t *testing.T) {
			for attempt := 1; ; attempt++ {
				took, memory := m.read(t)
				t.Logf("%v, %d MB", took.Round(10*time.Millisecond), memory>>20)
				if took <= monsterTime && memory <= monsterMemory {
					return
				}
				if attempt == 3 {
					t.Fatalf("took %v and %d MB", took, memory>>20)
				}
			}
		})
	}
}

// read has a process read the mail and returns its time and peak memory.
func (m monster) read(t *testing.T) (took time.Duration, memory int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), monsterName+"="+m.name)
	began := time.Now()
	out, err := child.Output()
	if err != nil {
		t.Fatal(err)
	}
	took = time.Since(began)
	return min(took, child.ProcessState.UserTime()+child.ProcessState.SystemTime()), peakMemory(t, out)
}

// peakMemory reads the line of /proc that tells the largest resident size.
func peakMemory(t *testing.T, status []byte) int {
	t.Helper()
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatalf("no memory in %q", status)
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// monster is a mail: a beginning, a unit repeated until it is as large as it may be, and an end.
type monster struct{ name, head, unit, tail string }

func (m monster) mail() []byte {
	n := max((monsterSize-len(m.head)-len(m.tail))/len(m.unit), 1)
	raw := make([]byte, 0, len(m.head)+n*len(m.unit)+len(m.tail))
	raw = append(raw, m.head...)
	for range n {
		raw = append(raw, m.unit...)
	}
	return append(raw, m.tail...)
}

func monsters() []monster {
	const head = "From: a@b.example\nSubject: x\n"
	mixed := head + "Content-Type: multipart/mixed; boundary=x\n\n"
	html := head + "Content-Type: text/html\n\n"
	list := []monster{
		{"a million parts", mixed, "--x\nContent-Type: text/plain\n\nhello\n", "--x--\n"},
		{"100,000 files", mixed, "--x\nContent-Type: image/png; name=\"a b.png\"\nContent-Transfer-Encoding: base64\n\n" + strings.Repeat("QUJD", 100) + "\n", ""},
		{"500,000 lines", head + "\n", "a line of text: like this and some more words to come to about a hundred bytes in each of these.\n", ""},
		{"short lines", head + "\n", "a b\n", ""},
		{"quoted lines", head + "\n", "> a line of text\n", ""},
		{"introductions", head + "\n", "On 3.3.2025 10:15 a@b.example wrote:\n", ""},
		{"header in the text", head + "\n", "From: x\n", ""},
		{"blocks of header", head + "\n", "Content-Type: x\nX-A: b\n\n", ""},
		{"one line", head + "\n", "word ", ""},
		{"html", html, "<p><b><div>", ""},
		{"html table", html, "<tr><td style=\"color:red\">x &amp; y</td></tr>\n", ""},
		{"html never closed", html + "<a href=\"", "<a href=\"", ""},
		{"html styles", html, "<style>.a{color:red}</style><span class=a>x</span>", ""},
		{"html pictures", html, "<img src=\"cid:a@b\">", ""},
		{"base64 text", head + "Content-Transfer-Encoding: base64\n\n", strings.Repeat("QUJD", 18) + "\n", ""},
		{"base64 file", head + "Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\n", strings.Repeat("QUJD", 18) + "\n", ""},
		{"equal signs", head + "Content-Transfer-Encoding: quoted-printable\n\n", "=\n=", ""},
		{"quoted letters", head + "Content-Transfer-Encoding: quoted-printable\n\n", "=C3=BC", ""},
		{"uuencoded file", head + "\nbegin 644 a\n", "M" + strings.Repeat("0", 60) + "\n", "`\nend\n"},
		{"begins of files", head + "\n", "begin 644 a\nM" + strings.Repeat("0", 60) + "\nx\n", ""},
		{"begins of yenc", head + "\nbegin \n", "=ybegin line=1 name=a\n", ""},
		{"8-bit", head + "\n", "\xe4\xf6\xfc ab\n", ""},
		{"8-bit and UTF-8", head + "\n", "\xe4\xf6\xfc ab\n\xc3\xa4\xc3\xb6\n", ""},
		{"two-byte letters", head + "\n", "\xc4\xe3\xba\xc3", ""},
		{"shifts", head + "\n", "\x1b$B$\"\x1b(B", ""},
		{"UTF-16", head + "Content-Type: text/plain; charset=utf-16\n\n", "a\x00b\x00", ""},
		{"carriage returns", strings.ReplaceAll(head, "\n", "\r") + "\r", "line of text\r", ""},
		{"fields", head, "X-A: b\n", "\nx"},
		{"no fields", head, "no colon here\nX-A: b\n", "\nx"},
		{"folds", head + "X: y\n", " y\n", "\nx"},
		{"addresses", "From: ", "\"a\\\"b\" <a@b.example>, ", "\n\nx"},
		{"open angles", "From: ", "<@,", "\n\nx"},
		{"encoded words", "Subject: ", "=?utf-8?q?a?= ", "\n\nx"},
		{"half words", "Subject: ", "=?utf-8?q?a", "\n\nx"},
		{"many fields of words", "From: a@b.example\n", "Subject: " + strings.Repeat("=?utf-8?q?a?= ", 1000) + "\n", "\nx"},
		{"continued parameters", head + "Content-Type: text/plain; ", "a*0*=utf-8''b; ", "\n\nx"},
		{"parameters without end", head + "Content-Type: text/plain; ", "a=b c=\"d ", "\n\nx"},
		{"references", head + "References: ", "<a@b> ", "\n\nx"},
		{"depth", head, "Content-Type: multipart/mixed; boundary=b\n\n--b\n", ""},
		{"boundaries", mixed, "--x\n", ""},
		{"almost boundaries", mixed, "--xy\n", ""},
		{"other boundaries", mixed, "--a\n", ""},
		{"invitation", head + "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nDESCRIPTION:", "\\n\\,\n ", ""},
		{"enriched", head + "Content-Type: text/enriched\n\n", "<a>x\n\n", ""},
		{"flowed", head + "Content-Type: text/plain; format=flowed\n\n", ">> a \n", ""},
		{"pgp", head + "\n", "-----BEGIN PGP X\n", ""},
		{"rtf", head + "Content-Type: application/rtf\n\n{\\rtf1 ", "{\\b x}\\u65 ", ""},
		{"smime", head + "Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("\x24\x80\x24"), 10)), ""},
	}
	list = append(list, reportMonsters()...)
	return append(list, tnefMonsters(head)...)
}

// reportMonsters are reports of servers that say the same again and again.
func reportMonsters() []monster {
	const head = "From: mailer-daemon@b.example\nSubject: failure notice\n"
	status := head + "Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n"
	return []monster{
		{"answers", status, "Action: relayed\nDiagnostic-Code: " + strings.Repeat("y ", 20_000) + "\n\n", ""},
		{"recipients", head + "\n", "<a@b.example>: 5\n", ""},
		{"at signs", head + "\n", "@", ""},
		{"statuses", strings.TrimSuffix(status, "--x\nContent-Type: message/delivery-status\n\n"), "--x\nContent-Type: message/delivery-status\n\nAction: failed\n", ""},
	}
}

// tnefMonsters are containers that unpack to far more than they are, or have very many things in them.
func tnefMonsters(head string) []monster {
	little := func(numbers ...uint32) string {
		var out []byte
		for _, n := range numbers {
			out = binary.LittleEndian.AppendUint32(out, n)
		}
		return string(out)
	}
	attribute := func(id uint32, data string) string {
		return "\x01" + little(id, uint32(len(data))) + data + "\x00\x00"
	}
	mail := head + "Content-Type: application/ms-tnef\nContent-Transfer-Encoding: 8bit\n\n" + little(0x223e9f78) + "\x01\x00"
	const size = 40 << 20
	bomb := "x" + strings.Repeat("\xff"+strings.Repeat("\x0c\xff", 8), size/17) // each pair of bytes is seventeen
	rtf := little(uint32(len(bomb)), 1<<31, 0x75465a4c, 0) + bomb
	property := little(1, 0x10090102, 1, uint32(len(rtf))) + rtf
	return []monster{
		{"tnef files", mail, attribute(0x00069002, "x") + attribute(0x00018010, "a.txt"), ""},
		{"tnef properties", mail + "\x01" + little(0x00069003, monsterSize, 1<<31), little(0x0003000a, 1), ""},
		{"tnef rtf", mail + attribute(0x00069003, property), "x", ""},
	}
}
