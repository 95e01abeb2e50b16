package delivery

import (
	"encoding/base64"
	"strings"
)

func (x *sinkConn) auth(arg string) bool {
	mechanism, first, _ := strings.Cut(arg, " ")
	var user, password string
	switch mechanism {
	case "PLAIN":
		f := strings.Split(unbase64(first), "\x00")
		if len(f) == 3 {
			user, password = f[1], f[2]
		}
	case "LOGIN":
		user, password = x.prompt("VXNlcm5hbWU6"), x.prompt("UGFzc3dvcmQ6")
	}
	if x.verify == nil || !x.verify(user, password) {
		return x.answer("535 5.7.8 no")
	}
	return x.answer("235 2.7.0 yes")
}

func (x *sinkConn) prompt(words string) string {
	x.answer("334 %s", words)
	x.w.Flush()
	line, _ := x.r.ReadString('\n')
	return unbase64(strings.TrimSpace(line))
}

func unbase64(s string) string {
	b, _ := base64.StdEncoding.DecodeString(s)
	return string(b)
}
