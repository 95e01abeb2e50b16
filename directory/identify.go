package directory

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"candor.example/scan"
)

// kinds are all that a snapshot can hold. Their order is part of its format.
var kinds = [...]scan.Kind{scan.Email, scan.EmailMD5, scan.EmailSHA1, scan.EmailSHA256, scan.Name, scan.Phone}

// kind is an index into kinds.
type kind uint8

const (
	email kind = iota
	emailMD5
	emailSHA1
	emailSHA256
	name
	phone
)

// kindSet has a bit for each of kinds.
type kindSet uint32

const allKinds kindSet = 1<<len(kinds) - 1

func (s kindSet) has(k kind) bool { return s&(1<<k) != 0 }

// setOf is the set of some kinds; of none it is all.
func setOf(list []scan.Kind) (kindSet, error) {
	if len(list) == 0 {
		return allKinds, nil
	}
	var set kindSet
	for _, k := range list {
		i := slices.Index(kinds[:], k)
		if i < 0 {
			return 0, fmt.Errorf("there is no kind of identifier %q", k)
		}
		set |= 1 << i
	}
	if !set.has(email) {
		return 0, fmt.Errorf("the kind %q cannot be left out: by it Candor knows who is looking", scan.Email)
	}
	return set, nil
}

func (s kindSet) list() []scan.Kind {
	var list []scan.Kind
	for i, k := range kinds {
		if s.has(kind(i)) {
			list = append(list, k)
		}
	}
	return list
}

// customer is a row of a customer file.
type customer struct {
	line                                    int // of the row's beginning, from 1
	id, email, name, locale, country, phone []byte
}

// identify calls yield with each of a customer's identifiers but the address, which is normal already, and problem with
// what is wrong with a field. yield's value is valid only until it returns.
func (c *customer) identify(set kindSet, normal []byte, yield func(k kind, value []byte), problem func(field, message string)) {
	twins(set, normal, yield)
	if set.has(name) && len(c.name) > 0 {
		forms := scan.NameForms(c.name)
		if len(forms) == 0 {
			problem("name", "it is no full name: two to six words of letters are read")
		}
		for _, form := range forms {
			yield(name, form)
		}
	}
	if set.has(phone) && len(c.phone) > 0 {
		region, _, _ := strings.Cut(strings.ToUpper(string(c.country)), "-")
		forms := phoneForms(string(c.phone), region)
		if len(forms) == 0 {
			problem("phone", "it is no telephone number: write it with its country's code, such as +49, or give the row's country as two letters (ISO 3166-1)")
		}
		for _, form := range forms {
			yield(phone, form)
		}
	}
}

// twins are the hashes of a normalised address that web pages carry in its stead.
func twins(set kindSet, normal []byte, yield func(k kind, value []byte)) {
	if set.has(emailMD5) {
		sum := md5.Sum(normal)
		yield(emailMD5, sum[:])
	}
	if set.has(emailSHA1) {
		sum := sha1.Sum(normal)
		yield(emailSHA1, sum[:])
	}
	if set.has(emailSHA256) {
		sum := sha256.Sum256(normal)
		yield(emailSHA256, sum[:])
	}
}

// phoneForms are the two forms of a telephone number that scan.NormalizePhone makes of how pages write it: with the
// country's code (ITU-T E.164), and the national number. Whether the number is in use is not asked.
func phoneForms(number, region string) [][]byte {
	n, err := phonenumbers.Parse(number, region)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return nil
	}
	var forms [][]byte
	for _, written := range []string{phonenumbers.Format(n, phonenumbers.E164), phonenumbers.GetNationalSignificantNumber(n)} {
		if form, ok := scan.NormalizePhone(nil, []byte(written)); ok {
			forms = append(forms, form)
		}
	}
	return forms
}
