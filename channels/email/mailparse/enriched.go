package mailparse

import "strings"

// unenrich makes plain text of text/enriched (RFC 1896): commands go, with the parameters of them; a
// single line end is a blank, of several one goes; "<<" is a bracket.
func unenrich(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var out strings.Builder
	asIs, params := 0, 0
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b == '<' && strings.HasPrefix(text[i:], "<<"):
			out.WriteByte('<')
			i++
		case b == '<':
			name, end := command(text[i:])
			switch name {
			case "nofill", "verbatim":
				asIs++
			case "/nofill", "/verbatim":
				asIs = max(asIs-1, 0)
			case "param":
				params++
			case "/param":
				params = max(params-1, 0)
			}
			i += end
		case params > 0:
		case b == '\n' && asIs == 0:
			n := len(text[i:]) - len(strings.TrimLeft(text[i:], "\n"))
			if n == 1 {
				out.WriteByte(' ')
			}
			out.WriteString(strings.Repeat("\n", n-1))
			i += n - 1
		default:
			out.WriteByte(b)
		}
	}
	return out.String()
}

// unenrichOld makes plain text of text/richtext (RFC 1341): line ends are blanks, <nl> is a line end
// and <lt> a bracket.
func unenrichOld(text string) string {
	var out strings.Builder
	comments := 0
	for i := 0; i < len(text); i++ {
		if text[i] == '<' {
			name, end := command(text[i:])
			switch name {
			case "nl", "/paragraph", "np":
				out.WriteByte('\n')
			case "lt":
				out.WriteByte('<')
			case "comment":
				comments++
			case "/comment":
				comments = max(comments-1, 0)
			}
			i += end
			continue
		}
		switch b := text[i]; {
		case comments > 0 || b == '\r':
		case b == '\n':
			out.WriteByte(' ')
		default:
			out.WriteByte(b)
		}
	}
	return out.String()
}

// command reads "<name>" at the start of s and returns where its bracket is; 0 if it is none.
func command(s string) (name string, end int) {
	end = strings.IndexByte(s[:min(len(s), 64)], '>')
	if end < 0 {
		return "", 0
	}
	return strings.ToLower(s[1:end]), end
}
