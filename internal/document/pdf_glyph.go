package document

import (
	"strconv"
	"strings"
)

// glyphs are the names of Adobe's glyph list that identifiers and names of people are written with: ASCII, Latin-1 and the
// ligatures. Letters name themselves. Other alphabets come with a ToUnicode map or as uniXXXX.
var glyphs = func() map[string]string {
	const names = `space   exclam ! quotedbl " numbersign # dollar $ percent % ampersand & quotesingle ' parenleft ( parenright )
asterisk * plus + comma , hyphen - minus - period . slash / zero 0 one 1 two 2 three 3 four 4 five 5 six 6 seven 7 eight 8 nine 9 colon :
semicolon ; less < equal = greater > question ? at @ bracketleft [ backslash \ bracketright ] asciicircum ^ underscore _
grave ` + "`" + ` braceleft { bar | braceright } asciitilde ~ quoteleft ‘ quoteright ’ quotedblleft “ quotedblright ” endash – emdash — bullet • Euro €
Agrave À Aacute Á Acircumflex Â Atilde Ã Adieresis Ä Aring Å AE Æ Ccedilla Ç Egrave È Eacute É Ecircumflex Ê Edieresis Ë
Igrave Ì Iacute Í Icircumflex Î Idieresis Ï Eth Ð Ntilde Ñ Ograve Ò Oacute Ó Ocircumflex Ô Otilde Õ Odieresis Ö Oslash Ø
Ugrave Ù Uacute Ú Ucircumflex Û Udieresis Ü Yacute Ý Thorn Þ germandbls ß agrave à aacute á acircumflex â atilde ã
adieresis ä aring å ae æ ccedilla ç egrave è eacute é ecircumflex ê edieresis ë igrave ì iacute í icircumflex î idieresis ï
eth ð ntilde ñ ograve ò oacute ó ocircumflex ô otilde õ odieresis ö oslash ø ugrave ù uacute ú ucircumflex û udieresis ü
yacute ý thorn þ ydieresis ÿ Scaron Š scaron š Zcaron Ž zcaron ž OE Œ oe œ Ydieresis Ÿ dotlessi ı Lslash Ł lslash ł
fi fi fl fl ff ff ffi ffi ffl ffl`
	f := strings.Fields(names)
	glyphs := map[string]string{"space": " "}
	for i := 1; i+1 < len(f); i += 2 {
		glyphs[f[i]] = f[i+1]
	}
	return glyphs
}()

// glyph is the text of a glyph's name, by the rules of Adobe's glyph list specification.
func glyph(n string) string {
	n, _, _ = strings.Cut(n, ".") // "a.alt" is an a
	if s, ok := glyphs[n]; ok {
		return s
	}
	if len(n) == 1 {
		return n
	}
	for _, prefix := range []string{"uni", "u"} {
		if h, ok := strings.CutPrefix(n, prefix); ok && len(h) >= 4 && len(h) <= 6 {
			if r, err := strconv.ParseUint(h, 16, 32); err == nil && r < 0x110000 {
				return string(rune(r))
			}
		}
	}
	return ""
}
