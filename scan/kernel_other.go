//go:build !amd64

package scan

func look(buf []byte, from int, list []found, keyed bool) (n, upto int) {
	return lookPortable(buf, from, list, keyed)
}
