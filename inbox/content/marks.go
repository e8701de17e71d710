package content

import "bytes"

// Mail programs mark the parts of an HTML mail they add themselves. The cleaner keeps these marks
// and no other class or id, so that quotes can still be found in cleaned HTML.

// mark is what a class or id says of its element.
type mark int

const (
	markNone      mark = iota
	markKept           // known, but not enough by itself
	markQuote          // the element holds what somebody else wrote
	markIntro          // the element introduces a quote: "On Monday Ann wrote:"
	markSignature      // the element is a signature
	markCut            // everything from here on is a quote
	markOnly           // the element holds all that the person wrote
)

// classes are the marks that programs write as a class.
var classes = map[string]mark{
	// Gmail; an old container of its is where people also answer between quotes
	"gmail_quote": markKept, "gmail_attr": markIntro, "gmail_signature": markSignature, "gmail_signature_prefix": markSignature,
	"moz-cite-prefix": markIntro, "moz-email-headers-table": markCut, "moz-forward-container": markCut, "moz-signature": markSignature,
	"outlookmessageheader": markKept, "ms-outlook-mobile-signature": markSignature, "ms-outlook-ios-signature": markSignature,
	"yahoo_quoted": markQuote, "yahoo_quoted_header": markIntro, "yahoo-signature": markSignature, "iosymail": markQuote,
	"protonmail_quote": markQuote, "protonmail_quote_header": markIntro, "protonmail_signature_block": markSignature,
	"tutanota_quote": markQuote, "tutanota_indented": markQuote, "tutanota_signature": markSignature, "skiff_quote": markQuote,
	"zmail_extra": markQuote, "zmail_extra_hr": markQuote, "zmail_signature_below": markSignature, "zm_signature": markSignature,
	"ntes-mailmaster-quote": markCut, "j-reply": markCut, "ntes-signature": markSignature,
	"js-helper-quote": markQuote, "mail-quote-collapse": markQuote,
	"airmail_ext_on": markIntro, "airmail_on": markIntro, "bloop_sign": markSignature, "airmail_sign": markSignature,
	"front-blockquote": markQuote, "front-signature": markSignature, "sh-signature": markSignature, "sh-quoted-content": markQuote,
	"hs_reply": markQuote, "freshdesk_quote": markQuote, "zd-quote": markQuote, "intercom_quote": markQuote,
	"infomaniak_quote": markQuote, "infomaniak_signature": markSignature, "editoruserzonesignature": markSignature, "ik_mail_quote": markQuote,
	"signature": markSignature, "email-signature": markSignature, "email_signature": markSignature, "mail-signature": markSignature, "mail_signature": markSignature,
	"io-ox-signature": markSignature, "rc-signature": markSignature, "sig": markSignature, "mailsignature": markSignature,
	"k9mail-signature": markSignature, "edo-signature": markSignature, "imp-signature": markSignature, "signature_editor": markSignature,
	"edo-reply-quoted": markQuote, "mailbird-quote": markQuote, "bluemail_quote": markQuote, "bluemailquote": markQuote, "mb_quote": markQuote, "mb_sig": markSignature, "history_container": markQuote, "replyheader": markIntro,
}

// ids are the marks that programs write as an id.
var ids = map[string]mark{
	"divrplyfwdmsg": markCut, "olk_src_body_section": markCut, "replysplit": markCut, "stopspelling": markKept,
	"mail-editor-reference-message-container": markCut, "spneditorcontent_quote": markCut, "reply139content": markCut,
	"isreplycontent": markCut, "isforwardcontent": markCut, "orimsghtmlseperator": markCut, "origbody": markCut,
	"quoted_header": markCut, "reply-intro": markIntro, "forwardbody1": markKept, "replybody1": markKept,
	"signature": markSignature, "ms-outlook-mobile-signature": markSignature, "applemailsignature": markSignature,
	"ymail_android_signature": markSignature, "ymail_ios_signature": markSignature, "protonmail_mobile_signature_block": markSignature,
	"protonmail_signature_block": markSignature, "imail_signature": markSignature, "ntes-pcmac-signature": markSignature, "ntes-iosmail-signature": markSignature,
	"_rc_sig": markSignature, "composer_signature": markSignature, "zm-_id_-sgn": markSignature, "spark_signature": markSignature,
	"superhuman-signature": markSignature, "ntes-pcmail-signature": markSignature, "ntes-androidmail-signature": markSignature,
	"mobile_signature": markSignature, "emailsignature": markSignature, "mailsignature": markSignature,
	"userinputtedtext": markOnly,
}

// values are the marks that programs write as the value of another attribute.
var values = map[string]mark{
	"name=quote": markQuote, "name=messagereplysection": markCut, "name=messagesignaturesection": markSignature,
	"data-smartmail=gmail_signature": markSignature, "data-signature-widget=container": markSignature,
	"data-marker=__quoted_text__": markQuote, "data-marker=__headers__": markIntro,
	"data-marker=__sig_pre__": markSignature, "data-marker=__sig_post__": markSignature,
}

func classMark(class []byte) mark { return lookUp(classes, class) }

func idMark(id []byte) mark { return lookUp(ids, id) }

func dataMark(key, value []byte) mark {
	if len(value) > maxMark {
		return markNone
	}
	return values[string(key)+"="+string(bytes.ToLower(value))]
}

const maxMark = 64 // bytes of a name

// lookUp finds a name that other programs may have put letters before when they quoted it.
func lookUp(marks map[string]mark, name []byte) mark {
	if len(name) > maxMark {
		return markNone
	}
	name = bytes.ToLower(name)
	for bytes.HasPrefix(name, []byte("x_")) {
		name = name[2:]
	}
	switch {
	case bytes.HasPrefix(name, []byte("m_")): // Gmail
		name = bytes.TrimLeft(name[2:], "-0123456789")
	case bytes.HasPrefix(name, []byte("ydp")): // Yahoo
		name = bytes.TrimLeft(name[3:], "0123456789abcdef")
	}
	return marks[string(name)]
}

// isQuoteClass tells whether a class is worth keeping.
func isQuoteClass(class []byte) bool { return classMark(class) != markNone }

func isQuoteID(id []byte) bool { return idMark(id) != markNone }

// quoteMarks returns the classes of value that mark quotes, separated by blanks.
func quoteMarks(value []byte) []byte {
	var kept []byte
	for _, class := range bytes.Fields(value[:min(len(value), maxTextValue)]) {
		if isQuoteClass(class) {
			if kept != nil {
				kept = append(kept, ' ')
			}
			kept = append(kept, class...)
		}
	}
	return kept
}
