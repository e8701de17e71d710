package content

import "bytes"

// Mail programs mark the parts of an HTML mail they add themselves. The cleaner keeps these marks
// and no other class or id, so that quotes can still be found in cleaned HTML.

// mark is what a class or id says of its element.
type mark int

const (
	markNone      mark = iota
	markQuote          // the element holds what somebody else wrote
	markIntro          // the element introduces a quote: "On Monday Ann wrote:"
	markSignature      // the element is a signature
	markCut            // everything from here on is a quote
)

func classMark(class string) mark {
	switch class {
	case "gmail_attr", "moz-cite-prefix", "yahoo_quoted_header", "protonmail_quote_header":
		return markIntro
	case "yahoo_quoted", "protonmail_quote", "moz-forward-container", "zmail_extra", "tutanota_quote", "iosymail",
		"js-helper-quote", "mail-quote-collapse":
		return markQuote
	case "gmail_signature", "moz-signature", "protonmail_signature_block", "ms-outlook-mobile-signature",
		"ms-outlook-ios-signature", "yahoo-signature", "zmail_signature_below":
		return markSignature
	case "gmail_quote", "OutlookMessageHeader":
		return markNone // kept, but not enough by itself
	}
	return markNone
}

func idMark(id string) mark {
	switch id {
	case "divRplyFwdMsg", "x_divRplyFwdMsg", "appendonsend", "OLK_SRC_BODY_SECTION", "replySplit", "isReplyContent",
		"isForwardContent", "mail-editor-reference-message-container", "spnEditorContent_quote":
		return markCut
	case "Signature", "AppleMailSignature", "ms-outlook-mobile-signature", "ymail_android_signature",
		"ymail_ios_signature":
		return markSignature
	}
	return markNone
}

// isQuoteClass tells whether a class is worth keeping.
func isQuoteClass(class string) bool {
	return classMark(class) != markNone || class == "gmail_quote" || class == "OutlookMessageHeader"
}

func isQuoteID(id []byte) bool { return len(id) < 64 && idMark(string(id)) != markNone }

// quoteMarks returns the classes of value that mark quotes, separated by blanks.
func quoteMarks(value []byte) []byte {
	var kept []byte
	for _, class := range bytes.Fields(value[:min(len(value), maxTextValue)]) {
		if len(class) < 64 && isQuoteClass(string(class)) {
			if kept != nil {
				kept = append(kept, ' ')
			}
			kept = append(kept, class...)
		}
	}
	return kept
}
