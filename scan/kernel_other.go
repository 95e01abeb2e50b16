//go:build !amd64

package scan

var kernel = "portable"

func look(buf []byte, from int, list []found, keyed bool) (n, upto int) {
	return lookPortable(buf, from, list, keyed)
}
