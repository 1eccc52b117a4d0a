package stack

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"
)

// addresses is how many e-mail addresses the three systems share.
const addresses = 600

// near bounds how many addresses an identity chooses from.
const near = 8

// email is an address of the pool, as nobody spells it differently.
func email(i int) string {
	i = ((i % addresses) + addresses) % addresses
	switch i % 10 {
	case 5:
		return fmt.Sprintf("p%d+tag@example.com", i)
	case 6:
		return fmt.Sprintf("İpek.ışık%d@example.com.tr", i) // lower case of the first letter is two
	case 7:
		return fmt.Sprintf("zoë%d@exämple.com", i)
	case 8:
		return fmt.Sprintf("zoe\u0308%d@example.com", i) // combining: another key than the composed one
	case 9:
		return fmt.Sprintf("😀%d%%2B&a=b#c?d'\\\"@example.com", i)
	}
	return fmt.Sprintf("p%d@example.com", i)
}

// spelled is an address near an identity, as one system spells it.
func spelled(dice *rand.Rand, identity int) string {
	e := email(identity*2 + dice.IntN(near))
	switch dice.IntN(8) {
	case 0:
		return strings.ToUpper(e)
	case 1:
		return "  " + e
	case 2:
		return e + "\t "
	case 3:
		return "\u00a0" + capital(e) + "\u3000"
	}
	return e
}

// capital is the address with its first letter in upper case.
func capital(email string) string {
	first, size := utf8.DecodeRuneInString(email)
	return string(unicode.ToUpper(first)) + email[size:]
}

var words = []string{
	"Matthew Groves", "Zoë", "Zoe\u0308 O'Neil", "İstanbul Işık", "ﬁnn \"Q\" \\ Straße", "山田 太郎", "👩‍👩‍👧‍👦 family",
	"<b>&amp;</b>", "line\nbreak\ttab", " edges ", "Σίσυφος ΟΔΥΣΣΕΥΣ", "ﷺ rtl \u200fمرحبا", "x\u0001y\u007f", "null", "\u2028sep", "{\"json\":1}",
}

func word(dice *rand.Rand) string {
	w := words[dice.IntN(len(words))]
	if dice.IntN(2) == 0 {
		w = fmt.Sprintf("%s %d", w, dice.IntN(1000))
	}
	return w
}
