package mailparse

import (
	"encoding/binary"
	"strings"
)

// container is what a winmail.dat holds.
type container struct {
	text, html string
	files      []packed
}

// packed is a file in a container. A mail inside it is a container of its own.
type packed struct {
	name, kind, contentID string
	content, inner        []byte
}

// Attributes of TNEF ([MS-OXTNEF], section 2.1.3.2) and properties of MAPI ([MS-OXPROPS]) that are read.
const (
	tnefMark = 0x223e9f78

	attributeBody       = 0x0002800c
	attributeProperties = 0x00069003
	attributeCodepage   = 0x00069007
	attributeRender     = 0x00069002 // begins an attachment
	attributeTitle      = 0x00018010
	attributeData       = 0x0006800f
	attributeFile       = 0x00069005

	propertyBody      = 0x1000
	propertyRTF       = 0x1009
	propertyHTML      = 0x1013
	propertyCodepage  = 0x3fde
	propertyName      = 0x3001
	propertyObject    = 0x3701
	propertyShortName = 0x3704
	propertyLongName  = 0x3707
	propertyMIME      = 0x370e
	propertyContentID = 0x3712
)

// maxTNEFFiles bounds the files of one container.
const maxTNEFFiles = 1000

// readTNEF reads a container; false if it is none. Texts are at most maxText bytes.
func readTNEF(raw []byte, maxText int) (container, bool) {
	if len(raw) < 6 || binary.LittleEndian.Uint32(raw) != tnefMark {
		return container{}, false
	}
	t := tnefReader{codepage: "windows-1252", maxText: maxText}
	for raw = raw[6:]; len(raw) >= 11 && len(t.files) < maxTNEFFiles; {
		id, length := binary.LittleEndian.Uint32(raw[1:]), int(binary.LittleEndian.Uint32(raw[5:]))
		raw = raw[9:]
		if length < 0 || length > len(raw) {
			length = len(raw) // cut on the way
		}
		t.attribute(id, raw[:length])
		raw = raw[min(length+2, len(raw)):] // a checksum follows
	}
	return t.finish(), true
}

// tnefReader gathers a container.
type tnefReader struct {
	container
	codepage  string
	body      []byte // of the old attribute
	rtf, page []byte // compressed RTF, HTML
	pageName  string // charset of page
	maxText   int
}

func (t *tnefReader) attribute(id uint32, data []byte) {
	switch id {
	case attributeCodepage:
		if len(data) >= 4 {
			t.codepage = codepageName(int(binary.LittleEndian.Uint32(data)))
		}
	case attributeBody:
		t.body = data
	case attributeProperties:
		eachProperty(data, t.messageProperty)
	case attributeRender:
		t.files = append(t.files, packed{})
	}
	if len(t.files) == 0 {
		return
	}
	file := &t.files[len(t.files)-1]
	switch id {
	case attributeTitle:
		if file.name == "" {
			file.name = t.string8(data)
		}
	case attributeData:
		file.content = data
	case attributeFile:
		eachProperty(data, func(p property) { t.fileProperty(file, p) })
	}
}

func (t *tnefReader) messageProperty(p property) {
	switch p.id {
	case propertyBody:
		t.text = t.string(p)
	case propertyRTF:
		t.rtf = p.value
	case propertyHTML:
		t.page = p.value
		if p.kind == kindUnicode {
			t.pageName = "utf-16le"
		}
	case propertyCodepage:
		if len(p.value) >= 4 && t.pageName == "" {
			t.pageName = codepageName(int(binary.LittleEndian.Uint32(p.value)))
		}
	}
}

func (t *tnefReader) fileProperty(file *packed, p property) {
	switch p.id {
	case propertyLongName:
		file.name = t.string(p)
	case propertyShortName, propertyName:
		if file.name == "" {
			file.name = t.string(p)
		}
	case propertyMIME:
		file.kind = t.string(p)
	case propertyContentID:
		file.contentID = strings.Trim(cleanLine(t.string(p)), "<>")
	case propertyObject:
		if len(p.value) > 16 && p.kind == kindObject && binary.LittleEndian.Uint32(p.value[16:]) == tnefMark {
			file.inner = p.value[16:] // a mail, after the id of its interface
		} else if len(file.content) == 0 {
			file.content = p.value
		}
	}
}

// finish chooses the best of the texts: HTML, then plain text, then what the RTF says.
func (t *tnefReader) finish() container {
	if t.text == "" {
		t.text = t.string8(t.body)
	}
	if len(t.page) > 0 {
		t.html = decodeText(t.page[:min(len(t.page), t.maxText)], t.pageName, t.codepage)
	} else if rtf := inflateRTF(t.rtf, t.maxText); len(rtf) > 0 {
		text, isHTML := readRTF(rtf, t.maxText)
		if isHTML {
			t.html = text
		} else if strings.TrimSpace(t.text) == "" {
			t.text = text
		}
	}
	return t.container
}

func (t *tnefReader) string8(data []byte) string {
	return decodeText(data[:min(len(data), t.maxText)], t.codepage, "")
}

func (t *tnefReader) string(p property) string {
	if p.kind == kindUnicode {
		return withoutNUL(decodeUTF16(p.value[:min(len(p.value), t.maxText)], false))
	}
	return t.string8(p.value)
}
