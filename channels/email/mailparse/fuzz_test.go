package mailparse_test

import (
	"strconv"
	"testing"

	"github.com/deskbell/deskbell/channels/email/mailparse"
)

// unpackedKinds are the types of parts that are read by code of their own.
var unpackedKinds = []string{"application/ms-tnef", "text/calendar", "application/rtf", "application/pkcs7-mime", "text/enriched", "text/richtext", "message/partial"}

// FuzzUnpack feeds bytes to what reads containers and other forms, without an encoding around them, in
// which changes would be lost.
func FuzzUnpack(f *testing.F) {
	for i, body := range []string{
		"\x78\x9f\x3e\x22\x01\x00\x02\x02\x90\x06\x00\x01\x00\x00\x00x\x00\x00\x02\x10\x80\x01\x00\x06\x00\x00\x00a.txt\x00\x00\x00",
		"BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:a\\, b\nDTSTART;TZID=\"x:y\":20250303T100000\nEND:VEVENT\nEND:VCALENDAR\n",
		`{\rtf1\ansi\ansicpg1251\fromhtml1{\fonttbl{\f0\fcharset204 A;}}{\*\htmltag64 <p>}\htmlrtf x\htmlrtf0 \'e4\u-10179?\u-8704?\bin3 abc}`,
		"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x01\x2a\xa0\x80\x24\x80\x04\x02\n\n\x00\x00",
		"<bold>a</bold> <<b <param>c</param>\n\nd",
		"a<nl><lt>b<comment>c</comment>",
		"Subject: x\n\nhello",
	} {
		f.Add(i, []byte(body))
	}
	f.Fuzz(func(t *testing.T, kind int, body []byte) {
		name := unpackedKinds[uint(kind)%uint(len(unpackedKinds))]
		raw := append([]byte("From: a@b.example\nContent-Type: "+name+"; number="+strconv.Itoa(kind)+"\nContent-Transfer-Encoding: binary\n\n"), body...)
		checkSafe(t, mailparse.Inspect(raw))
	})
}
