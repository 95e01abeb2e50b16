//go:build !amd64

package scan

func look(buf []byte, from int, list []found) (n, upto int) { return lookPortable(buf, from, list) }
