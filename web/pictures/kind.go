// Package pictures fetches the pictures that mails show from elsewhere, for readers who asked to see
// them, so that no browser ever does; and it tells pictures from everything else.
package pictures

import (
	"net/http"
	"slices"
	"strings"
)

// Sniffed is how many bytes from the beginning tell what a file is.
const Sniffed = 512

// types are what is shown in place. No SVG: it is a document with scripts.
var types = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}

// TypeOf returns the media type of a picture by its first bytes, whatever is claimed for it; "" if it
// is none of those that every browser shows and none can run.
func TypeOf(head []byte) string {
	if len(head) >= 12 && string(head[4:8]) == "ftyp" { // ISO/IEC 14496-12, 4.3; the brands are AVIF's
		if brand := string(head[8:12]); brand == "avif" || brand == "avis" {
			return "image/avif"
		}
	}
	if found := http.DetectContentType(head); slices.Contains(types, found) {
		return found
	}
	return ""
}

// Is tells whether a media type is that of a picture TypeOf knows.
func Is(mediaType string) bool { return slices.Contains(types, mediaType) }

// accept is what is asked for.
var accept = strings.Join(types, ",")
