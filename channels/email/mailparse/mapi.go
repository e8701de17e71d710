package mailparse

import "encoding/binary"

// Kinds of MAPI properties that have no fixed length, and the mark of those with several values.
const (
	kindObject   = 0x000d
	kindString8  = 0x001e
	kindUnicode  = 0x001f
	kindBinary   = 0x0102
	manyOfKind   = 0x1000
	firstNamedID = 0x8000
)

// property is one MAPI property; of several values the first.
type property struct {
	id, kind uint16
	value    []byte
}

// eachProperty calls found for each property of a list as TNEF stores it ([MS-OXTNEF], section
// 2.1.3.4). It stops where the list is cut or wrong.
func eachProperty(raw []byte, found func(property)) {
	r := propertyReader{raw: raw}
	for n := r.number(); n > 0 && !r.broken; n-- {
		head := r.number()
		p := property{id: uint16(head >> 16), kind: uint16(head)}
		if p.id >= firstNamedID {
			r.skipName()
		}
		values := 1
		many := p.kind&manyOfKind != 0
		p.kind &^= manyOfKind
		size := fixedSize(p.kind)
		if many || size == 0 {
			values = r.number()
		}
		for i := 0; i < values && !r.broken; i++ {
			length := size
			if size == 0 {
				length = r.number()
			}
			if value := r.take(length); i == 0 {
				p.value = value
			}
		}
		if !r.broken {
			found(p)
		}
	}
}

// fixedSize returns the bytes of a value, filled up to four; 0 if its length is told.
func fixedSize(kind uint16) int {
	switch kind {
	case kindObject, kindString8, kindUnicode, kindBinary:
		return 0
	case 0x0005, 0x0006, 0x0007, 0x0014, 0x0040: // numbers and times of eight bytes
		return 8
	case 0x0048: // a unique id
		return 16
	}
	return 4
}

// propertyReader reads numbers and bytes until they are used up.
type propertyReader struct {
	raw    []byte
	broken bool
}

func (r *propertyReader) number() int {
	b := r.take(4)
	if len(b) < 4 {
		r.broken = true
		return 0
	}
	return int(binary.LittleEndian.Uint32(b))
}

// take returns the next bytes and skips what fills them up to four.
func (r *propertyReader) take(length int) []byte {
	if length < 0 || length > len(r.raw) {
		r.broken = true
		return nil
	}
	b := r.raw[:length:length]
	r.raw = r.raw[min((length+3)&^3, len(r.raw)):]
	return b
}

// skipName skips the unique id and the number or name of a named property.
func (r *propertyReader) skipName() {
	r.take(16)
	if kind := r.number(); kind == 0 {
		r.number()
		return
	}
	r.take(r.number())
}
