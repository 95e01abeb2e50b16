package main

import (
	"strings"

	"candor.example/scan"
)

// normalisePublic reads what is published on purpose: an e-mail address, a telephone number (the shop's hotline) or a full name (an author
// who is a customer, too).
func normalisePublic(s string) (string, bool) {
	if normal, ok := normaliseEmail(s); ok {
		return normal, true
	}
	b := []byte(strings.TrimSpace(s))
	if n, ok := scan.NormalizePhone(nil, b); ok {
		return string(n), true
	}
	n, ok := scan.NormalizeName(nil, b)
	return string(n), ok
}

// publicForms says whether something is another form of what is public: the hash of an address, or a number without its country.
func publicForms(list []string) func(normalised []byte) bool {
	hashes := map[string]bool{}
	var numbers []string
	for _, s := range list {
		normal, _ := normalisePublic(s)
		if strings.HasPrefix(normal, "+") && !strings.Contains(normal, "@") {
			numbers = append(numbers, normal)
		}
		for _, sum := range scan.Hashes([]byte(normal)) {
			hashes[string(sum)] = true
		}
	}
	return func(normalised []byte) bool {
		if hashes[string(normalised)] {
			return true
		}
		for _, n := range numbers {
			// A country's code has one to three digits (ITU-T E.164 §6.2.1).
			if rest, ok := strings.CutSuffix(n, string(normalised)); ok && len(rest) >= 2 && len(rest) <= 4 {
				return true
			}
		}
		return false
	}
}
